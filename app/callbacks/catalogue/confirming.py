"""Asks the API of a sender of the catalogue about a payment, as its file says."""

from collections.abc import Callable

import httpx2
import msgspec

from app.callbacks.catalogue.telling import Table
from app.callbacks.confirming import Question
from app.core.clock import now_us
from app.engine.tasks import Failure
from app.ledger.answers import Answer, Heard
from app.ledger.book import Policy
from app.operate.policy import UNASKED
from app.providers.asking import Asking, SenderAnswer
from app.providers.message import Message
from app.providers.proving import Reading
from app.providers.set_up import SetUp

#: A wrong address answers 404, too: an owner has an hour to see it before payments are dead letters.
_POLICY = msgspec.structs.replace(UNASKED, unknown_after=UNASKED.less_after)


class CatalogueConfirmer:
    """One sender's API."""

    def __init__(self, asking: Asking, there: SetUp, table: Table) -> None:
        """`there`: what the shop has set for it; `table`: what its answers mean."""
        self._asking = asking
        self._there = there
        self._table = table

    def policy(self) -> Policy:
        """What it tells asks for itself (`Notice.always_asked`)."""
        return _POLICY

    async def ask(self, client: httpx2.AsyncClient, question: Question) -> SenderAnswer | Failure:
        """By order or attempt, as its address has them."""
        if self._there.lacking:  # else what cannot be asked would be taken for what is unknown there
            return Failure(f"not set, so that nobody can be asked: {', '.join(self._there.lacking)}")
        secret = next((each for each in self._there.asking.at(now_us()) if each), None)
        if secret is None:
            return Failure(f"{self._asking.data.variable} has ended, so that nobody can be asked")
        return await self._asking.ask(client, secret, question.order_id, question.attempt)

    def hear(self, question: Question, answer: SenderAnswer, *, is_elsewhere: Callable[[], bool]) -> Answer:
        """By the status table of its answers."""
        detail = {"asked": answer.asked, "answer": answer.detail}
        if answer.kind != "found":
            return Answer(answer.kind, body=answer.body, detail=detail)
        told = self._table.told(Reading(Message(answer.body), "json"))
        if told.refused or told.ignored:
            return _unreadable(answer, f"the answer cannot be read: {told.refused or told.ignored}")
        if told.order_id != question.order_id:
            return _unreadable(answer, "the answer is about another order")
        if {fact.attempt for fact in told.facts} != {question.attempt}:
            # It knows the order by another payment: of this one it knows nothing.
            heard: Heard = "belongs_elsewhere" if is_elsewhere() else "unknown"
            return Answer(heard, body=answer.body, detail={**detail, "answer": "the answer is about another attempt"})
        return Answer("found", told, answer.body, detail)


def _unreadable(answer: SenderAnswer, words: str) -> Answer:
    """Some senders answer so about what they do not know, and no file can tell it from an API that has changed."""
    return Answer("unreadable", body=answer.body, detail={"asked": answer.asked, "answer": words, "answered": words})
