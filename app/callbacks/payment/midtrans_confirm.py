"""Asks Midtrans' status API about a doubted attempt, and brings the answer to the ledger: the performer of `ask`."""

import random
from typing import Any

import httpx2
import msgspec
from sqlalchemy import Connection

from app.callbacks.payment.midtrans_callback import facts_of
from app.core.config import Settings, usable_secrets
from app.engine.tasks import Circuit, Failure, Finished, Policy, Result, Settle, Success, Task, Verdict
from app.engine.tasks.policy import after_failure
from app.ledger.answers import Answer, is_elsewhere, settle
from app.ledger.facts import Level, Told
from app.operate.policy import policy_of
from app.providers.status_api import StatusAnswer, ask

KIND = "ask"

#: Methods that Midtrans knows by transaction alone. Source: Midtrans, Get status (samples), and reports.
_BY_TRANSACTION_TYPES = frozenset({"dana"})
_BY_TRANSACTION_BANKS = frozenset({"danamon", "bsi", "seabank", "saqu"})


class Question(msgspec.Struct, frozen=True):
    """The payload of an `ask` task."""

    order_id: str
    attempt: str


class _Method(msgspec.Struct, frozen=True):
    payment_type: Any = ""
    va_numbers: Any = ()


_question = msgspec.json.Decoder(Question).decode
_method = msgspec.json.Decoder(_Method).decode


class MidtransConfirmer:
    """Carries out the questions of the ledger; an answer decides all that waits for it."""

    #: An API that is down delays what is in doubt, however long: nothing in doubt passes, nothing is given up.
    policy = Policy(
        base_seconds=2.0, cap_seconds=60.0, tries_max=None, age_seconds_max=None, wait_seconds_max=float("inf")
    )
    concurrency = 8
    rate_in_all_per_second: float | None = None
    circuit: Circuit | None = Circuit()
    timeout_seconds = 25.0

    def __init__(self, settings: Settings, client: httpx2.AsyncClient) -> None:
        """`client` is closed by whoever opened it."""
        self._settings = settings
        self._client = client
        self._ledger_policy = policy_of(settings)

    def rate_of(self, destination: str) -> float | None:
        """Ten a second."""
        del destination
        return 10.0

    async def perform(self, task: Task) -> Result:
        """Ask once."""
        keys = usable_secrets(self._settings.midtrans_server_key)
        if not keys:
            return Failure("MIDTRANS_SERVER_KEY is not set, so nobody can be asked")
        question = _question(task.payload)
        url = self._settings.midtrans_api()
        answer = await ask(self._client, url, keys[0], question.order_id, question.attempt)
        if answer.kind in {"found", "unknown"}:
            return Success(answer)
        return Failure(answer.detail, retry_after_seconds=answer.retry_after_seconds, value=answer)

    @property
    def settle(self) -> Settle:
        """Bring the answer to the ledger, in the transaction that writes the result."""
        return self._settle

    def _settle(self, connection: Connection, task: Task, result: Result, proposed: Verdict, at: int) -> Verdict:
        question = _question(task.payload)
        heard = self._heard(connection, task, question, result)
        again = settle(
            connection,
            task.order_no or 0,
            question.attempt,
            heard,
            asked_since=task.created_at,
            at=at,
            policy=self._ledger_policy,
        )
        if not again:
            return Finished()
        if isinstance(result, Success):
            words = heard.detail.get("answer", "not confirmed yet")
            return after_failure(task, Failure(words), at, random.random(), self.policy)  # noqa: S311 - jitter
        return proposed

    def _heard(self, connection: Connection, task: Task, question: Question, result: Result) -> Answer:
        answer = result.value
        if not isinstance(answer, StatusAnswer):
            return Answer("unavailable")
        detail = {"asked": answer.asked, "answer": answer.detail}
        if answer.kind != "found":
            return Answer(answer.kind, body=answer.body, detail=detail)
        told = facts_of(answer.body, Level.CONFIRMED)
        if misfit := _misfit(question, told, answer):
            return Answer("unavailable", detail={**detail, "answer": misfit})
        if told.order_id != question.order_id and is_elsewhere(connection, task.order_no or 0, question.attempt):
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


__all__ = ["KIND", "MidtransConfirmer", "Question"]
