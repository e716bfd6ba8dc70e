"""An upload over HTTP: the token first, then the file to the disk, a look at it, and then its event into the log.

The event goes the way of all others, so its 200 means what every 200 means. A file whose event is not in the log is
removed; where nobody could (the process was killed), `operate.files.sweeping` does it later.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
from fastapi import Response
from starlette.types import Receive, Scope, Send

from app.callbacks.upload_form import Form, read_form
from app.core.clock import now_us
from app.core.config import get_settings
from app.core.errors import CallbackError, FieldError, FileRefused, UnreadableBody, describe_os_error, treatment
from app.core.telemetry import get_logger
from app.engine import answers
from app.engine.asgi import ClientGone, ask, make_request, refuse, refused_by_head, send_answer
from app.engine.callback import Answer
from app.engine.reception import Reception
from app.files import keeping
from app.operate.advice import reason_text
from app.operate.files.upload_told import EVENT, upload_from
from app.operate.files.uploads import look_at

NAME = "upload"
_OK = 200
_STATUS = {"picture_too_large": 413, "file_empty": 422}
_PLAIN_ENCODINGS = frozenset({b"", b"identity"})

log = get_logger(__name__)


class UploadResponse(Response):
    """Reads the form as it comes: nobody has read its body, and whatever is said of it is sent from here."""

    def __init__(self, reception: Reception) -> None:
        """`reception`: who proves the sender and takes the event."""
        super().__init__()
        self._reception = reception

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one upload."""
        limits, body = self._reception.limits, _Body(receive, self._reception.limits.upload_bytes)
        try:
            answer = self._refused(scope) or await self._taken(scope, body)
        except ClientGone:
            return
        if body.whole:
            await send_answer(send, answer)
        elif answer is answers.BODY_TOO_SLOW:
            await send_answer(send, answer, close=True)
        else:
            await refuse(answer, scope, receive, send, limits)

    def _refused(self, scope: Scope) -> Answer | None:
        headers = dict(reversed(scope["headers"]))
        if headers.get(b"content-encoding", b"").lower() not in _PLAIN_ENCODINGS:
            return self._no(answers.ENCODING_REFUSED)
        refused = self._reception.refused(scope) or refused_by_head(scope, self._reception.limits, upload=True)
        return refused and self._no(refused)

    def _no(self, answer: Answer) -> Answer:
        self._reception.counters.refuse(NAME, answer.reason, at=now_us(), status=answer.status)
        return answer

    async def _taken(self, scope: Scope, body: "_Body") -> Answer:
        folder = get_settings().callback_uploads
        content_type = dict(reversed(scope["headers"])).get(b"content-type", b"")
        try:
            async with asyncio.timeout(self._reception.limits.upload_seconds):
                form = await read_form(content_type, body.pieces(), folder)
        except TimeoutError:
            return self._no(answers.BODY_TOO_SLOW)
        except CallbackError as error:
            return self._no(_told(error))
        except OSError as error:
            log.warning("upload.not_written", error=describe_os_error(error))
            return self._no(answers.UPLOAD_NOT_WRITTEN)
        return await self._handed_in(scope, form, folder)

    async def _handed_in(self, scope: Scope, form: Form, folder: str) -> Answer:
        path = str(form.path)
        try:
            event = _event(form)
            await asyncio.to_thread(look_at, Path(path), upload_from(event))
        except BaseException as error:
            await asyncio.shield(asyncio.to_thread(keeping.remove_incoming, folder, path))
            if isinstance(error, CallbackError):
                return self._no(_told(error))
            raise
        request = make_request(scope, NAME, orjson.dumps(event), self._reception.proxies)
        # Whoever is cancelled here does not know whether it is in the log: the file stays.
        answer = await ask(self._reception.events, request)
        if answer.status != _OK:
            await asyncio.to_thread(keeping.remove_incoming, folder, path)
        return answer


class _Body:
    """The request's body, piece by piece, and whether all of it has come."""

    def __init__(self, receive: Receive, bytes_max: int) -> None:
        self._receive = receive
        self._left = bytes_max
        self.whole = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises ClientGone, or FileRefused as soon as more came than an upload may have."""
        while not self.whole:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ClientGone
            piece: bytes = message.get("body", b"")
            self.whole = not message.get("more_body", False)
            self._left -= len(piece)
            if self._left < 0:
                raise FileRefused("file_too_large")
            yield piece


def _event(form: Form) -> dict[str, Any]:
    told = {
        "event_type": EVENT,
        "file_path": str(form.path),
        "original_filename": form.filename,
        "file_size": form.size,
        **form.fields,
    }
    return {name: value for name, value in told.items() if value != ""}


def _told(error: CallbackError) -> Answer:
    if isinstance(error, FileRefused):
        if error.reason == "file_too_large":
            return answers.UPLOAD_TOO_LARGE
        sentence = reason_text(error.reason, error.detail, "en")
        return answers.refusal(_STATUS.get(error.reason, 415), error.reason, field="file", detail=sentence)
    field, detail = (error.field, error.reason) if isinstance(error, (FieldError, UnreadableBody)) else ("", str(error))
    return answers.refusal(treatment(error).status, "unreadable_body", field=answers.plain(field), detail=detail)
