"""Writes a provider's file from a person's answers, with vectors that it makes itself."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.core.errors import CatalogRefused, FieldError
from app.operate.providers.made_vectors import vectors_of
from app.operate.providers.questions import Answers, title_of, variable_of
from app.operate.providers.trying import try_vectors
from app.providers.catalog import open_catalog, read_provider
from app.providers.catalog.covering import left_open

_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_HEAD = ("title", "group", "docs", "confirmed", "source", "notes", "body", "headers")


def text_of(answers: Answers) -> str:
    """The file's text, with two good and three bad vectors; it says of a payment what its proof leaves open.

    Raises CatalogRefused for what cannot be, also where the file's own vectors do not come out as they must.
    """
    file = f"{answers.name}.toml"
    told = _told(answers)
    provider = read_provider(_written(told), file)
    if provider.payment is not None:
        left = dict.fromkeys(where.name for _, where in left_open(provider))
        told["payment"]["unproved"] = ", ".join(left)
    told["vectors"] = vectors_of(provider, answers)
    text = _written(told)
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
        off = answers.tolerance
        tolerance = int(off) if off.isascii() and off.isdigit() else off
        scheme["clock"] = {"from": answers.time, "unit": answers.time_unit, "tolerance_seconds": tolerance}
    told: dict[str, Any] = {
        "title": answers.title or title_of(answers.name),
        "group": "Yours",
        **({"docs": answers.docs} if answers.docs else {}),
        "confirmed": "yours",
        **({"body": answers.body} if answers.body != "json" else {}),
        "secret": {"variable": answers.variable or variable_of(answers.name)},
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
    told: dict[str, Any] = {
        "order_id": answers.order_id,
        "attempt": answers.attempt,
        "amount": answers.amount,
        "refunded": answers.back,
        "refund_key": answers.refund_key,
        "unit": answers.unit,
        "currency": answers.currency,
        "says": says,
        "unproved": _NOT_YET_KNOWN,
    }
    return {name: value for name, value in told.items() if value}


#: Until the file was read and tells what its proof covers.
_NOT_YET_KNOWN = "?"


def _written(told: Mapping[str, Any]) -> str:
    """A provider's file as text: what it holds, in the order in which one reads it, vectors last."""
    lines = [f"{name} = {_value(told[name])}" for name in _HEAD if name in told]
    for name in ("secret", "scheme", "identity", "payment"):
        if name in told:
            rows = (f"{key} = {_value(value)}" for key, value in told[name].items() if value != "")
            lines += ["", f"[{name}]", *rows]
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


__all__ = ["check_free", "text_of", "write"]
