"""Requests with their verdicts, made from what a person said of a sender: two good ones, three that must be refused."""

import re
from typing import Any

import msgspec

from app.operate.providers.questions import Answers
from app.providers.catalog.model import Provider, schemes_of
from app.providers.key_pairs import KeyPair, made_up
from app.providers.message import Message
from app.providers.putting import put
from app.providers.signing import sign
from app.providers.templates import TextError, compiled, place

_AT_SECONDS = 1_764_000_000  # any moment, the same for ever
_SECOND_US = 1_000_000


def vectors_of(provider: Provider, answers: Answers) -> list[dict[str, Any]]:
    """Two good requests, and three that must be refused: another secret, another body, no proof."""
    pair, at = made_up(provider), _AT_SECONDS * _SECOND_US
    path = f"/callbacks/webhook/{answers.name}"
    good = [_signed(provider, path, body, pair, at) for body in _bodies(answers)]
    other = _signed(provider, path, _bodies(answers)[0], made_up(provider), at)
    bare = Message(good[0].body, {b"content-type": good[0].headers[b"content-type"]})
    bad = [
        (other, "signed with another secret" if answers.kind != "token" else "another token", at),
        (bare if not _in_body(answers) else Message(_bodies(answers)[0], bare.headers), "no proof", at),
        _third(provider, good[0], answers, pair, at),
    ]
    rows = [_row(f"good_{number}", "valid", "", message, pair, at) for number, message in enumerate(good, 1)]
    return rows + [
        _row(f"bad_{n}", "invalid", why, message, pair, when) for n, (message, why, when) in enumerate(bad, 1)
    ]


def _third(provider: Provider, good: Message, answers: Answers, pair: KeyPair, at: int) -> tuple[Message, str, int]:
    """Another body, or where the time is signed the same too late; a token, which signs neither, in capitals."""
    if answers.kind == "token":
        capitals = pair._replace(signs=pair.signs.upper())
        return _signed(provider, good.path, good.body, capitals, at), "in capitals", at
    clock = schemes_of(provider)[0].clock
    if clock is not None and clock.tolerance_seconds != "any":
        return good, "an hour off", at + (3_600 + clock.tolerance_seconds) * _SECOND_US
    return _changed(provider, good, answers), "changed after signing", at


def _in_body(answers: Answers) -> bool:
    return place(answers.where).room == "field"


def _signed(provider: Provider, path: str, body: bytes, pair: KeyPair, at: int) -> Message:
    kind = "application/json" if body[:1] in {b"{", b"["} else "application/x-www-form-urlencoded"
    message = Message(body, {b"content-type": kind.encode()}, "POST", f"https://shop.example{path}", path)
    return sign(provider, message, pair.signs, {}, at)


def _bodies(answers: Answers) -> list[bytes]:
    """Two bodies that hold what the texts read."""
    found = []
    for number in ("1", "2"):
        body = b"{}" if answers.body == "json" else b"x=1"
        for text, value in _values(answers, number):
            try:
                where = place(text.strip("{}"))
            except TextError:
                continue  # more than one place: its parts stand there by others
            if where.room == "field":
                body = put(body, answers.body, where.path, value)
        found.append(body)
    return found


def _values(answers: Answers, number: str) -> list[tuple[str, str]]:
    told = [
        (answers.event_type, "event"),
        (answers.event_key, f"EV-{number}"),
        (answers.ordering_key, f"T-{number}"),
        (answers.order_id, f"T-{number}"),
        (answers.attempt, f"P-{number}"),
        (answers.amount, "10000"),
        (answers.currency, "IDR"),
        (answers.status, (answers.paid or answers.pending or "PAID").split(",")[0].strip()),
    ]
    holes = [
        (f"{{{each}}}", f"V{number}") for each in re.findall(r"\{([\w.\[\]]+)\}", answers.signed) if each not in _OURS
    ]
    return [(text, value) for text, value in (*holes, *told) if text]


_OURS = frozenset({"body", "method", "path", "url", "timestamp", "secret", "fields"})


def _changed(provider: Provider, message: Message, answers: Answers) -> Message:
    """Something of what was signed is another now; where that is nothing of the body, the proof is."""
    signed = compiled(answers.signed).places()
    named = {each.name for each in signed if each.room == "named"}
    fields = [each.path for each in signed if each.room == "field"] or ([("more",)] if "fields" in named else [])
    if "body" in named:
        body = message.body + (b" " if answers.body == "json" else b"&more=1")
    elif fields:
        body = put(message.body, answers.body, fields[0], "10001")
    else:
        return _signed(provider, message.path, message.body, made_up(provider), _AT_SECONDS * _SECOND_US)
    return msgspec.structs.replace(message, body=body)


def _row(case: str, expected: str, why: str, message: Message, pair: KeyPair, at: int) -> dict[str, Any]:
    row: dict[str, Any] = {"case": case, "expected": expected}
    if why:
        row["why"] = why
    row |= {"at": at // _SECOND_US, "secret": pair.proves, "path": message.path, "url": message.url}
    row["query"] = message.query
    row["headers"] = {name.decode(): value.decode() for name, value in message.headers.items()}
    row["body"] = message.body.decode()
    return {name: value for name, value in row.items() if value != ""}


__all__ = ["vectors_of"]
