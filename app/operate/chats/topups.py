"""Top-ups that are asked for in a chat: the amount as people write it, the order, the texts with and without a page."""

import re

import msgspec
from sqlalchemy import Connection

from app.core.config import Settings, usable_secrets
from app.core.errors import CallbackError
from app.core.language import Lang
from app.core.money import Minor
from app.core.telemetry import get_logger
from app.ledger import books
from app.ledger.announce import NewOrder, announce_many
from app.ledger.effect import TOPUP
from app.operate import texts
from app.operate.announcement import PROVIDERS
from app.operate.chats.links import Channel
from app.operate.chats.texts import say
from app.operate.orders import standing
from app.operate.policy import policy_of

CURRENCY = "IDR"
#: How orders begin that were asked for in a chat.
ORDER_PREFIX = "TOPUP-"
LEAST, MOST = 1_000_000, 2_000_000_000  # minor units: Rp10.000 to Rp20.000.000
_AN_HOUR, _IN_AN_HOUR_MAX = 3_600_000_000, 10
#: Whoever asks for the same again so soon has pressed twice.
_TWICE_US = 60_000_000

log = get_logger(__name__)


class Payment(msgspec.Struct, frozen=True):
    """A top-up that is to be paid."""

    order_id: str
    amount: Minor
    lang: Lang


class TopUp(msgspec.Struct, frozen=True):
    """What became of the wish: a text, or a payment to be opened; the order's number where there is one."""

    text: str = ""
    payment: Payment | None = None
    order_no: int | None = None


def top_up(connection: Connection, channel: Channel, wish: str, order_id: str, at: int, settings: Settings) -> TopUp:
    """Announce a top-up of `wish`, or say why not; pressed twice it is one. Runs in a writing transaction."""
    lang, amount = channel.lang, rupiah_from(wish)
    if amount is None or not LEAST <= amount <= MOST:
        least, most = (texts.money(each, CURRENCY, lang) for each in (LEAST, MOST))
        return TopUp(say("how_much", lang, least=least, most=most))
    wallet = books.wallet_of(connection, channel.user_id)
    if wallet is not None and wallet.currency != CURRENCY:
        return TopUp(say("not_in_rupiah", lang, currency=wallet.currency))
    newest = books.announced_since(connection, channel.user_id, ORDER_PREFIX, at - _AN_HOUR)
    twice = (each for each in newest if each.amount == amount and (each.announced_at or 0) > at - _TWICE_US)
    if (before := next(twice, None)) is not None and _waits(connection, before):
        return _announced(Payment(before.order_id, amount, lang), before.no, settings)
    if len(newest) >= _IN_AN_HOUR_MAX:
        return TopUp(say("too_many_topups", lang, most=_IN_AN_HOUR_MAX))
    new = NewOrder(order_id, channel.user_id, TOPUP, amount, PROVIDERS[TOPUP], CURRENCY)
    announced = announce_many(connection, [new], at=at, policy=policy_of(settings))[0]
    if isinstance(announced, CallbackError):
        log.warning("topup_refused", order=order_id, why=str(announced))
        return TopUp(say("topup_refused", lang))
    return _announced(Payment(order_id, amount, lang), announced.no, settings)


def _announced(payment: Payment, order_no: int, settings: Settings) -> TopUp:
    if usable_secrets(settings.midtrans_server_key):
        return TopUp(payment=payment, order_no=order_no)
    amount = texts.money(payment.amount, CURRENCY, payment.lang)
    return TopUp(say("topup_by_hand", payment.lang, order_id=payment.order_id, amount=amount), order_no=order_no)


def _waits(connection: Connection, order: books.OrderRow) -> bool:
    return standing(connection, order)[0] == "waiting"


_RUPIAH = re.compile(
    r"(?:rp\.? ?|idr ?)?([0-9]{1,3}(?:([.,])[0-9]{3}(?:\2[0-9]{3})*)|[0-9]{1,10})(?:[.,]00)?(?:,-|\.-)?"
    r" ?(rb|ribu|k|jt|juta)?(?: ?(?:rupiah|idr))?"
)
_TIMES = {None: 1, "rb": 1_000, "ribu": 1_000, "k": 1_000, "jt": 1_000_000, "juta": 1_000_000}


def rupiah_from(told: str) -> Minor | None:
    """`50000`, `50.000`, `Rp50,000`, `Rp50.000,-`, `50rb`, `1jt` → minor units; None for what is no amount. Pure."""
    found = _RUPIAH.fullmatch(told.strip().lower()) if told.isascii() else None
    if found is None:
        return None
    return int(found[1].replace(".", "").replace(",", "")) * _TIMES[found[3]] * 100


def opened(payment: Payment, url: str) -> str:
    """The text with the payment's page."""
    amount = texts.money(payment.amount, CURRENCY, payment.lang)
    return say("pay_here", payment.lang, amount=amount, url=url, order_id=payment.order_id)


def not_opened(payment: Payment, *, taken: bool) -> str:
    """The text where no page can be opened; `taken`: because the order is paid, or being paid."""
    return say("paid_already" if taken else "cannot_pay", payment.lang, order_id=payment.order_id)


def is_open(connection: Connection, payment: Payment) -> bool:
    """Whether the order still waits for its payment."""
    order = books.order_of(connection, payment.order_id)
    return order is not None and _waits(connection, order)
