"""What a provider's file wants answered: its own words for "received", and handshakes. Pure."""

from collections.abc import Iterator

import msgspec

from app.engine.callback import Answer
from app.providers.catalog.model import Provider, Reply
from app.providers.choosing import When, when
from app.providers.proving import Reading
from app.providers.templates import Place, Template, compiled, place

_NOSNIFF = (b"x-content-type-options", b"nosniff")


class Reaction(msgspec.Struct, frozen=True):
    """One answer of the file, compiled."""

    data: Reply
    when: When
    body: Template
    headers: tuple[tuple[bytes, Template], ...]
    tells: Place | None = None

    def answer(self, reading: Reading) -> Answer | None:
        """As bytes; None where a value is missing, or would not be one line of a header."""
        body = self.body.render(reading)
        told = [(name, text.render(reading)) for name, text in self.headers]
        headers = [(name, value) for name, value in told if value is not None and _is_one_line(value)]
        if body is None or len(headers) < len(told):
            return None
        if not self.data.proved and _NOSNIFF not in headers:  # it may repeat what anybody wrote
            headers.append(_NOSNIFF)
        return Answer(self.data.status, body, self.data.content_type.encode(), tuple(headers))


class Reactions:
    """All answers of a file, read from the top."""

    def __init__(self, provider: Provider) -> None:
        """Of a provider whose file was checked."""
        self._each = tuple(_reaction(answer) for answer in provider.answers)

    def choose(self, reading: Reading, method: str = "POST") -> Reaction | None:
        """The one that this request asks for; None: the ordinary answer (GET and HEAD: none)."""
        return next(self._fitting(reading, method), None)

    def _fitting(self, reading: Reading, method: str) -> Iterator[Reaction]:
        for each in self._each:
            if each.data.method == method and each.when.fits(reading):
                yield each


def _reaction(answer: Reply) -> Reaction:
    headers = tuple((name.lower().encode(), compiled(text)) for name, text in answer.headers.items())
    tells = place(answer.tells) if answer.tells else None
    return Reaction(answer, when(answer.when), compiled(answer.body), headers, tells)


def _is_one_line(value: bytes) -> bool:
    return all(32 <= byte != 127 for byte in value)  # noqa: PLR2004 - no control characters
