"""What a payment provider's callback says of an order, by the status table of its file. Pure, and never raises.

Refunds and chargebacks imply that it was paid, as for Midtrans; what money rests on and the proof does not cover is
told to a person instead (`not_proved`), unless the shop believes this provider.
"""

from collections.abc import Callable, Iterable, Mapping

from app.callbacks.base.reading import TEXT_CHARS_MAX, amount_of, shown
from app.core.money import Minor
from app.ledger.facts import Fact, FactKind, Told
from app.providers.catalog.model import Payment, Says, several
from app.providers.choosing import ANY, When, when
from app.providers.message import MISSING
from app.providers.proving import Reading
from app.providers.templates import Place, Template, compiled, place

_IDR = "IDR"
_CURRENCY_CHARS = 3
_MINOR_DIGITS_MAX = 17
#: Of ISO 4217 the currencies without a minor unit: an amount in their smallest unit is one in whole units.
_WHOLE = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
#: ... and those of a thousand parts, which hundredths cannot hold.
_THOUSANDTHS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
#: Words that move money when they are believed.
_MOVES = frozenset({"paid", "refunded", "charged_back", "denied", "cancelled"})


class Table:
    """A provider's `[payment]`, compiled."""

    def __init__(self, name: str, payment: Payment, *, believed: bool = False) -> None:
        """`believed`: also what its proof does not cover."""
        self.name = name
        self.data = payment
        self.unproved = "" if believed else payment.unproved
        self.order_id, self.attempt = _texts(payment.order_id), _texts(payment.attempt)
        self.refund_key = _texts(payment.refund_key)
        self.amount, self.refunded, self.currency = map(_places, (payment.amount, payment.refunded, payment.currency))
        self.says: tuple[tuple[When, Says], ...] = tuple((when(says.when), says) for says in payment.says)

    def row(self, reading: Reading) -> str:
        """`status PAID: paid`: the line of the table that fits; "" for none."""
        says = self._said(reading)
        return "" if says is None else f"{', '.join(_wanted(says.when)) or 'any'}: {says.word}"

    def told(self, reading: Reading) -> Told:
        """The facts, or why there are none."""
        if reading.data is MISSING:
            return Told(refused="unreadable")
        says = self._said(reading)
        if says is None:
            return Told(_id(self.order_id, reading), ignored="unknown_word", detail=self._words(reading))
        if says.word == "ignored":
            return Told(ignored="no_order_word", detail=self._words(reading))
        order_id, attempt = _id(self.order_id, reading), _id(self.attempt, reading)
        if not order_id or not attempt:
            return _unreadable(order_id, "attempt" if order_id else "order_id")
        if self.unproved and says.word in _MOVES:
            detail = {"provider": self.name, "unproved": self.unproved, "said": says.word, **self._words(reading)}
            return Told(order_id, refused="not_proved", detail=detail)
        currency = (_first(self.currency, reading) or _IDR).upper()
        if says.word not in _MONEY:
            # For comparing what waits with an answer; nothing is refused for the amount of a word that moves none.
            gross = self._amount(self.amount, reading, currency) if _is_currency(currency) else None
            return Told(order_id, (Fact(FactKind(says.word), attempt),), gross=gross, currency=currency)
        if not _is_currency(currency):
            return _unreadable(order_id, "currency")
        return self._money(reading, says.word, order_id, attempt, currency)

    def _money(self, reading: Reading, word: str, order_id: str, attempt: str, currency: str) -> Told:
        # Where one place tells what was paid and what went back, a refund does not say how much was paid.
        tells_both = word != "paid" and self.amount == self.refunded
        gross = None if tells_both else self._amount(self.amount, reading, currency)
        if not gross and (word == "paid" or not self.refunded):
            return _unreadable(order_id, "amount")
        facts: tuple[Fact, ...] = (Fact(FactKind.PAID, attempt),) if gross else ()
        if word != "paid":
            back = self._went_back(reading, FactKind(word), attempt, currency, gross)
            if back is None:
                return _unreadable(order_id, "refunded")
            facts = (*facts, back)
        return Told(order_id, facts, gross=gross, currency=currency)

    def _went_back(
        self, reading: Reading, kind: FactKind, attempt: str, currency: str, gross: Minor | None
    ) -> Fact | None:
        """What went back: with a name of its own it adds up, without one it is the sum so far; None: unreadable."""
        if not self.refunded:
            in_full = kind is FactKind.CHARGED_BACK
            return Fact(kind, attempt) if in_full else Fact(FactKind.REFUNDED_IN_ALL, attempt, "", gross)
        amount = self._amount(self.refunded, reading, currency)
        if not amount:
            return None
        key = _id(self.refund_key, reading)
        if self.refund_key and not key:
            return None
        summed = kind is FactKind.REFUNDED and not key
        return Fact(FactKind.REFUNDED_IN_ALL if summed else kind, attempt, key, amount)

    def _amount(self, places: Iterable[Place], reading: Reading, currency: str) -> Minor | None:
        text = _first(places, reading)
        return (
            None
            if text is None
            else _UNITS[self.data.unit](text, self.data.decimals.get(currency, _decimals(currency)))
        )

    def _said(self, reading: Reading) -> Says | None:
        return next((says for fits, says in self.says if fits.fits(reading)), None)

    def _words(self, reading: Reading) -> dict[str, str]:
        """What stands in the places that the table looks at."""
        places = dict.fromkeys(where for says in self.data.says for where in says.when)
        values = {where: place(where).read(reading) for where in places}
        return {where: shown(value.decode(errors="replace")) for where, value in values.items() if value is not None}


_MONEY = frozenset({"paid", "refunded", "charged_back"})


def _decimals(currency: str) -> int:
    """Of ISO 4217."""
    return 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2


def _major(text: str, decimals: int) -> Minor | None:
    del decimals
    return amount_of(text)


def _minor(text: str, decimals: int) -> Minor | None:
    """Digits of the smallest unit; None for anything else, and for what hundredths cannot hold."""
    digits = len(text) <= _MINOR_DIGITS_MAX and text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")
    scale = {0: 100, 2: 1}.get(decimals)
    return int(text) * scale if digits and scale is not None else None


_UNITS: Mapping[str, Callable[[str, int], Minor | None]] = {"major": _major, "minor": _minor}


def _unreadable(order_id: str, field: str) -> Told:
    return Told(order_id, refused="unreadable", detail={"field": field})


def _texts(told: str | tuple[str, ...]) -> tuple[Template, ...]:
    return tuple(compiled(text) for text in several(told))


def _places(told: str | tuple[str, ...]) -> tuple[Place, ...]:
    return tuple(place(text) for text in several(told))


def _first(values: Iterable[Place | Template], reading: Reading) -> str | None:
    """The first that is there, as text; what is no text is none."""
    for each in values:
        value = each.read(reading) if isinstance(each, Place) else each.render(reading)
        if value is not None:
            return value.decode(errors="replace")
    return None


def _id(texts: Iterable[Template], reading: Reading) -> str:
    """An id: printable, not too long; "" for what is none."""
    text = _first(texts, reading) or ""
    return text if len(text) <= TEXT_CHARS_MAX and text.isprintable() else ""


def _is_currency(text: str) -> bool:
    return len(text) == _CURRENCY_CHARS and text.isascii() and text.isalpha()


def _wanted(told: Mapping[str, str | tuple[str, ...]]) -> Iterable[str]:
    for where, words in told.items():
        yield f"{where} is there" if words == ANY else f"{where} {' or '.join(several(words))}"
