"""From a request's bytes to the disk to the answer, whatever carried the request here.

This is the hot path: no future, no task, no log line for a callback that is kept. The appender calls back when the
group's commit is on disk, and that call writes the answer.
"""

import os
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec
import orjson

from app.core.errors import FieldError, UnreadableBody, ValidationError, treatment
from app.engine import answers
from app.engine.answers import accepted, refusal
from app.engine.callback import Answer, Done, Handler, Handlers, Identity, Request, Row, Verification
from app.engine.counters import Counters
from app.engine.limits import Limits
from app.engine.looking_up import look_up
from app.engine.nesting import too_deep

_OK = 200
_NOTHING_TO_KEEP = Answer(200, b'{"success": true, "message": "nothing to keep"}')
_PLAIN_ENCODINGS = frozenset({b"", b"identity"})


class Append(Protocol):
    """What `receive` needs of the appender."""

    def append(self, row: Row, done: Callable[[int | None], None]) -> bool:
        """Queue a row; `done(id)` after its commit, `done(None)` when it was not kept. False: the queue is full."""


class Kept(msgspec.Struct, frozen=True):
    """What the sender of a queued row is told, once the appender knows; a struct costs half of what a closure does."""

    receiver: "Receiver"
    request: Request
    reply: Answer | None
    done: Done

    def __call__(self, callback_id: int | None) -> None:
        """`callback_id`: it is on disk under this number; None: it is not."""
        if callback_id is None:
            self.done(self.receiver.not_written(self.request))
        else:
            self.done(self.reply or accepted(callback_id))


class Receiver:
    """Receives the callbacks of one family of addresses (`webhook` or `event`)."""

    def __init__(
        self,
        handlers: Handlers,
        appender: Append,
        *,
        counters: Counters,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        prefix: str = "",
    ) -> None:
        """`prefix` stands before the handler's name in the log's `provider` column (`event/` for events)."""
        self.handlers = handlers
        self.appender = appender
        self.counters = counters
        self.limits = limits
        self.prefix = prefix
        self.draining = False

    def receive(self, request: Request, done: Done) -> Answer | None:
        """Verify, identify and queue one request → its answer if that is known at once, else None and `done` later.

        `done` is called exactly once when None was returned, in the event loop's thread, after the commit.
        """
        try:  # not `get`: who is not registered may still be found (`__missing__`), and only the unknown pay for it
            handler = self.handlers[request.provider]
        except KeyError:
            return self._refuse("", request, answers.NOT_FOUND)
        if self.draining:
            return self._refuse(request.provider, request, answers.STOPPING)
        if (
            not request.body or b"content-encoding" in request.headers or too_deep(request.body, self.limits.json_depth)
        ) and (unfit := self._unfit(request)) is not None:
            return unfit
        try:
            return self._take(handler, request, done)
        except ValidationError as error:
            return self._refuse(request.provider, request, _unreadable(error))
        except Exception as error:  # noqa: BLE001 - a handler of somebody's own must not hang its sender
            return self._failed(request, error)

    def probe(self, request: Request) -> Answer:
        """Answer a GET or HEAD: a sender's handshake where its handler has one, else 405. Nothing is kept."""
        try:
            return self.handlers[request.provider].probed(request) or answers.METHOD_NOT_ALLOWED
        except (KeyError, ValidationError):
            return answers.METHOD_NOT_ALLOWED
        except Exception as error:  # noqa: BLE001 - as in `receive`
            return self._failed(request, error)

    def _unfit(self, request: Request) -> Answer | None:
        """Limits that concern the bytes alone, before anybody reads them."""
        if not request.body:
            return self._refuse(request.provider, request, answers.EMPTY_BODY)
        if request.headers.get(b"content-encoding", b"").lower() not in _PLAIN_ENCODINGS:
            return self._refuse(request.provider, request, answers.ENCODING_REFUSED)
        if too_deep(request.body, self.limits.json_depth):
            return self._refuse(request.provider, request, answers.TOO_DEEP)
        return None

    def _take(self, handler: Handler, request: Request, done: Done) -> Answer | None:
        provider = request.provider
        verification = handler.verify(request, request.received_at)
        if verification.status != _OK:
            return self._refuse(provider, request, _unproved(verification))
        identity = handler.identify(request)
        reply = handler.reply(request)
        if not handler.keeps(request):
            return self._unkept(handler, request, reply or _NOTHING_TO_KEEP, done)
        row = row_of(handler, request, identity, verification, self.prefix + provider)
        if self.appender.append(row, Kept(self, request, reply, done)):
            return None
        return self._refuse(provider, request, answers.FULL)

    def not_written(self, request: Request) -> Answer:
        """The answer to a callback that the disk did not take."""
        self.counters.write_failed_at = request.received_at
        return self._refuse(request.provider, request, answers.WRITE_FAILED)

    @staticmethod
    def _unkept(handler: Handler, request: Request, reply: Answer, done: Done) -> Answer | None:
        find = handler.looks_up(request)
        if find is None:
            return reply
        look_up(find, reply, done)
        return None

    def _refuse(self, provider: str, request: Request, answer: Answer) -> Answer:
        self.counters.refuse(provider, answer.reason, at=request.received_at, status=answer.status)
        return answer

    def _failed(self, request: Request, error: Exception) -> Answer:
        # The error's own text may quote the body or a secret: its kind and its place are enough to find it.
        where, answer = _place(error), answers.HANDLER_FAILED
        self.counters.refuse(
            request.provider, answer.reason, at=request.received_at, error=type(error).__name__, where=where
        )
        return answer


def _unproved(verification: Verification) -> Answer:
    reason = verification.reason or "not_verified"
    return refusal(verification.status, reason, field=verification.field, detail=verification.detail)


def _unreadable(error: ValidationError) -> Answer:
    field, detail = "", str(error)
    if isinstance(error, FieldError | UnreadableBody):
        field, detail = error.field, error.reason
    return refusal(treatment(error).status, "unreadable_body", field=field, detail=detail)


def row_of(handler: Handler, request: Request, identity: Identity, verification: Verification, name: str) -> Row:
    """The callback's columns for the log, kept under `name`. Raises UnreadableBody for text that is no Unicode."""
    row: Row = (
        0,
        name,
        identity.event_type,
        identity.event_key,
        identity.ordering_key,
        request.received_at,
        _kept_headers(handler.kept_headers, request.headers) if handler.kept_headers else "",
        handler.kept_body(request),
        verification.how,
        request.remote_addr,
    )
    if not _storable(row):
        raise UnreadableBody("the body holds text that is no Unicode")
    return row


def _kept_headers(names: tuple[bytes, ...], headers: Mapping[bytes, bytes]) -> str:
    """JSON text of those headers that matter and came; "" for none. Bytes above 0x7f are read as Latin-1."""
    kept = {name.decode("latin-1"): headers[name].decode("latin-1") for name in names if name in headers}
    return orjson.dumps(kept).decode() if kept else ""


def _storable(row: Row) -> bool:
    """Whether the log can hold what a handler gave, so that one bad row never fails its group.

    Raises TypeError for values of a wrong type: a fault of the handler.
    """
    if type(row[7]) is not bytes:
        raise TypeError("kept_body is not bytes")
    try:
        # join, not an f-string: it raises for what is no text
        text = "".join((row[2], row[3], row[4], row[8]))
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:  # a lone surrogate, such as JSON's "\ud800"
        return False


def _place(error: Exception) -> str:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return ""
    return f"{os.path.basename(traceback.tb_frame.f_code.co_filename)}:{traceback.tb_lineno}"  # noqa: PTH119 - text only
