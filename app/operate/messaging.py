"""Messages as tasks of the slow lane: enqueued in the transaction that asks for them."""

import msgspec

from app.engine.tasks.queue import NewTask
from app.providers.chat_messages import DISCORD, DISCORD_BOT, DISCORD_REPLY, TELEGRAM, Message, plain_message


def message_to(service: str, address: str, told: str) -> Message:
    """A text for a linked channel."""
    if service == DISCORD:
        return plain_message(DISCORD_BOT, f"user:{address}", told)
    return plain_message(TELEGRAM, address, told)


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


#: Discord's bots send a nonce with each message, and an answer to a command is put in the place of the one before.
_TELLS_REPETITIONS = frozenset({DISCORD_BOT, DISCORD_REPLY})
