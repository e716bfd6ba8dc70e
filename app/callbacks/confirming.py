"""Asks a sender's API about a doubted payment, and brings the answer to the ledger: the performer of `ask`."""

import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import httpx2
import msgspec
from sqlalchemy import Connection

from app.engine.tasks import Circuit, Failure, Finished, Policy, Result, Settle, Success, Task, Verdict
from app.engine.tasks.policy import after_failure
from app.ledger.answers import Answer, is_elsewhere, settle
from app.ledger.book import Policy as LedgerPolicy
from app.providers.asking import SenderAnswer
from app.providers.outgoing import open_client

KIND = "ask"
#: An API that asks for a pause of years would leave what is in doubt there.
_LATER_SECONDS_MAX = 3_600.0


class Question(msgspec.Struct, frozen=True):
    """The payload of an `ask` task."""

    order_id: str
    attempt: str


_question = msgspec.json.Decoder(Question).decode


class Confirmer(Protocol):
    """A sender whose API can be asked."""

    def policy(self) -> LedgerPolicy:
        """How its doubts are treated."""

    async def ask(self, client: httpx2.AsyncClient, question: Question) -> SenderAnswer | Failure:
        """Ask once; a Failure where nothing can be asked yet. Never raises."""

    def hear(self, question: Question, answer: SenderAnswer, *, is_elsewhere: Callable[[], bool]) -> Answer:
        """What the answer says of the payment; `is_elsewhere`: whether another order knows its attempt."""


class ConfirmPerformer:
    """Carries out the questions of the ledger; an answer decides all that waits for it."""

    #: An API that is down delays what is in doubt, however long: nothing in doubt passes, nothing is given up.
    policy = Policy(
        base_seconds=2.0, cap_seconds=60.0, tries_max=None, age_seconds_max=None, wait_seconds_max=float("inf")
    )
    concurrency = 8
    rate_in_all_per_second: float | None = None
    circuit: Circuit | None = Circuit()
    timeout_seconds = 25.0

    def __init__(self, handlers: Mapping[str, Any], client: httpx2.AsyncClient) -> None:
        """`handlers` by sender; those whose doubts can be asked about have a `confirmer`."""
        self._handlers = handlers
        self._client = client

    def rate_of(self, destination: str) -> float | None:
        """Ten a second."""
        del destination
        return 10.0

    async def perform(self, task: Task) -> Result:
        """Ask once."""
        confirmer = self._confirmer(task)
        if confirmer is None:
            return Failure(f"nobody can be asked about payments of {task.destination}")
        answer = await confirmer.ask(self._client, _question(task.payload))
        if isinstance(answer, Failure):
            return answer
        if answer.kind in {"found", "unknown"}:
            return Success(answer)
        later = answer.retry_after_seconds
        later = None if later is None else min(later, _LATER_SECONDS_MAX)
        return Failure(answer.detail, retry_after_seconds=later, value=answer)

    @property
    def settle(self) -> Settle:
        """Bring the answer to the ledger, in the transaction that writes the result."""
        return self._settle

    def _settle(self, connection: Connection, task: Task, result: Result, proposed: Verdict, at: int) -> Verdict:
        confirmer = self._confirmer(task)
        if confirmer is None:
            return proposed
        question, order_no = _question(task.payload), task.order_no or 0
        heard = Answer("unavailable")
        if isinstance(result.value, SenderAnswer):
            heard = confirmer.hear(
                question,
                result.value,
                is_elsewhere=lambda: is_elsewhere(connection, order_no, question.attempt),
            )
        again = settle(
            connection,
            order_no,
            question.attempt,
            heard,
            asked_since=task.created_at,
            at=at,
            policy=confirmer.policy(),
        )
        if not again:
            return Finished()
        if isinstance(result, Success):
            words = heard.detail.get("answer", "not confirmed yet")
            return after_failure(task, Failure(words), at, random.random(), self.policy)  # noqa: S311 - jitter
        return proposed

    def _confirmer(self, task: Task) -> Confirmer | None:
        try:
            handler = self._handlers[task.destination]
        except KeyError:
            return None
        confirmer: Confirmer | None = getattr(handler, "confirmer", None)
        return confirmer


async def ask_once(confirmer: Confirmer, question: Question) -> Answer:
    """Ask and hear, for a person who looks: nothing is written."""
    async with open_client(public_only=False) as client:
        answer = await confirmer.ask(client, question)
    if isinstance(answer, Failure):
        return Answer("unavailable", detail={"answer": answer.error})
    return confirmer.hear(question, answer, is_elsewhere=lambda: False)


__all__ = ["KIND", "ConfirmPerformer", "Confirmer", "Question", "ask_once"]
