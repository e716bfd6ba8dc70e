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


class Answerer:
    """Answers the questions of one batch, each when its turn in the log comes: what stands before it has happened."""

    def __init__(self, connection: Connection, callbacks: Sequence[Callback], *, at: int, settings: Settings) -> None:
        """`callbacks`: the batch; those that were answered before are looked up once."""
        self._connection = connection
        self._answered = known(connection, [chat_key(callback) for callback in callbacks])
        self._at = at
        self._settings = settings

    def answer(self, question: Question) -> Outcome:
        """Do what is asked, and enqueue the answer."""
        number, at = question.callback_id, self._at
        if question.key in self._answered:
            return Outcome(number, OutcomeWord.DUPLICATE)
        if is_late(question.received_at, at):
            return Outcome(number, OutcomeWord.IGNORED, "no_longer_answered")
        self._answered.add(question.key)
        asked = Asked(question.command, question.arguments, f"{ORDER_PREFIX}{number}", question.received_at)
        reply = answer(self._connection, question.speaker, asked, at=at, settings=self._settings)
        if not enqueue(self._connection, [_task(question, reply, at)], at):
            return Outcome(number, OutcomeWord.IGNORED, "answered_before")
        return Outcome(number, OutcomeWord.APPLIED, "answered", order_no=reply.order_no)


def _task(question: Question, reply: Reply, at: int) -> NewTask:
    to, key = question.to, question.key
    if question.in_private is not None and not (question.speaker.private or reply.public):
        to = question.in_private
    if reply.hint and to.service != DISCORD_REPLY:  # where one answer is as good as many of the same
        told = hashlib.blake2b(reply.text.encode(), digest_size=6).hexdigest()
        key = f"hint:{to.service}:{to.destination}:{told}:{at // _HINTS_US}"
    if reply.payment is None:
        return reply_task(to, reply.text, key, at, buttons=reply.buttons, callback_id=question.callback_id)
    payload = msgspec.json.encode(Opening(reply.payment, to)).decode()
    return NewTask(question.key, SNAP, MIDTRANS, payload, at, reply.order_no, question.callback_id)
