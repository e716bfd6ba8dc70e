"""Notices to users, sent to their linked channels: tasks in the transaction that writes the notices."""

from collections.abc import Iterator, Sequence

import msgspec
import orjson
from sqlalchemy import Connection, text

from app.core.errors import FieldError
from app.core.language import Lang
from app.core.telemetry import get_logger
from app.engine.tasks.queue import NewTask, enqueue
from app.ledger import books
from app.ledger.book import Noticed
from app.operate import texts
from app.operate.chats.links import end_address
from app.operate.chats.messaging import notice_keys, notice_task
from app.operate.chats.texts import say
from app.operate.orders import serial_number

log = get_logger(__name__)

_REACHED = text(
    "SELECT o.id, c.id, c.service, c.address, c.lang FROM json_each(:orders) AS j"
    " CROSS JOIN callback_orders AS o ON o.id = j.value"
    " CROSS JOIN callback_channels AS c ON c.user_id = o.user_id AND c.ended_at IS NULL"
    " WHERE c.quiet = 0 ORDER BY c.id"
)


class _Reached(msgspec.Struct, frozen=True):
    """A channel of an order's user."""

    order_no: int
    channel_id: int
    service: str
    address: str
    lang: Lang


def notify(connection: Connection, notices: Sequence[Noticed]) -> None:
    """Enqueue what these notices say to each linked channel of their users."""
    numbers = orjson.dumps(sorted({order_no for _, order_no, _, _ in notices})).decode()
    reached: dict[int, list[_Reached]] = {}
    for row in connection.execute(_REACHED, {"orders": numbers}):
        lang: Lang = "en" if row[4] == "en" else "id"
        reached.setdefault(row[0], []).append(_Reached(row[0], row[1], row[2], row[3], lang))
    tasks: list[NewTask] = []
    for notice in notices:
        if (channels := reached.get(notice[1])) is not None:
            tasks.extend(_tasks(connection, notice, channels))
    if tasks:
        enqueue(connection, tasks, notices[0][3])


def _tasks(connection: Connection, notice: Noticed, channels: Sequence[_Reached]) -> Iterator[NewTask]:
    source_id, number, status, at = notice
    order = books.order_no(connection, number)
    if order is None:
        return
    known = {row.fact: row.level for row in books.facts_of(connection, number)}
    for channel in channels:
        values = texts.order_values(order, serial_number(known, status) or "", channel.lang)
        told = texts.notice(order.kind, status, values, channel.lang)
        key = f"{notice_keys(number, source_id)}{status}:{channel.channel_id}"
        callback_id = source_id if source_id > 0 else None
        title = say("notice_title", channel.lang, values)
        try:
            yield notice_task(
                channel.service, channel.address, title, told, key, at, callback_id=callback_id, order_no=number
            )
        except FieldError as error:  # whatever is wrong with a chat, the money moves
            log.warning("notice_not_sendable", channel=channel.channel_id, order=order.order_id, why=str(error))
            end_address(connection, channel.service, channel.address, "gone", at)
