"""Opens a payment page at Midtrans for a top-up that was asked for in a chat, and answers with its address."""

from collections.abc import Mapping

import httpx2
import msgspec
from sqlalchemy import Connection

from app.core.config import Settings, usable_secrets
from app.core.telemetry import redact
from app.engine.outcomes import Alert, raise_alerts
from app.engine.tasks import Circuit, Failure, GiveUp, Policy, Result, Settle, Success, Task, Verdict
from app.engine.tasks.queue import enqueue
from app.operate.chats import topups
from app.operate.chats.answering import Opening
from app.operate.chats.messaging import reply_task
from app.providers.snap import Opened, open_payment

_opening = msgspec.json.Decoder(Opening).decode

_MINOR = 100  # of a rupiah
#: What no repetition helps, and the word of its dead letter.
_FINAL: Mapping[str, str] = {
    "taken": "payment_not_opened",
    "refused": "payment_not_opened",
    "key_refused": "payment_not_opened",
}


class SnapOpener:
    """Carries out tasks of kind `snap`. Somebody waits in a chat: after ten minutes they are told that it failed.

    To open the same order's page again is harmless, so a lost answer is simply asked for again.
    """

    policy = Policy(base_seconds=1.0, cap_seconds=60.0, tries_max=12, age_seconds_max=600.0, wait_seconds_max=600.0)
    concurrency = 8
    rate_in_all_per_second: float | None = None
    circuit: Circuit | None = Circuit()
    timeout_seconds = 25.0

    def __init__(self, settings: Settings, client: httpx2.AsyncClient) -> None:
        """`client` is closed by whoever opened it."""
        self._settings = settings
        self._client = client

    def rate_of(self, destination: str) -> float | None:
        """Ten a second."""
        del destination
        return 10.0

    async def perform(self, task: Task) -> Result:
        """Ask once."""
        keys = usable_secrets(self._settings.midtrans_server_key)
        if not keys:
            return Failure("MIDTRANS_SERVER_KEY is not set, so no payment can be opened")
        payment = _opening(task.payload).payment
        url, rupiah = self._settings.midtrans_snap(), payment.amount // _MINOR
        opened = await open_payment(self._client, url, keys[0], payment.order_id, rupiah)
        if opened.kind == "opened":
            return Success(opened)
        reason = _FINAL.get(opened.kind, "")
        return Failure(
            redact(opened.detail),
            final=bool(reason),
            reason=reason,
            retry_after_seconds=opened.retry_after_seconds,
            value=opened,
        )

    @property
    def settle(self) -> Settle:
        """Answer who asked, in the transaction that writes the result."""
        return self._settle

    def _settle(self, connection: Connection, task: Task, result: Result, proposed: Verdict, at: int) -> Verdict:
        opening = _opening(task.payload)
        answer = result.value
        if not topups.is_open(connection, opening.payment):
            return proposed  # it was paid meanwhile, and they were told so
        if isinstance(result, Success) and isinstance(answer, Opened):
            told, key = topups.opened(opening.payment, answer.redirect_url), f"{task.key}:opened"
        elif isinstance(proposed, GiveUp):
            told, key = topups.not_opened(opening.payment, taken=_is_taken(answer)), f"{task.key}:not_opened"
        else:
            return proposed
        if isinstance(answer, Opened) and answer.kind == "key_refused":
            raise_alerts(connection, [Alert("key_refused", "provider:midtrans", {"answer": answer.detail})], at=at)
        enqueue(connection, [reply_task(opening.to, told, key, at, callback_id=task.callback_id)], at)
        return proposed


def _is_taken(answer: object) -> bool:
    return isinstance(answer, Opened) and answer.kind == "taken"


__all__ = ["SnapOpener"]
