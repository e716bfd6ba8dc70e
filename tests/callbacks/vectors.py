"""The samples of each sender with their headers, secret, and what must come of them."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from app.core.config import Settings
from app.engine.callback import Callback, Request

PAYLOADS = Path(__file__).resolve().parent.parent / "data" / "payloads"
MIDTRANS_KEY = "SB-Mid-server-test-0123456789"
DIGIFLAZZ_SECRET = "digiflazz-test-secret"


class Vector(NamedTuple):
    """One sample."""

    provider: str
    case: str
    headers: dict[bytes, bytes]
    secret_name: str
    secret: str
    expected: str
    at: int  # microseconds
    body: bytes

    @property
    def request(self) -> Request:
        return Request(self.provider, self.body, self.headers, "127.0.0.1", self.at)

    def __repr__(self) -> str:
        return f"{self.provider}-{self.case}"


def _load(entry: dict[str, Any]) -> Vector:
    headers = {name.encode(): value.encode() for name, value in entry["headers"].items()}
    at = entry.get("at", 1_764_000_000) * 1_000_000
    body = (PAYLOADS / entry["file"]).read_bytes()
    rest = (entry["secret_name"], entry["secret"], entry["expected"], at, body)
    return Vector(entry["provider"], entry["case"], headers, *rest)


VECTORS = [
    vector
    for vector in map(_load, json.loads((PAYLOADS / "vectors.json").read_bytes()))
    if vector.provider in {"midtrans", "digiflazz", "discord", "telegram"}
]


def settings(**values: Any) -> Settings:
    """Settings of a test; no file, no environment."""
    return Settings(_env_file=None, **values)


def a_request(provider: str, body: bytes | Any, headers: dict[bytes, bytes] | None = None, *, at: int = 1) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(provider, raw, headers or {}, "127.0.0.1", at)


def a_callback(provider: str, body: bytes | Any, verification: str = "signature", *, number: int = 1) -> Callback:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Callback(number, 0, provider, "", "", "", 1, "", raw, verification, "127.0.0.1")


#: Bodies that nobody's protocol sends, with what is wrong with them.
HOSTILE_BODIES: dict[str, bytes] = {
    "empty": b"",
    "not_json": b"hello",
    "array": b"[1,2]",
    "null": b"null",
    "number": b"7",
    "text": b'"order"',
    "truncated": b'{"order_id": "T-1"',
    "trailing": b'{"order_id": "T-1"} x',
    "nan": b'{"gross_amount": NaN}',
    "infinite": b'{"gross_amount": 1e999}',
    "invalid_utf8": b'{"order_id": "\xff\xfe"}',
    "lone_surrogate": b'{"order_id": "\\ud800"}',
    "utf16": '{"order_id": "T-1"}'.encode("utf-16"),
    "digits": b'{"gross_amount": ' + b"9" * 5000 + b"}",
    "nested": b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "binary": bytes(range(256)),
    "only_a_bom": b"\xef\xbb\xbf",
}
#: Values that no header or field of a signature should have.
HOSTILE_SIGNATURES: list[Any] = [
    None,
    b"",
    "",
    b"\xff" * 128,
    b"\x00" * 45,
    b"sha1=" + b"\xc3" * 40,
    b"sha1=" + b" " * 40,
    "é" * 128,
    "\ud800" * 128,
    " " * 128,
    b"a" * 1_000_000,
    "a" * 1_000_000,
    b"0x" + b"1" * 126,
    5,
    1.5,
    True,
    ["a" * 128],
    {"a": 1},
]
