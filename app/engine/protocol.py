"""The hot path's HTTP: webhooks go from the parser straight to `receive`, everything else to uvicorn's own cycle.

Worth 2.1 times the requests of plain ASGI on the same machine: no task, future, timer or scope a callback.
"""

import asyncio
import time
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.server import ServerState

from app.core.telemetry import get_logger
from app.engine import answers
from app.engine.callback import Answer, Request
from app.engine.connection import CLOSES, COLD, GOES_ON, HEAD, HOT, NOTHING, SKIP, OrderedConnection, Slot
from app.engine.head import is_too_large, is_upload, refused_by_fields, size_of, upload_refused_by_fields
from app.engine.heads import HEAD_BYTES_MAX, HEAD_END, Fields, Head

_WIRE_FACTOR = 8  # how many bytes a body may take on the wire for each byte it may have: chunks have heads
_HEAD_END_BYTES = len(HEAD_END)
_STRANGE_MAX = 32  # a connection on which so many heads in a row were not known has others each time: no more is looked

log = get_logger(__name__)


class CallbackProtocol(OrderedConnection):
    """One connection's parser. `uvicorn.Config(http=CallbackProtocol)`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Called by uvicorn for each connection."""
        super().__init__(config, server_state, app_state, _loop)
        self._hot_paths = not self.root_path
        self._names = self._hall.names
        self._heads = self._hall.heads
        self._strange = 0  # heads in a row that were not known
        self._receive = self._hall.receiver.receive
        self._head_max = self._limits.head_bytes
        self._pipelined_max = self._limits.pipelined
        # What an upload changes for its own body alone; put back when that is whole, so that no webhook asks for it.
        self._ordinary = (self._limits.body_bytes * _WIRE_FACTOR, self._limits.body_seconds)
        self._wire_max, self._body_seconds = self._ordinary
        self._timed = NOTHING  # the kind whose beginning `_since` is
        self._fields: list[tuple[bytes, bytes]] = []
        self._whole = False  # the data that is parsed ended a webhook that is kept, and the connection goes on
        self._fresh = False  # the message began in the data that is being parsed
        self._bytes = 0  # of it on the wire, as far as it did not come in one piece
        self._big = False  # its head may be too large
        self._name = ""
        self._headers: dict[bytes, bytes] = {}
        self._body: bytes | bytearray = b""

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a webhook that came whole is with the appender when this returns."""
        if self._deaf:
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        begins = not self._kind and self._strange < _STRANGE_MAX and not self._asgi_is_busy()
        if begins:
            end = data.find(HEAD_END)
            head = self._heads.get(data[:end]) if 0 < end <= HEAD_BYTES_MAX else None
            if head is not None and len(data) == end + _HEAD_END_BYTES + head.body_bytes:
                self._strange = 0
                self._known(head, data[end + _HEAD_END_BYTES :])
                return
            self._strange += 1
        self._parse(data)
        if begins and self._whole:
            self._heads.learn(data, self._name, self._headers, self._fields)

    def _parse(self, data: bytes) -> None:
        size = len(data)
        self._big = self._bytes + size > self._head_max
        self._whole = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # an upgrade is never granted: what was asked beside it has been answered, what follows is not HTTP
        except httptools.HttpParserCallbackError as error:
            cause = error.__cause__ or error.__context__
            if isinstance(cause, httptools.HttpParserError):
                self._refuse(answers.MALFORMED)  # the address is none
            else:
                self._failed(cause)
        except httptools.HttpParserError:
            self._refuse(answers.MALFORMED)
        if self._kind:
            self._unfinished(size)
        if len(self._slots) > self._pipelined_max:
            self.flow.hold()

    # ---- the parser's calls

    def on_message_begin(self) -> None:
        """A request's first byte."""
        if self._deaf:
            self._kind = SKIP
            return
        self._kind = HEAD
        self._timed = NOTHING
        self._fresh = True
        self._bytes = 0
        self._fields = []
        self.url = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head; those behind a chunked body are not looked at."""
        if self._kind == HEAD:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Decide who answers."""
        if self._kind != HEAD:
            return
        limits = self._limits
        # Adding up costs more than all else here: only a head that came with much may be too large.
        if (self._big or len(self._fields) > limits.head_fields) and is_too_large(self._fields, self.url, limits):
            self._refuse(answers.HEAD_TOO_LARGE)
            return
        name = self._names[self.url] if self._hot_paths else None
        if name is None or self.parser.get_method() != b"POST" or (self.cycle is not None and self._asgi_is_busy()):
            self._begin_cold()
        else:
            self._begin_hot(name)

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        if self._kind == HOT:
            if not self._body:
                self._body = body
            elif isinstance(self._body, bytes):
                self._body = bytearray(self._body + body)
            else:
                self._body += body
            if len(self._body) > self._limits.body_bytes:
                self._refuse(answers.BODY_TOO_LARGE)
        elif self._kind == COLD:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole. One without a body had no `on_body`."""
        kind, self._kind = self._kind, NOTHING
        self._bytes = 0
        if kind == HOT:
            self._complete_hot()
        elif kind == COLD:
            self._wire_max, self._body_seconds = self._ordinary
            super().on_message_complete()

    # ---- callbacks

    def _begin_hot(self, name: str) -> None:
        # reversed: of a repeated field the first one counts
        headers = {field.lower(): value for field, value in reversed(self._fields)}
        refusal = self._refused_by_head(headers)
        if refusal is not None:
            self._refuse(refusal)
            return
        self._kind = HOT
        self._name = name
        self._headers = headers
        self._body = b""
        if headers.get(b"expect", b"").lower() == b"100-continue":
            self._owes_continue = True
            self._pay_continue()

    def _refused_by_head(self, headers: dict[bytes, bytes]) -> Answer | None:
        # httptools drops the body of a request that asks for an upgrade, without a word
        if (
            b"upgrade" in headers
            and (headers.get(b"content-length") or b"transfer-encoding" in headers)
            and self.parser.should_upgrade()
        ):
            return answers.UPGRADE_REFUSED
        return refused_by_fields(headers, self._limits)

    def _complete_hot(self) -> None:
        headers = self._headers
        self._owes_continue = False
        if self._half_bytes:
            self._hold(0)
        goes_on = self.parser.should_keep_alive() and (
            b"connection" not in headers or self.parser.get_http_version() == "1.1"  # 1.0 that asks to be kept
        )
        body = self._body if type(self._body) is bytes else bytes(self._body)
        kept = self._hand_over(self._name, headers, self._fields, body, goes_on=goes_on)
        self._whole = kept and goes_on

    def _known(self, head: Head, body: bytes) -> None:
        """A webhook that is whole, with a head that came before."""
        try:
            self._hand_over(head.name, head.headers, head.fields, body, goes_on=True)
        except Exception as error:  # noqa: BLE001 - as inside the parser
            self._failed(error)
        if len(self._slots) > self._pipelined_max:
            self.flow.hold()

    def _hand_over(self, name: str, headers: dict[bytes, bytes], fields: Fields, body: bytes, *, goes_on: bool) -> bool:
        """Receive a webhook that is whole → whether it waits for its commit, and was not answered at once.

        Its headers are its own: what somebody's handler does to them must not reach the next one with this head.
        """
        end = GOES_ON
        if self._stopping or not goes_on:
            end = CLOSES
            self._deaf = True
        slot = Slot(self, end)
        self._slots.append(slot)
        peer = self._forwarded(fields) if self._hall.proxies.some else self._peer
        request = Request(name, body, headers.copy(), peer, time.time_ns() // 1000)
        try:
            answer = self._receive(request, slot)
        except BaseException:
            self._slots.pop()  # its place must not hold up the answer that says so
            raise
        if answer is not None:
            slot(answer)
        return answer is None

    def _forwarded(self, fields: Fields) -> str:
        values = [value for name, value in fields if name.lower() == b"x-forwarded-for"]
        return self._hall.proxies.remote_addr(self._peer, values)

    # ---- everything else

    def _begin_cold(self) -> None:
        fields, url = self._fields, self.url
        headers = {name.lower(): value for name, value in reversed(fields)}
        upload = is_upload(self.parser.get_method(), url, headers)
        refusal = self._refused_by_head(headers) if fields else None
        if upload and refusal is answers.BODY_TOO_LARGE:
            refusal = upload_refused_by_fields(headers, self._limits)
        if refusal is not None:
            self._refuse(refusal)
            return
        self._kind = COLD
        if upload:
            self._wire_max, self._body_seconds = self._limits.upload_bytes * _WIRE_FACTOR, self._limits.upload_seconds
        super().on_message_begin()
        self.url = url
        for name, value in fields:
            super().on_header(name, value)
        super().on_headers_complete()

    def _unfinished(self, size: int) -> None:
        """Keep the account of a message that did not come in one piece."""
        if self._kind == SKIP:
            return
        if self._timed != self._kind:
            self._timed = self._kind
            self._since = self.loop.time()
            if self._kind != HEAD:
                self._bytes = 0
        self._bytes += size_of(self._fields, self.url) if self._fresh else size
        self._fresh = False
        if self._kind == HEAD:
            if self._bytes > self._limits.head_bytes:
                self._refuse(answers.HEAD_TOO_LARGE)
        elif self._bytes > self._wire_max:
            self._refuse(answers.BODY_TOO_LARGE)
        elif self._kind == HOT:
            self._hold(len(self._body))
            if self._hall.connections.halves_bytes > self._limits.halves_bytes:
                self._body = b""
                self._refuse(answers.FULL)

    def _failed(self, cause: BaseException | None) -> None:
        """One of our own methods raised."""
        log.error("receive.failed", exc_info=cause)
        self._refuse(answers.FAILED)
