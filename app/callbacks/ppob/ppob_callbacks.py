"""Digiflazz: what its callbacks prove and say; and the factory for handlers of purchases.

The signature covers the raw body, so whatever a proved callback says is Digiflazz' own word. `create` or `update` in
the header is no state: a `create` may be final. A ping carries the webhook's own secret, which is never kept.
"""

from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import Any, ClassVar, NamedTuple

import msgspec

from app.callbacks.base.base_handlers import OrderCallbackHandler, proved
from app.callbacks.base.reading import (
    amount_of,
    decode_object,
    digest_of,
    line_of,
    object_of,
    read,
    shown,
    text_of,
)
from app.core.config import Settings, get_settings
from app.core.errors import UnknownProvider, UnreadableBody
from app.core.secrets import Secrets
from app.engine.callback import Callback, Identity, Request, Verification
from app.ledger.facts import Fact, FactKind, Told
from app.providers.schemes import hmac_sha1_of_body


class Row(NamedTuple):
    """One line of the table: a status with one of these classes of response code says this."""

    statuses: tuple[str, ...]  # `status`, compared without case
    codes: tuple[str, ...]  # classes of `rc`, see `class_of`
    kind: FactKind


#: Source: Digiflazz, webhook and response codes. What matches no line: the fields disagree.
SAID = (
    Row(("sukses", "success"), ("success", "absent"), FactKind.SUCCEEDED),
    Row(("pending", "processing"), ("pending", "unknown", "absent"), FactKind.PENDING),
    Row(("gagal", "failed"), ("returned",), FactKind.RETURNED),
    Row(("gagal", "failed"), ("failure", "unknown", "absent"), FactKind.FAILED),
)
WORDS = tuple(dict.fromkeys(status for row in SAID for status in row.statuses))
_RETURNED = "74"  # the money went back to the buyer; may come after a success
_CLASSES = {"Sukses": "success", "Pending": "pending", "Gagal": "failure"}


class Data(msgspec.Struct, frozen=True, gc=False):
    """The fields that are read; numbers and texts are mixed, and null while a purchase is pending."""

    ref_id: Any = None
    status: Any = None
    rc: Any = None
    sn: Any = None
    price: Any = None
    message: Any = None


class Body(msgspec.Struct, frozen=True, gc=False):
    """A callback, or a ping (`hook`)."""

    data: Data | None = None
    hook: Any = None
    hook_id: Any = None


_decode = msgspec.json.Decoder(Body).decode


class DigiflazzCallbackHandler(OrderCallbackHandler):
    """`POST /callbacks/webhook/digiflazz`: prepaid, postpaid and hotel alike."""

    #: the signature too: it covers the bytes, so the log proves them to an audit
    kept_headers = (b"x-digiflazz-event", b"x-digiflazz-delivery", b"x-hub-signature", b"user-agent")
    proof = "signature"

    def __init__(self, db: Any = None, settings: Settings | None = None) -> None:
        """`db`: a Session, Engine or Connection for direct calls; by default the engine that the settings name."""
        super().__init__("digiflazz", "digiflazz", db=db, settings=settings or get_settings())
        self._secrets = Secrets(self.settings.digiflazz_webhook_secret)

    @property
    def configured(self) -> bool:
        """Whether a webhook secret is set."""
        return bool(self._secrets)

    def verify(self, request: Request, at: int) -> Verification:
        """By `X-Hub-Signature`, over the bytes as they came."""
        secrets = self._secrets.always or self._secrets.at(at)
        if not secrets:
            return self.unproved(request)
        verdict = hmac_sha1_of_body(request.body, request.headers.get(b"x-hub-signature"), secrets)
        return proved(verdict, field="X-Hub-Signature")

    def identify(self, request: Request) -> Identity:
        """By `ref_id`; raises UnreadableBody."""
        body = read(_decode, request.body)
        if is_ping(body):
            return Identity("ping", text_of(body.hook_id) or "ping", "")
        data = body.data
        if data is None:
            raise UnreadableBody("the body has neither `data` nor `hook`")
        ref_id, word = text_of(data.ref_id), text_of(data.status).lower()
        key = f"{ref_id}:{word}:{code_of(data.rc)}:{digest_of(line_of(data.sn).encode())[:12]}"
        return Identity(word[:64] or "unknown", key, ref_id)

    def kept_body(self, request: Request) -> bytes:
        """All of it, but a ping without its secret."""
        body = read(_decode, request.body)
        return request.body if body.hook is None else without_secrets(request.body)

    def facts(self, callback: Callback) -> Told:
        """What it says; see `facts_of`."""
        return facts_of(callback.body)

    def row(self, callback: Callback) -> str:
        """The line of docs/tables.md that its words match."""
        return row_text(callback.body)


def is_ping(body: Body) -> bool:
    """Whether Digiflazz only asks if anybody is there."""
    return body.hook is not None and body.data is None


def without_secrets(body: bytes) -> bytes:
    """A ping without any `secret` in it, at whatever depth."""
    return msgspec.json.encode(_without(read(decode_object, body)))


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner) for key, inner in value.items() if key.lower() != "secret"}
    return [_without(inner) for inner in value] if isinstance(value, list) else value


def facts_of(body: bytes) -> Told:
    """A callback (or a status check's answer, which has the same `data`) → its facts. Pure, never raises."""
    try:
        told = read(_decode, body)
    except UnreadableBody:
        return Told(refused="unreadable")
    if is_ping(told):
        return Told(ignored="ping")
    data = told.data
    if data is None or not (ref_id := text_of(data.ref_id)):
        return Told(refused="unreadable", detail={"field": "ref_id"})
    word = data.status.lower() if isinstance(data.status, str) else ""
    code, group = code_of(data.rc), class_of(data.rc)
    kind = said(word, group)
    fields = {"status": shown(data.status), "rc": shown(data.rc), "message": line_of(data.message)}
    if kind is None:
        return Told(ref_id, refused="fields_disagree" if word in WORDS else "unknown_word", detail=fields)
    unknown = kind is FactKind.FAILED and group == "unknown"
    return Told(
        ref_id,
        (_fact(kind, data, code),),
        cost=amount_of(data.price),
        alert="unknown_code" if unknown else "",
        detail=fields if unknown else {},
    )


def _fact(kind: FactKind, data: Data, code: str) -> Fact:
    if kind is FactKind.SUCCEEDED:
        return Fact(kind, key=line_of(data.sn))
    return Fact(kind, key=code) if kind is FactKind.FAILED else Fact(kind)


def row_text(body: bytes) -> str:
    """`sukses or success, rc success or absent: succeeded`; "" for words that match no line."""
    try:
        told = read(_decode, body).data
    except UnreadableBody:
        return ""
    word = told.status.lower() if told is not None and isinstance(told.status, str) else ""
    row = _row_of(word, class_of(told.rc)) if told is not None else None
    return "" if row is None else f"{' or '.join(row.statuses)}, rc {' or '.join(row.codes)}: {row.kind}"


def _row_of(word: str, group: str) -> Row | None:
    return next((row for row in SAID if word in row.statuses and group in row.codes), None)


def said(word: str, group: str) -> FactKind | None:
    """The table, read from the top; None: the fields disagree, or another word."""
    row = _row_of(word, group)
    return None if row is None else row.kind


def code_of(rc: Any) -> str:
    """`rc` as two digits: `"00"`, 0 and `"0"` are the same; other text as it is."""
    text = text_of(rc).strip()
    return text.zfill(2) if text.isascii() and text.isdigit() else text


def class_of(rc: Any) -> str:
    """The class of a response code: absent, success, pending, returned, failure, unknown."""
    if rc is None or rc == "":
        return "absent"
    code = code_of(rc)
    return "returned" if code == _RETURNED else _classes().get(code, "unknown")


@lru_cache(maxsize=1)
def response_codes() -> dict[str, dict[str, Any]]:
    """Digiflazz' table of response codes: code → message, status, whether a transaction was created."""
    text = files("app.callbacks.ppob").joinpath("digiflazz_rc.json").read_bytes()
    return {code: object_of(row) for code, row in decode_object(text).items()}


@lru_cache(maxsize=1)
def _classes() -> dict[str, str]:
    return {code: _CLASSES[row["status"]] for code, row in response_codes().items()}


class PPOBCallbackFactory:
    """Makes handlers of purchase callbacks by their sender's name."""

    MAKERS: ClassVar[dict[str, Callable[..., OrderCallbackHandler]]] = {"digiflazz": DigiflazzCallbackHandler}

    @classmethod
    def create_handler(cls, name: str, db: Any = None) -> OrderCallbackHandler:
        """`create_handler("digiflazz", db)`; raises UnknownProvider for a name nobody made a handler for."""
        maker = cls.MAKERS.get(str(name).lower())
        if maker is None:
            raise UnknownProvider(str(name))
        return maker(db)
