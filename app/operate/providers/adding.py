"""Writes a provider's file from a person's answers, with vectors that it makes itself."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.core.errors import CatalogRefused, FieldError
from app.operate.providers.trying import try_vectors
from app.providers.catalog import open_catalog, read_provider
from app.providers.catalog.model import Provider
from app.providers.key_pairs import KeyPair, made_up
from app.providers.message import Message
from app.providers.putting import put
from app.providers.signing import sign
from app.providers.templates import TextError, compiled, place

_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_AT_SECONDS = 1_764_000_000  # of vectors: any moment, the same for ever
_SECOND_US = 1_000_000
_HEAD = ("title", "group", "docs", "confirmed", "source", "notes", "body", "headers")


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. Texts and places as in a provider's file; "" leaves a thing out."""

    name: str
    title: str = ""
    docs: str = ""
    kind: str = "hmac"
    algorithm: str = "sha256"
    where: str = "header:X-Signature"
    prefix: str = ""
    encoding: str = "hex"
    key: str = "utf8"
    signed: str = "{body}"
    variable: str = ""
    time: str = ""
    time_unit: str = "s"
    tolerance: int = 300
    body: str = "json"
    event_type: str = ""
    event_key: str = ""
    ordering_key: str = ""
    order_id: str = ""
    attempt: str = ""
    amount: str = ""
    unit: str = "major"
    status: str = ""
    paid: str = ""
    pending: str = ""
    expired: str = ""
    failed: str = ""
    refunded: str = ""
    answer: str = ""


def text_of(answers: Answers) -> str:
    """The file's text, with two good and three bad vectors.

    Raises CatalogRefused for what cannot be, also where the file's own vectors do not come out as they must.
    """
    told = _told(answers)
    file = f"{answers.name}.toml"
    plain = written(told)
    provider = read_provider(plain, file)
    told["vectors"] = vectors_of(provider, answers)
    text = written(told)
    for tried in try_vectors(answers.name, read_provider(text, file)):
        if not tried.ok:
            raise CatalogRefused(file, "scheme", f"does not tell right from wrong; {tried.what}: {tried.told}")
    return text


def check_free(name: str, folder: Path, *, replace: bool) -> None:
    """Before anything is asked. Raises FieldError for a name that is none, or that is taken and not to be replaced."""
    if not _NAME.fullmatch(name):
        raise FieldError("name", "has 1 to 64 of a-z 0-9 _ -")
    path = folder / f"{name}.toml"
    if replace:
        return
    if path.exists():
        raise FieldError("name", f"{path} is there already; --replace writes it anew")
    if name in open_catalog(""):
        known = f"{name} is known already (callbacks providers show {name})"
        raise FieldError("name", f"{known}; --replace lets a file of yours count instead")


def write(text: str, name: str, folder: Path, *, replace: bool) -> Path:
    """Write it into this folder, which is made where it is missing. Raises FieldError where a file is there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    try:
        with path.open("w" if replace else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise FieldError("name", f"{path} is there already; --replace writes it anew") from None
    return path


def vectors_of(provider: Provider, answers: Answers) -> list[dict[str, Any]]:
    """Two good requests, and three that must be refused: another secret, another body, no proof."""
    pair, at = made_up(provider), _AT_SECONDS * _SECOND_US
    path = f"/callbacks/webhook/{answers.name}"
    good = [_signed(provider, path, body, pair, at) for body in _bodies(answers)]
    other = _signed(provider, path, _bodies(answers)[0], made_up(provider), at)
    bare = Message(good[0].body, {b"content-type": good[0].headers[b"content-type"]})
    kind, stale = answers.kind, answers.time and answers.kind != "token"
    third = (good[0], "an hour off", at + 3_600 * _SECOND_US + answers.tolerance * _SECOND_US) if stale else None
    changed = _changed(provider, good[0], answers)
    bad = [
        (other, "signed with another secret" if kind != "token" else "another token", at),
        (bare if not _in_body(answers) else Message(_bodies(answers)[0], bare.headers), "no proof", at),
        third or ((changed, "changed after signing", at) if kind != "token" else (_cased(good[0]), "in capitals", at)),
    ]
    rows = [_row(f"good_{number}", "valid", "", message, pair, at) for number, message in enumerate(good, 1)]
    return rows + [
        _row(f"bad_{n}", "invalid", why, message, pair, when) for n, (message, why, when) in enumerate(bad, 1)
    ]


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


def _cased(message: Message) -> Message:
    return msgspec.structs.replace(
        message, headers={name: value.upper() for name, value in message.headers.items()}, body=message.body.upper()
    )


def _row(case: str, expected: str, why: str, message: Message, pair: KeyPair, at: int) -> dict[str, Any]:
    row: dict[str, Any] = {"case": case, "expected": expected}
    if why:
        row["why"] = why
    row |= {"at": at // _SECOND_US, "secret": pair.proves, "path": message.path, "url": message.url}
    row["query"] = message.query
    row["headers"] = {name.decode(): value.decode() for name, value in message.headers.items()}
    row["body"] = message.body.decode()
    return {name: value for name, value in row.items() if value != ""}


def _told(answers: Answers) -> dict[str, Any]:
    scheme: dict[str, Any] = {"kind": answers.kind, "from": answers.where, "encoding": answers.encoding}
    if answers.kind not in {"token", "ed25519"}:
        scheme["algorithm"] = answers.algorithm
    if answers.kind != "token":
        scheme["signed"] = answers.signed
    for name in ("prefix", "key"):
        if getattr(answers, name) not in {"", "utf8"}:
            scheme[name] = getattr(answers, name)
    if answers.time:
        scheme["clock"] = {"from": answers.time, "unit": answers.time_unit, "tolerance_seconds": answers.tolerance}
    told: dict[str, Any] = {
        "title": answers.title or answers.name.replace("-", " ").title(),
        "group": "Yours",
        **({"docs": answers.docs} if answers.docs else {}),
        "confirmed": "yours",
        **({"body": answers.body} if answers.body != "json" else {}),
        "secret": {"variable": answers.variable or f"{answers.name.upper().replace('-', '_')}_SECRET"},
        "scheme": scheme,
    }
    identity = {name: getattr(answers, name) for name in ("event_type", "event_key", "ordering_key")}
    if any(identity.values()):
        told["identity"] = {name: text for name, text in identity.items() if text}
    if answers.order_id:
        told["payment"] = _payment(answers)
    if answers.answer:
        told["answers"] = [{"body": answers.answer}]
    return told


def _payment(answers: Answers) -> dict[str, Any]:
    says = []
    for word in ("paid", "pending", "expired", "failed", "refunded"):
        words = [each.strip() for each in getattr(answers, word).split(",") if each.strip()]
        if words:
            says.append({"when": {answers.status: words if len(words) > 1 else words[0]}, "word": word})
    return {
        "order_id": answers.order_id,
        "attempt": answers.attempt or answers.order_id,
        "amount": answers.amount,
        "unit": answers.unit,
        "says": says,
    }


def written(told: Mapping[str, Any]) -> str:
    """A provider's file as text: what it holds, in the order in which one reads it, vectors last."""
    lines = [f"{name} = {_value(told[name])}" for name in _HEAD if name in told]
    for name in ("secret", "scheme", "identity", "payment"):
        if name in told:
            lines += ["", f"[{name}]", *(f"{key} = {_value(value)}" for key, value in told[name].items())]
    for name in ("answers", "vectors"):
        for row in told.get(name, ()):
            lines += ["", f"[[{name}]]", *(f"{key} = {_value(value)}" for key, value in row.items())]
    text = "\n".join(lines) + "\n"
    tomllib.loads(text)
    return text


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        rows = ",\n  ".join(map(_value, value))
        return f"[\n  {rows},\n]" if value and isinstance(value[0], Mapping) else f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str) and '"' in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


__all__ = ["Answers", "check_free", "text_of", "vectors_of", "write", "written"]
