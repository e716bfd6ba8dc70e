"""Answers questions from chats inside the worker's transaction: each once, its answer a task of that transaction."""

import hashlib
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from app.core.config import Settings
from app.engine.callback import Callback, Outcome, OutcomeWord
from app.engine.tasks.queue import NewTask, enqueue, known
from app.operate.chats.commands import Asked, Reply, Speaker, answer
from app.operate.chats.messaging import ReplyTo, reply_task
from app.operate.chats.topups import ORDER_PREFIX, Payment
from app.providers.chat_messages import DISCORD_REPLY

#: The kind of tasks that open a payment, and where they go.
SNAP, MIDTRANS = "snap", "midtrans"


class Question(msgspec.Struct, frozen=True):
    """A command from a chat, as its face has read it."""

    callback_id: int
    received_at: int  # microseconds
    key: str  # equal when the service tells of the same command again
    speaker: Speaker
    command: str
    arguments: str
    to: ReplyTo
    #: where what others may not hear is said instead
    in_private: ReplyTo | None = None


class Opening(msgspec.Struct, frozen=True):
    """A payment to be opened, and who waits for its page; what a task of kind `snap` carries."""

    payment: Payment
    to: ReplyTo


#: Nobody waits for longer: what is imported later, or decided anew after its task was forgotten, does nothing.
_WAITS_US = 86_400 * 1_000_000
#: How often somebody who has no account here is told how to begin.
_HINTS_US = 60 * 1_000_000


def is_late(received_at: int, at: int) -> bool:
    """Whether whoever wrote this has long stopped waiting for an answer. Pure."""
    return received_at < at - _WAITS_US


def chat_key(callback: Callback) -> str:
    """The key of what answers this callback: equal when the service tells of the same again."""
    return f"chat:{callback.provider}:{callback.event_type}:{callback.event_key}"


def answer_all(
    connection: Connection, questions: Sequence[Question], *, at: int, settings: Settings
) -> dict[int, Outcome]:
    """Answer each, in this order → an outcome for each callback."""
    answered = known(connection, [question.key for question in questions])
    outcomes = {}
    for question in questions:
        if question.key in answered:
            outcomes[question.callback_id] = Outcome(question.callback_id, OutcomeWord.DUPLICATE)
            continue
        if is_late(question.received_at, at):
            outcomes[question.callback_id] = Outcome(question.callback_id, OutcomeWord.IGNORED, "no_longer_answered")
            continue
        answered.add(question.key)
        asked = Asked(
            question.command, question.arguments, f"{ORDER_PREFIX}{question.callback_id}", question.received_at
        )
        reply = answer(connection, question.speaker, asked, at=at, settings=settings)
        if not enqueue(connection, [_task(question, reply, at)], at):
            outcomes[question.callback_id] = Outcome(question.callback_id, OutcomeWord.IGNORED, "answered_before")
            continue
        outcomes[question.callback_id] = Outcome(
            question.callback_id, OutcomeWord.APPLIED, "answered", order_no=reply.order_no
        )
    return outcomes


def _task(question: Question, reply: Reply, at: int) -> NewTask:
    in_the_open = question.speaker.private or reply.public or question.in_private is None
    to = question.to if in_the_open or question.in_private is None else question.in_private
    key = question.key
    if reply.hint and to.service != DISCORD_REPLY:  # where one answer is as good as many of the same
        told = hashlib.blake2b(reply.text.encode(), digest_size=6).hexdigest()
        key = f"hint:{to.service}:{to.destination}:{told}:{at // _HINTS_US}"
    if reply.payment is None:
        return reply_task(to, reply.text, key, at, buttons=reply.buttons, callback_id=question.callback_id)
    payload = msgspec.json.encode(Opening(reply.payment, to)).decode()
    return NewTask(question.key, SNAP, MIDTRANS, payload, at, reply.order_no, question.callback_id)
