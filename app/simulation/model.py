"""What must come of an order, recomputed from all that was truly said of it: the house's law in small, plain words.

It shares no code with the ledger that it is compared with (a contract of the imports says so), and may be slow. It is
told what is genuine; what is forged it never hears of, since nothing may come of it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.simulation.plan import Expected, Order


class Refund(NamedTuple):
    """One part of the money that went back to the payer."""

    key: str
    amount: int


class Notice(NamedTuple):
    """What Midtrans says of one attempt; amounts in hundredths of a rupiah."""

    order_id: str
    attempt: str
    word: str  # transaction_status
    code: str  # status_code
    gross: int
    fraud: str = ""  # fraud_status
    refunds: tuple[Refund, ...] = ()
    original: int | None = None  # what the shop asked for, where the payer bears the fee
    fee: int = 0


class Word(NamedTuple):
    """What Digiflazz says of a purchase."""

    order_id: str
    status: str
    rc: str


def topup(order: Order, notices: Iterable[Notice]) -> Expected:
    """What a top-up gives, whatever the order of arrival: the largest worth of all payments that stand."""
    told = list(notices)
    attempts = [[notice for notice in told if notice.attempt == name] for name in {notice.attempt for notice in told}]
    standing = [attempt for attempt in attempts if _stands(order, attempt)]
    if standing:
        left, status = max((_left(order, attempt), _paid_status(order, attempt)) for attempt in standing)
        return Expected(order.order_id, order.user_id, left, 0, status)
    return Expected(order.order_id, order.user_id, 0, 0, _unpaid_status(attempts))


def told(order: Order, words: Iterable[str]) -> Expected:
    """What a top-up gives by the words of a provider of the catalogue, all of one attempt and of the right amount."""
    said = set(words)
    if "paid" in said:
        return Expected(order.order_id, order.user_id, order.amount, 0, "paid")
    strength = ("pending", "failed", "expired")
    strongest = max((word for word in said if word in strength), key=strength.index, default="waiting")
    return Expected(order.order_id, order.user_id, 0, 0, strongest)


def purchase(order: Order, words: Sequence[Word]) -> Expected:
    """What a purchase takes: given back, else the first of success and failure; held until there is one of them."""
    said = [_meaning(word) for word in words]
    final = "returned" if "returned" in said else next((each for each in said if each in {"succeeded", "failed"}), "")
    if final in {"returned", "failed"}:
        return Expected(order.order_id, order.user_id, 0, 0, final)
    if final == "succeeded":
        return Expected(order.order_id, order.user_id, -order.amount, 0, final)
    status = "pending" if "pending" in said else "waiting"
    return Expected(order.order_id, order.user_id, -order.amount, order.amount, status)


def _stands(order: Order, attempt: list[Notice]) -> bool:
    """Paid with the right amount, and neither denied nor cancelled."""
    return any(_pays(order, notice) for notice in attempt) and not any(_undoes(notice) for notice in attempt)


def _pays(order: Order, notice: Notice) -> bool:
    if notice.word not in {"settlement", "capture", "refund", "partial_refund"}:
        return False
    if notice.code != "200" or notice.fraud not in {"", "accept"}:
        return False
    with_fee = notice.original == order.amount and notice.original + notice.fee == notice.gross
    return notice.gross == order.amount or with_fee


def _undoes(notice: Notice) -> bool:
    return notice.fraud == "deny" or notice.word in {"deny", "cancel"}


def _left(order: Order, attempt: list[Notice]) -> int:
    """What the payment is still worth: every refund counts once, however often it was told."""
    back = {refund.key: refund.amount for notice in attempt for refund in notice.refunds}
    return order.amount - min(sum(back.values()), order.amount)


def _paid_status(order: Order, attempt: list[Notice]) -> str:
    left = _left(order, attempt)
    if left == order.amount:
        return "paid"
    return "partially_refunded" if left else "refunded"


def _unpaid_status(attempts: list[list[Notice]]) -> str:
    """Each attempt says its strongest word; of those the order shows what leaves most hope."""
    strength = ("", "pending", "authorized", "challenged", "failed", "expired", "cancelled", "denied")
    said = {max((_says(notice) for notice in attempt), key=strength.index) for attempt in attempts}
    hope = ("authorized", "challenged", "pending", "denied", "cancelled", "failed", "expired")
    return next((word for word in hope if word in said), "waiting")


def _says(notice: Notice) -> str:
    """The word for people; "" for a payment, which stands or was of another amount."""
    if notice.fraud == "deny":
        return "denied"
    if notice.fraud == "challenge":
        return "challenged"
    return {
        "pending": "pending",
        "authorize": "authorized",
        "failure": "failed",
        "expire": "expired",
        "cancel": "cancelled",
        "deny": "denied",
    }.get(notice.word, "")


def _meaning(word: Word) -> str:
    status = word.status.lower()
    if status == "gagal":
        return "returned" if word.rc == "74" else "failed"
    return {"sukses": "succeeded", "pending": "pending"}[status]
