"""Midtrans: what its HTTP notifications prove and say.

The signature covers order_id + status_code + gross_amount, glued without separators, and nothing else. What the other
fields say is told as facts all the same; whether to believe them is the ledger's question (`doubt`), for which the
notice carries what it must know.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from app.callbacks.base.base_handlers import OrderCallbackHandler, level_of, proved
from app.callbacks.base.reading import amount_of, object_of, read, shown, text_of
from app.callbacks.payment.midtrans_table import NOT_SAID, Said, look_up, row_of, twins_of
from app.core.config import Settings, get_settings
from app.core.errors import UnreadableBody
from app.core.money import Minor
from app.core.secrets import Secrets
from app.engine.callback import Callback, Identity, Request, Verification
from app.ledger.book import Policy
from app.ledger.facts import Fact, FactKind, Level, Notice, Told
from app.operate.policy import policy_of
from app.providers.schemes import sha512_of_parts

if TYPE_CHECKING:
    from app.callbacks.confirming import Confirmer

#: The dashboard's test notification: properly signed, and unknown to the shop and to the status API.
TEST_PREFIX = "payment_notif_test_"
#: Subscription and BI-SNAP notices are not signed like this one and belong to another address.
WRONG_ADDRESS = Verification("", 401, "wrong_address")
_SUCCESS_CODE = "200"
_CURRENCY_CHARS = 3


class Notification(msgspec.Struct, frozen=True, gc=False):
    """The fields that are read; their types are checked where they are used, since senders vary and forgers more."""

    order_id: Any = None
    status_code: Any = None
    gross_amount: Any = None
    signature_key: Any = None
    transaction_status: Any = None
    transaction_id: Any = None
    fraud_status: Any = None
    currency: Any = None
    refund_amount: Any = None
    refunds: Any = None
    metadata: Any = None
    # account linking
    account_id: Any = None
    account_status: Any = None
    # what comes to the wrong address
    event_name: Any = None
    latestTransactionStatus: Any = None  # noqa: N815 - BI-SNAP's spelling
    originalPartnerReferenceNo: Any = None  # noqa: N815


_decode = msgspec.json.Decoder(Notification).decode


class MidtransCallbackHandler(OrderCallbackHandler):
    """`POST /callbacks/webhook/midtrans`."""

    kept_headers = ()
    proof = "signature"

    def __init__(self, db: Any = None, settings: Settings | None = None) -> None:
        """`db`: a Session, Engine or Connection for direct calls; by default the engine that the settings name."""
        super().__init__("midtrans", "midtrans", db=db, settings=settings or get_settings())
        self._keys = Secrets(self.settings.midtrans_server_key)
        self._last: tuple[bytes, Notification] | None = None

    @property
    def configured(self) -> bool:
        """Whether a server key is set."""
        return bool(self._keys)

    def verify(self, request: Request, at: int) -> Verification:
        """By `signature_key`, over the strings as they came."""
        try:
            notification = self._read(request.body)
        except UnreadableBody as error:
            return Verification("", 400, "unreadable_body", detail=str(error))
        if notification.signature_key is None and is_for_another_address(notification):
            return WRONG_ADDRESS
        keys = self._keys.always or self._keys.at(at)
        if not keys:
            return self.unproved(request)
        verdict = sha512_of_parts(signed_parts(notification), notification.signature_key, keys)
        return proved(verdict, field="signature_key")

    def identify(self, request: Request) -> Identity:
        """By order and attempt; raises UnreadableBody."""
        told = self._read(request.body)
        order_id, word = text_of(told.order_id), text_of(told.transaction_status).lower()
        event_type = "test" if order_id.startswith(TEST_PREFIX) else word[:64] or "unknown"
        # Refunds share transaction_id, status and code: what was refunded so far tells them apart.
        refunds = f":{len(told.refunds)}" if isinstance(told.refunds, list) else ""
        key = (
            f"{text_of(told.transaction_id)}:{word}:{text_of(told.fraud_status)}:{text_of(told.status_code)}"
            f":{text_of(told.refund_amount)}{refunds}"
        )
        return Identity(event_type, key, order_id)

    def _read(self, body: bytes) -> Notification:
        """Decoded once for both questions that are asked of each callback."""
        last = self._last
        if last is not None and last[0] is body:
            return last[1]
        told = read(_decode, body)
        self._last = body, told
        return told

    def facts(self, callback: Callback) -> Told:
        """What it says; see `facts_of`."""
        return facts_of(callback.body, level_of(callback.verification))

    def row(self, callback: Callback) -> str:
        """The line of docs/tables.md that its words match."""
        return row_text(callback.body, level_of(callback.verification))

    def policy(self) -> Policy:
        """As for announcements and answers: what waited is decided as if it came now."""
        return policy_of(self.settings)

    @cached_property
    def confirmer(self) -> "Confirmer":
        """Its status API."""
        from app.callbacks.payment.midtrans_confirm import MidtransConfirmer  # noqa: PLC0415 - HTTP: the worker's

        return MidtransConfirmer(self.settings)


def is_for_another_address(told: Notification) -> bool:
    """Whether it is a subscription's notice (`event_name`) or one of the BI-SNAP family.

    Source: Midtrans, Recurring HTTP notification; Payment notification API.
    """
    return (
        told.event_name is not None
        or told.latestTransactionStatus is not None
        or told.originalPartnerReferenceNo is not None
    )


def is_account_notice(told: Notification) -> bool:
    """Whether it tells of a linked account, not of an order."""
    return told.account_id is not None and told.order_id is None


def signed_parts(told: Notification) -> tuple[object, ...]:
    """What the signature covers. Source: Midtrans, HTTP notification; pay account notification."""
    if is_account_notice(told):
        return told.account_id, told.account_status, told.status_code
    return told.order_id, told.status_code, told.gross_amount


def facts_of(body: bytes, level: Level) -> Told:
    """A notification (or the status API's answer, which is one) → its facts, or why it has none. Pure, never raises.

    Only unverified ones may leave out status_code (200), gross_amount (as announced) and transaction_id ('').
    """
    try:
        told = read(_decode, body)
    except UnreadableBody:
        return Told(refused="unreadable")
    if is_account_notice(told):
        return Told(ignored="account_notice")
    status = told.transaction_status
    word = status.lower() if isinstance(status, str) else ""
    code = _code(told, level)
    fraud = _fraud(told.fraud_status)
    said = look_up(word, fraud, code)
    if said is NOT_SAID:
        order_id, detail = text_of(told.order_id), {"transaction_status": shown(status)}
        return Told(order_id, ignored="unknown_word", notice=_notice(told, said, code, order_id, None), detail=detail)
    return _told(told, said, code, level)


def row_text(body: bytes, level: Level) -> str:
    """`settlement or capture, fraud_status accept, status_code 200: paid`; "" for words that match no line."""
    try:
        told = read(_decode, body)
    except UnreadableBody:
        return ""
    status = told.transaction_status
    row = row_of(status.lower() if isinstance(status, str) else "", _fraud(told.fraud_status), _code(told, level))
    if row is None:
        return ""
    named = (("fraud_status", row.fraud), ("status_code", row.code))
    wants = [" or ".join(row.statuses) or "any", *(f"{name} {value}" for name, value in named if value)]
    return f"{', '.join(wants)}: {row.kind}"


def _code(told: Notification, level: Level) -> str:
    if told.status_code is None and level is Level.UNVERIFIED:
        return _SUCCESS_CODE
    return text_of(told.status_code)


def _fraud(value: Any) -> str:
    if value is None or value == "":
        return "accept"
    return value.lower() if isinstance(value, str) else "?"


def _told(told: Notification, said: Said, code: str, level: Level) -> Told:
    order_id, pays = text_of(told.order_id), said.pays
    gross = amount_of(told.gross_amount) if pays and told.gross_amount is not None else None
    notice = _notice(told, said, code, order_id, gross)
    attempt = notice.attempt
    test = order_id.startswith(TEST_PREFIX)
    if odd := _odd_field(told, level, order_id, attempt, gross if pays else 0):
        return Told(order_id, refused="unreadable", notice=notice, test=test, detail={"field": odd})
    facts = _facts(told, said, attempt)
    if not facts:
        return Told(order_id, refused="fields_disagree", notice=notice, test=test, detail=_fields(told))
    if not pays:
        return Told(order_id, facts, notice=notice, test=test)
    original, fee = (None, None) if told.metadata is None else _fee(told.metadata)
    currency = told.currency.upper() if told.currency else "IDR"
    return Told(order_id, facts, gross=gross, original=original, fee=fee, currency=currency, notice=notice, test=test)


def _notice(told: Notification, said: Said, code: str, order_id: str, gross: Minor | None) -> Notice:
    gross_text = text_of(told.gross_amount)
    return Notice(
        text_of(told.transaction_id),
        success_coded=code == _SUCCESS_CODE,
        agrees=said.agrees,
        twins=() if gross is None else twins_of(order_id, code, gross_text),
        gross_text=gross_text,
    )


def _odd_field(told: Notification, level: Level, order_id: str, attempt: str, gross: Minor | None) -> str:
    """The name of a field that the facts cannot do without, "" when all can be read."""
    if order_id and attempt and gross is not None and _is_currency(told.currency):
        return ""
    if not order_id:
        return "order_id"
    may_lack = level is Level.UNVERIFIED
    if not attempt and not (may_lack and told.transaction_id is None):
        return "transaction_id"
    if gross is None and not (may_lack and told.gross_amount is None):
        return "gross_amount"
    return "" if _is_currency(told.currency) else "currency"


def _is_currency(value: Any) -> bool:
    """Absent, or at most three letters: it is not signed, and becomes part of a fact when it is not the order's."""
    return value is None or (
        isinstance(value, str) and len(value) <= _CURRENCY_CHARS and value.isascii() and (value.isalpha() or not value)
    )


def _fields(told: Notification) -> dict[str, str]:
    fields = {
        "transaction_status": shown(told.transaction_status),
        "fraud_status": shown(told.fraud_status),
        "status_code": shown(told.status_code),
    }
    return fields if told.refund_amount is None else {**fields, "refund_amount": shown(told.refund_amount)}


def _fee(metadata: Any) -> tuple[Minor | None, Minor | None]:
    """What the shop asked for, and the fee beside it. Strings without decimals. Source: midtrans-php#118."""
    info = object_of(object_of(object_of(metadata).get("extra_info")).get("gross_amount_info"))
    return amount_of(info.get("original_amount")), amount_of(info.get("customer_imposed_payment_fee"))


def _facts(told: Notification, said: Said, attempt: str) -> tuple[Fact, ...]:
    """The facts of what was said; () when fields disagree, or money went back without an amount that can be used."""
    if said.refused:
        return ()
    if said.simple:
        return (Fact(said.kind, attempt),)
    paid = Fact(FactKind.PAID, attempt)
    if said.in_full:
        return paid, Fact(said.kind, attempt)
    back = _went_back(told, said.kind, attempt)
    return (paid, *back) if back else ()


def _went_back(told: Notification, kind: FactKind, attempt: str) -> list[Fact]:
    """All of `refunds[]`, every time, and the sum so far; [] when an amount cannot be used.

    Source: Midtrans, refund transaction: `refund_key`, else `refund_chargeback_id` (a number); `refund_amount` is the
    sum so far. A chargeback without a list tells that sum as its one amount.
    """
    entries = [] if told.refunds is None else told.refunds
    in_all = 0 if told.refund_amount is None else amount_of(told.refund_amount)
    if in_all is None or not isinstance(entries, list):
        return []
    back = []
    for entry in map(object_of, entries):
        amount = amount_of(entry.get("refund_amount"))
        if amount is None:
            return []
        key = text_of(entry.get("refund_key")) or text_of(entry.get("refund_chargeback_id"))
        back.append(Fact(kind, attempt, key, amount))
    if kind is FactKind.REFUNDED:
        back.append(Fact(FactKind.REFUNDED_IN_ALL, attempt, "", in_all))
    elif not back:
        back.append(Fact(kind, attempt, "", in_all))
    return [fact for fact in back if fact.amount]
