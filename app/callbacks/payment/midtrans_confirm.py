"""Asks Midtrans' status API about a doubted attempt."""

from collections.abc import Callable
from typing import Any

import httpx2
import msgspec

from app.callbacks.confirming import Question
from app.callbacks.payment.midtrans_callback import facts_of
from app.core.config import Settings, usable_secrets
from app.engine.tasks import Failure
from app.ledger.answers import Answer
from app.ledger.book import Policy
from app.ledger.facts import Level, Told
from app.operate.policy import policy_of
from app.providers.asking import SenderAnswer
from app.providers.status_api import StatusAnswer, ask

#: Methods that Midtrans knows by transaction alone. Source: Midtrans, Get status (samples), and reports.
_BY_TRANSACTION_TYPES = frozenset({"dana"})
_BY_TRANSACTION_BANKS = frozenset({"danamon", "bsi", "seabank", "saqu"})


class _Method(msgspec.Struct, frozen=True):
    payment_type: Any = ""
    va_numbers: Any = ()


_method = msgspec.json.Decoder(_Method).decode


class MidtransConfirmer:
    """Midtrans' status API."""

    def __init__(self, settings: Settings) -> None:
        """The key and the address are those of the settings."""
        self._settings = settings

    def policy(self) -> Policy:
        """As set: `MIDTRANS_CONFIRM`, `MIDTRANS_UNKNOWN_AFTER`."""
        return policy_of(self._settings)

    async def ask(self, client: httpx2.AsyncClient, question: Question) -> StatusAnswer | Failure:
        """By order, and by transaction where that tells of another one."""
        keys = usable_secrets(self._settings.midtrans_server_key)
        if not keys:
            return Failure("MIDTRANS_SERVER_KEY is not set, so nobody can be asked")
        return await ask(client, self._settings.midtrans_api(), keys[0], question.order_id, question.attempt)

    def hear(self, question: Question, answer: SenderAnswer, *, is_elsewhere: Callable[[], bool]) -> Answer:
        """A notice, as any other of theirs."""
        detail = {"asked": answer.asked, "answer": answer.detail}
        if answer.kind != "found" or not isinstance(answer, StatusAnswer):
            return Answer(answer.kind, body=answer.body, detail=detail)
        told = facts_of(answer.body, Level.CONFIRMED)
        if misfit := _misfit(question, told, answer):
            return Answer("unavailable", detail={**detail, "answer": misfit})
        if told.order_id != question.order_id and is_elsewhere():
            return Answer("belongs_elsewhere", body=answer.body, detail=detail)
        return Answer("found", told, answer.body, detail)


def _misfit(question: Question, told: Told, answer: StatusAnswer) -> str:
    """Why this answer is none to the question, or an empty text. The amount is compared where the callbacks wait."""
    if told.refused:
        return f"the answer cannot be read: {told.refused}"
    attempt = told.notice.attempt if told.notice is not None else ""
    if question.attempt and attempt != question.attempt:
        return "the answer is about another attempt"
    if told.order_id != question.order_id and not (answer.order_unknown and _known_by_transaction(answer.body)):
        return "the answer is about another order"
    return ""


def _known_by_transaction(body: bytes) -> bool:
    method = _method(body.removeprefix(b"\xef\xbb\xbf"))
    if str(method.payment_type).lower() in _BY_TRANSACTION_TYPES:
        return True
    numbers = method.va_numbers if isinstance(method.va_numbers, list) else []
    banks = {str(number.get("bank", "")).lower() for number in numbers if isinstance(number, dict)}
    return bool(banks & _BY_TRANSACTION_BANKS)


__all__ = ["MidtransConfirmer"]
