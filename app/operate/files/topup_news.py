"""What a user hears when their proof was rejected, at each linked channel in its language.

An approval needs no words of its own: it is an order that was paid, and has that order's notice.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, select

from app.core.errors import FieldError
from app.core.language import Lang, Text
from app.core.money import Minor
from app.core.telemetry import get_logger
from app.engine.tasks.queue import NewTask, enqueue
from app.operate import texts
from app.operate.chats.messaging import CHANNEL, ReplyTo, other_task_of, place_of, reply_task
from app.operate.chats.tables import channels
from app.providers.other_channels import OtherMessage

_CURRENCY = "IDR"
REJECTED = Text(
    "Bukti pembayaran Anda (nomor {topup_id}) tidak diterima: {reason}\nBila menurut Anda keliru, hubungi toko.",
    "Your proof of payment (number {topup_id}) was not accepted: {reason}\nIf you think this is wrong, contact"
    " the shop.",
)
REJECTED_AMOUNT = Text(
    "Bukti pembayaran Anda sebesar {amount} (nomor {topup_id}) tidak diterima: {reason}\nBila menurut Anda keliru,"
    " hubungi toko.",
    "Your proof of payment of {amount} (number {topup_id}) was not accepted: {reason}\nIf you think this is wrong,"
    " contact the shop.",
)
TITLE = Text("Bukti pembayaran {topup_id}", "Proof of payment {topup_id}")

log = get_logger(__name__)


def tell_rejected(
    connection: Connection, topup_id: int, user_id: str, amount: Minor | None, reason: str, at: int
) -> None:
    """Enqueue the news to each open channel of the user; one task a channel, however often it is asked for."""
    reached = select(channels.c.id, channels.c.service, channels.c.address, channels.c.lang).where(
        channels.c.user_id == user_id, channels.c.ended_at.is_(None), channels.c.quiet == 0
    )
    rows = connection.execute(reached.order_by(channels.c.id)).all()
    enqueue(connection, list(_tasks(rows, topup_id, amount, reason, at)), at)


def _tasks(
    rows: Iterable[Row[*tuple[Any, ...]]], topup_id: int, amount: Minor | None, reason: str, at: int
) -> Iterator[NewTask]:
    for number, service, address, spoken in rows:
        lang: Lang = "en" if spoken == "en" else "id"
        values = {"topup_id": str(topup_id), "reason": reason}
        if amount is not None:
            values["amount"] = texts.money(amount, _CURRENCY, lang)
        told = texts.fill(REJECTED if amount is None else REJECTED_AMOUNT, values, lang)
        key = f"topup:{topup_id}:rejected:{number}"
        try:
            yield _task(service, address, texts.fill(TITLE, values, lang), told, key, at)
        except FieldError as error:  # whatever is wrong with a chat, the decision stands
            log.warning("news_not_sendable", channel=number, topup=topup_id, why=str(error))


def _task(service: str, address: str, title: str, told: str, key: str, at: int) -> NewTask:
    kind, destination = place_of(service, address)
    if kind == CHANNEL:
        return other_task_of(OtherMessage(service, address, told, title), key, at)
    return reply_task(ReplyTo(kind, destination), told, key, at)
