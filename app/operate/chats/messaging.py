"""Messages as tasks of the slow lane: enqueued in the transaction that asks for them."""

from collections.abc import Sequence

import msgspec

from app.engine.tasks.queue import NewTask
from app.providers.chat_messages import DISCORD, DISCORD_BOT, DISCORD_REPLY, TELEGRAM, Button, Message, plain_message
from app.providers.other_channels import OtherMessage

#: The kind of tasks that go to a channel of CALLBACK_CHANNELS; those of Telegram and Discord are kinds by themselves.
CHANNEL = "channel"

#: Discord's bots send a nonce with each message, and an answer to a command is put in the place of the one before.
_TELLS_REPETITIONS = frozenset({DISCORD_BOT, DISCORD_REPLY})


class ReplyTo(msgspec.Struct, frozen=True):
    """Where an answer goes: as `plain_message` wants it."""

    service: str
    destination: str
    address: str = ""  # an interaction's token


def reply_task(
    to: ReplyTo, told: str, key: str, at: int, *, buttons: Sequence[Button] = (), callback_id: int | None = None
) -> NewTask:
    """The task that answers somebody's question. Asked again it is harmless: it may be repeated."""
    message = plain_message(to.service, to.destination, told, address=to.address, buttons=buttons)
    return task_of(message, key, at, repeatable=True, callback_id=callback_id)


def place_of(service: str, address: str) -> tuple[str, str]:
    """A channel's service and address → kind and destination of the tasks that go there."""
    if service == TELEGRAM:
        return TELEGRAM, address
    return (DISCORD_BOT, f"user:{address}") if service == DISCORD else (CHANNEL, service)


def linked_address(kind: str, destination: str) -> tuple[str, str] | None:
    """A message's kind and destination → the service and address that such a chat is linked by, None where none is."""
    if kind == TELEGRAM:
        return TELEGRAM, destination
    if kind == DISCORD_BOT and destination.startswith("user:"):
        return DISCORD, destination.removeprefix("user:")
    return None


def task_of(
    message: Message,
    key: str,
    at: int,
    *,
    repeatable: bool | None = None,
    callback_id: int | None = None,
    order_no: int | None = None,
) -> NewTask:
    """The task that sends a message; `key` guards against sending it twice.

    `repeatable`: whether a try of which nobody knows if it arrived may be made again; by default where the service
    can tell a repetition.
    """
    payload = msgspec.json.encode(message).decode()
    again = message.service in _TELLS_REPETITIONS if repeatable is None else repeatable
    return NewTask(key, message.service, message.destination, payload, at, order_no, callback_id, again)


def other_task_of(
    message: OtherMessage,
    key: str,
    at: int,
    *,
    repeatable: bool = False,
    callback_id: int | None = None,
    order_no: int | None = None,
) -> NewTask:
    """The task that sends a message; what it shares limits with is its channel, whoever receives."""
    payload = msgspec.json.encode(message).decode()
    return NewTask(key, CHANNEL, message.channel, payload, at, order_no, callback_id, repeatable)


def notice_task(
    service: str, address: str, title: str, told: str, key: str, at: int, *, callback_id: int | None, order_no: int
) -> NewTask:
    """The task that tells a text at a linked channel; `title` where such a channel has one."""
    kind, destination = place_of(service, address)
    if kind == CHANNEL:
        other = OtherMessage(service, address, told, title)
        return other_task_of(other, key, at, callback_id=callback_id, order_no=order_no)
    message = plain_message(kind, destination, told)
    return task_of(message, key, at, callback_id=callback_id, order_no=order_no)


def notice_keys(order_no: int, source_id: int | None = None) -> str:
    """How the keys of an order's notices begin; of those that one callback, answer or person brought about."""
    return f"notice:{order_no}:" if source_id is None else f"notice:{order_no}:{source_id}:"
