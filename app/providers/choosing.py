"""Which row of a provider's file fits a request: `when = { status = "PAID" }`. Pure."""

import re
from collections.abc import Mapping
from hmac import compare_digest

import msgspec

from app.providers.proving import Reading
from app.providers.templates import Place, Template, compiled, place

#: Any value, if it is there.
ANY = "[]"
#: So many hex digits: what may be signed for somebody who proves nothing.
_HEX = re.compile(r"\[hex:([0-9]{1,3})-([0-9]{1,3})\]")
_HEX_DIGITS = re.compile(rb"[0-9a-fA-F]*")


class Wanted(msgspec.Struct, frozen=True):
    """One value that a place may have."""

    word: bytes
    #: filled in from the request or the config (`{config:verify_token}`), then compared as it is
    text: Template | None = None
    digits: tuple[int, int] | None = None
    any: bool = False

    def fits(self, value: bytes, reading: Reading) -> bool:
        """Words without case, secrets in constant time."""
        if self.any:
            return True
        if self.digits is not None:
            return self.digits[0] <= len(value) <= self.digits[1] and _HEX_DIGITS.fullmatch(value) is not None
        if self.text is not None:
            due = self.text.render(reading)
            return bool(due) and due is not None and compare_digest(value, due)
        return value.lower() == self.word


class When(msgspec.Struct, frozen=True):
    """All of these places must have one of their values."""

    wants: tuple[tuple[Place, tuple[Wanted, ...]], ...]

    def fits(self, reading: Reading) -> bool:
        """Whether this request is meant."""
        return all(self._one(where, wanted, reading) for where, wanted in self.wants)

    @staticmethod
    def _one(where: Place, wanted: tuple[Wanted, ...], reading: Reading) -> bool:
        value = where.read(reading)
        return value is not None and any(each.fits(value, reading) for each in wanted)


def when(told: Mapping[str, str | tuple[str, ...]]) -> When:
    """A `when` of a file, compiled."""
    return When(
        tuple(
            (place(where), tuple(map(_wanted, words if isinstance(words, tuple) else (words,))))
            for where, words in told.items()
        )
    )


def _wanted(text: str) -> Wanted:
    if text == ANY:
        return Wanted(b"", any=True)
    if digits := _HEX.fullmatch(text):
        return Wanted(b"", digits=(int(digits[1]), int(digits[2])))
    template = compiled(text)
    return Wanted(text.lower().encode(), template if template.places() else None)
