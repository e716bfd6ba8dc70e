"""Proves a request by what its provider's file says: where the proof stands, what was signed, when. Never raises."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from hmac import compare_digest
from typing import Any

from app.providers import proofs
from app.providers.catalog.model import Clock, Provider, Rewrite, Scheme, schemes_of, several
from app.providers.message import MISSING as NO_FIELD
from app.providers.message import Message, Number, Unread, is_json, read_body, read_form, text_at
from app.providers.rewriting import fields_sorted, parsed
from app.providers.schemes import MALFORMED, MISSING, STALE, TOKEN_MISSING, TOKEN_WRONG, WRONG, Verdict
from app.providers.templates import Place, compiled, place

_PROOF_BYTES_MAX = 16_384
_PROOFS_MAX = 32
_SECOND_US = 1_000_000
_TIME_CHARS_MAX = 40
_DIGITS_MAX = 16


class Reading:
    """The values of one request, as texts read them; the body is parsed once, when the first field is asked for."""

    def __init__(
        self,
        message: Message,
        how: str,
        *,
        config: Mapping[str, str] = {},
        secret: bytes | None = None,
        rewrite: Rewrite | None = None,
        given: Mapping[str, bytes] = {},
    ) -> None:
        """`how`: the body, as in the provider's file; `given` wins over the request (`timestamp`, claims, parts)."""
        self.message = message
        self.how = how
        self.config = config
        self.secret = secret
        self.rewrite = rewrite
        self.given = dict(given)

    @cached_property
    def data(self) -> Any:
        """The body as it was read, or NO_FIELD."""
        try:
            return read_body(self.message.body, self.how)
        except Unread:
            return NO_FIELD

    @cached_property
    def queries(self) -> Mapping[str, str]:
        """The query's fields."""
        try:
            return dict(reversed(read_form(self.message.query.encode()))) if self.message.query else {}
        except (Unread, UnicodeEncodeError):
            return {}

    def value(self, room: str, name: str, path: tuple[str | int, ...]) -> bytes | None:
        """A place's value."""
        if room == "header":
            return self.message.headers.get(name.encode())
        if room == "field":
            return _encoded(text_at(self.data, path))
        if room == "named":
            return self._named(name)
        if room == "query":
            return _encoded(self.queries.get(name))
        if room == "config":
            return _encoded(self.config.get(name))
        return self.given.get(f"{room}:{name}")

    def _named(self, name: str) -> bytes | None:
        if name == "body":
            return self.message.body
        if name == "secret":
            return self.secret
        if name == "fields":
            return self._fields()
        if name in self.given:
            return self.given[name]
        told = {"method": self.message.method, "path": self.message.path, "url": self.message.url}.get(name)
        return _encoded(told) or None

    def _fields(self) -> bytes | None:
        rewrite = self.rewrite or Rewrite()
        try:
            told = {name: value for name, value in self._all_fields().items() if name not in rewrite.drop}
            told |= {name: Number(told[name]) for name in rewrite.numbers if _is_number(told.get(name))}
            told |= {name: [] for name in rewrite.lists if not isinstance(told.get(name), list)}
            return fields_sorted(told)
        except Unread:
            return None

    def _all_fields(self) -> Mapping[str, Any]:
        """Raises Unread."""
        is_form = self.how.startswith("form") or (self.how == "json_or_form" and not is_json(self.message.body))
        data = self.data if is_form else parsed(self.message.body)
        if not isinstance(data, dict):
            raise Unread("the body has no fields")
        return data


def _is_number(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit()


def _encoded(text: str | None) -> bytes | None:
    try:
        return None if text is None else text.encode()
    except UnicodeEncodeError:
        return None


class Prover:
    """A provider's schemes, compiled once."""

    def __init__(self, provider: Provider) -> None:
        """Raises TextError for a text that means nothing."""
        self._each = tuple(_Scheme(scheme, provider.body) for scheme in schemes_of(provider))

    def verify(self, message: Message, secrets: Sequence[bytes], config: Mapping[str, str], at: int) -> Verdict:
        """Whether one of these secrets proves the sender; `at` is the clock in microseconds.

        The first scheme that fits counts; of those that do not, the reason that tells most.
        """
        verdicts = []
        for scheme in self._each:
            verdict = scheme.verify(message, secrets, config, at)
            if verdict.fitted:
                return verdict
            verdicts.append(verdict)
        return max(verdicts, key=_telling)


def _telling(verdict: Verdict) -> int:
    return (MISSING, TOKEN_MISSING, MALFORMED, WRONG, TOKEN_WRONG, STALE).index(verdict)


class _Scheme:
    """One scheme's parts."""

    def __init__(self, scheme: Scheme, how: str) -> None:
        self.data = scheme
        self.how = how
        self.missing, self.wrong = (TOKEN_MISSING, TOKEN_WRONG) if scheme.kind == "token" else (MISSING, WRONG)
        self.fits = proofs.FITS[scheme.kind]
        self.places = tuple(place(each) for each in several(scheme.from_))
        self.prefix = compiled(scheme.prefix)
        self.secret = compiled(scheme.secret)
        self.signed = tuple(compiled(each) for each in several(scheme.signed))
        self.must = tuple((place(where), compiled(text)) for where, text in scheme.must.items())
        self.time = None if scheme.clock is None else _time_place(scheme.clock)

    def verify(self, message: Message, secrets: Sequence[bytes], config: Mapping[str, str], at: int) -> Verdict:
        reading = Reading(message, self.how, config=config, rewrite=self.data.rewrite)
        raws = [raw for raw in self._raws(reading) if raw]
        if not raws:
            return self.missing
        told = self._proofs(raws, reading)
        if not told:
            return MALFORMED if self.data.kind != "token" else self.wrong
        moment = self._moment(self.data.clock, raws, reading, told[0]) if self.data.clock else 0
        if moment is None:
            return MALFORMED
        fitted = self._fitted(told, reading, secrets)
        if not fitted:
            return self.wrong
        # After the signature: whether its time was right is nothing that a forger should learn.
        return STALE if self._is_late(moment, at) else Verdict(fitted)

    def _raws(self, reading: Reading) -> Iterator[bytes | None]:
        for where in self.places:
            if where.room == "header" and where.name.endswith("*"):
                stem = where.name[:-1].encode()
                yield from (value for name, value in reading.message.headers.items() if name.startswith(stem))
            else:
                yield where.read(reading)

    def _proofs(self, raws: Sequence[bytes], reading: Reading) -> list[bytes]:
        prefix = self.prefix.render(reading)
        if prefix is None or any(len(raw) > _PROOF_BYTES_MAX for raw in raws):
            return []
        separator = self.data.separator.encode()
        parts = [part for raw in raws for part in (raw.split(separator) if separator else (raw,))]
        if separator.strip():
            parts = [part.strip() for part in parts]
        named = [part[len(prefix) :] for part in parts if part.startswith(prefix)][:_PROOFS_MAX]
        if self.data.kind == "jwt":
            return [part for part in named if part.count(b".") == 2]  # noqa: PLR2004 - head, claims, signature
        return [told for part in named if (told := proofs.decoded(part, self.data.encoding))]

    def _moment(self, clock: Clock, raws: Sequence[bytes], reading: Reading, proof: bytes) -> int | None:
        """When it was signed, in microseconds; also puts `{timestamp}` where texts find it."""
        where = self.time
        if isinstance(where, bytes):
            parts = [part.strip() for raw in raws for part in raw.split(self.data.separator.encode() or b",")]
            told = [part[len(where) :] for part in parts if part.startswith(where)]
            text = told[0] if len(told) == 1 else None
        elif where is not None and where.room == "claim":
            value = proofs.claims(proof).get(where.name)
            text = str(value).encode() if isinstance(value, int) and not isinstance(value, bool) else None
        else:
            text = where.read(reading) if where is not None else None
        if text is None:
            return None
        reading.given["timestamp"] = text
        return _microseconds(text, clock.unit)

    def _fitted(self, told: Sequence[bytes], reading: Reading, secrets: Sequence[bytes]) -> int:
        """The number of the secret that fits one of these proofs, 0 for none."""
        for number, secret in enumerate(secrets, start=1):
            if not secret:
                continue
            reading.secret = secret
            rendered = self.secret.render(reading)
            key = None if rendered is None else proofs.key_of(rendered, self.data.key)
            if key and any(self._all_must(proof, reading) for proof in self._fitting(told, key, reading)):
                return number
        return 0

    def _fitting(self, told: Sequence[bytes], key: bytes, reading: Reading) -> Iterator[bytes]:
        for signed in self.signed:
            text = signed.render(reading)
            if text is not None:
                yield from (proof for proof in told if self.fits(proof, text, key, self.data.algorithm))

    def _all_must(self, proof: bytes, reading: Reading) -> bool:
        for where, text in self.must:
            told, due = self._claimed(where, proof) or where.read(reading), text.render(reading)
            if told is None or due is None or not compare_digest(told, due):
                return False
        return True

    @staticmethod
    def _claimed(where: Place, proof: bytes) -> bytes | None:
        if where.room != "claim":
            return None
        value = proofs.claims(proof).get(where.name)
        return _encoded(value) if isinstance(value, str) else None

    def _is_late(self, moment: int, at: int) -> bool:
        clock = self.data.clock
        if clock is None or clock.tolerance_seconds == "any":
            return False
        return abs(at - moment) > clock.tolerance_seconds * _SECOND_US + (0 if clock.unit == "ms" else _SECOND_US - 1)


def _time_place(clock: Clock) -> Place | bytes:
    """`part:t` → the beginning `t=` of a part of the proof's own header; else a place."""
    where = place(clock.from_)
    return f"{where.name}=".encode() if where.room == "part" else where


def _microseconds(text: bytes, unit: str) -> int | None:
    if unit == "iso":
        return _iso(text)
    if not (0 < len(text) <= _DIGITS_MAX and text.isdigit()):
        return None
    return int(text) * (1000 if unit == "ms" else _SECOND_US)


def _iso(text: bytes) -> int | None:
    if len(text) > _TIME_CHARS_MAX:
        return None
    try:
        moment = datetime.fromisoformat(text.decode("ascii"))
        return None if moment.tzinfo is None else int(moment.timestamp() * _SECOND_US)
    except (ValueError, OverflowError):
        return None


__all__ = ["Prover", "Reading"]
