"""An answer as bytes of HTTP/1.1; the part before the body's length is made once a second for each kind of answer."""

import re
from http import HTTPStatus
from typing import TypeAlias

from app.engine.callback import Answer

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_HOT = re.compile(rb"/callbacks/webhook/([A-Za-z0-9_-]{1,64})/?")
_NAMES_MAX = 1024
_HEADS_MAX = 256


class Renderer:
    """Renders answers with the server's default headers (the date), which change once a second."""

    def __init__(self) -> None:
        """Starts empty."""
        self._defaults: RawHeaders = []
        self._heads: dict[tuple[int, bytes, tuple[tuple[bytes, bytes], ...], int], bytes] = {}

    def render(self, answer: Answer, defaults: RawHeaders, end: int) -> bytes:
        """Status line, headers and body in one piece; `end` is not 0 for the connection's last answer.

        `defaults` is told apart from the last second's by identity.
        """
        if defaults is not self._defaults or len(self._heads) > _HEADS_MAX:
            self._defaults = defaults
            self._heads.clear()
        key = (answer.status, answer.content_type, answer.headers, end)
        head = self._heads.get(key)
        if head is None:
            head = self._heads[key] = _head(answer, defaults, last=end != 0)
        return b"%b%d\r\n\r\n%b" % (head, len(answer.body), answer.body)


def _head(answer: Answer, defaults: RawHeaders, *, last: bool) -> bytes:
    lines = [b"HTTP/1.1 %d %b" % (answer.status, HTTPStatus(answer.status).phrase.encode())]
    lines += [b"%b: %b" % header for header in (*defaults, *answer.headers)]
    if last:
        lines.append(b"connection: close")
    lines += [b"content-type: " + answer.content_type, b"content-length: "]
    return b"\r\n".join(lines)


class HotNames(dict[bytes, str | None]):
    """The handler's name in a webhook's address: `/callbacks/webhook/midtrans` → `midtrans`.

    None for anything that needs a closer look. An address that was met before costs one look-up; at most a thousand
    are remembered.
    """

    def __missing__(self, target: bytes) -> str | None:
        """An address that was not met before."""
        matched = _HOT.fullmatch(target)
        if matched is None:
            return None
        name = matched[1].decode()
        if len(self) < _NAMES_MAX:
            self[target] = name
        return name
