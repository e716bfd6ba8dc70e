"""What providers of the catalogue tell: bodies made from a file's own vector, signed as the file says.

The time of signing is the time of sending: of senders that sign it, the same seed makes the same orders, not the same
bytes.
"""

from collections.abc import Mapping, Sequence

import msgspec

from app.core.clock import now_us
from app.core.errors import FieldError
from app.core.money import format_amount
from app.providers.catalog.model import Payment, Provider, several
from app.providers.choosing import when
from app.providers.message import Message
from app.providers.proving import Reading
from app.providers.putting import put
from app.providers.signing import sign
from app.providers.templates import Place, compiled, place
from app.simulation import model
from app.simulation.plan import Call, Order, Story, Subject, Tell

_WORDS = ("paid", "pending", "expired", "failed")
_MINOR = 100
_CURRENCY = "IDR"


class Sender:
    """A provider, a request of its own to begin with, and what signs here."""

    def __init__(
        self,
        name: str,
        provider: Provider,
        samples: Sequence[Message],
        secret: str,
        config: Mapping[str, str],
        *,
        believed: bool,
    ) -> None:
        """`samples`: requests that it makes, unsigned; `believed`: whether what its proof leaves open is credited."""
        self.name = name
        self.provider = provider
        self.samples = samples
        self.secret = secret
        self.config = config
        payment = provider.payment
        self.credits = payment is not None and (believed or not payment.unproved)
        self.asked = provider.ask is not None and not believed
        self.rows = () if payment is None else tuple((when(says.when), says) for says in payment.says)
        self.begins = {word: found for word in _WORDS if (found := self._beginning(word)) is not None}
        plain = [answer.status for answer in provider.answers if answer.method == "POST" and not answer.when]
        self.status = plain[0] if plain else 200

    def scenarios(self) -> dict[str, Tell]:
        """Those that its words allow. Raises FieldError where nothing can say that an order is paid."""
        if self.provider.payment is None:
            return {"mixed": self._events, "duplicates": self._events}
        if self.asked:
            raise FieldError(
                "PROVIDER",
                f"{self.name}'s API is asked before money moves, and nobody plays it here; with CALLBACK_BELIEVE="
                f"{self.name} for the system and for this command, what it tells is believed",
            )
        if "paid" not in self.begins:
            raise FieldError("vectors", f"none of {self.name}'s good ones can be made to say that an order is paid")
        told: dict[str, Tell] = {"happy": self._story("paid"), "duplicates": self._story("paid", times=5)}
        for word in ("pending", "expired", "failed"):
            if word in self.begins:
                told[word] = self._story(word)
        if "pending" in self.begins:
            told["late"] = self._story("pending", "paid", "pending")
        if "expired" in self.begins:
            told["after_expiry"] = self._story("expired", "paid")
        return {**told, "mixed": _mixed(list(told.values()))}

    def _story(self, *words: str, times: int = 1) -> Tell:
        def tell(subject: Subject) -> Story:
            order = subject.order
            rounds = tuple((self._call(order, word),) * times for word in words)
            moves = [word for word in words if self.credits or word != "paid"]
            return Story((order,), rounds, (model.told(order, moves),))

        return tell

    def _events(self, subject: Subject) -> Story:
        """Something without an order, told once or twice."""
        message = self.samples[0]
        for text in several(self.provider.identity.event_key)[:1]:
            message = _filled(self.provider, message, text, subject.order.order_id)
        call = self._signed(subject.order.order_id, message)
        return Story((), ((call,) * subject.dice.choice((1, 1, 2)),), ())

    def _call(self, order: Order, word: str) -> Call:
        payment = self.provider.payment
        if payment is None:
            raise FieldError("PROVIDER", f"{self.name} tells of no orders")
        message = self.begins[word]
        message = _filled(self.provider, message, payment.order_id, order.order_id)
        message = _filled(self.provider, message, payment.attempt, f"{order.order_id}-a", but=payment.order_id)
        message = _put(self.provider, message, self._there(message, payment.amount), _written(order.amount, payment))
        if payment.currency:
            message = _put(self.provider, message, self._there(message, payment.currency), _CURRENCY)
        return self._signed(order.order_id, message)

    def _beginning(self, word: str) -> Message | None:
        """A request that says this word; None where none of the samples can be made to say it."""
        for says in (says for _, says in self.rows if says.word == word):
            for sample in self.samples:
                message = sample
                for where, words in says.when.items():
                    if words != "[]":
                        message = _put(self.provider, message, place(where), several(words)[0])
                reading = Reading(message, self.provider.body, config=self.config)
                if next((each.word for fits, each in self.rows if fits.fits(reading)), "") == word:
                    return message
        return None

    def _there(self, message: Message, places: str | tuple[str, ...]) -> Place:
        reading = Reading(message, self.provider.body, config=self.config)
        found = [place(text) for text in several(places)]
        return next((each for each in found if each.read(reading) is not None), found[0])

    def _signed(self, order_id: str, message: Message) -> Call:
        signed = sign(self.provider, message, self.secret, self.config, now_us())
        headers = tuple((name.decode(), value.decode("latin-1")) for name, value in signed.headers.items())
        return Call(self.name, order_id, signed.body, headers, self.status, query=signed.query)


def _filled(
    provider: Provider,
    message: Message,
    texts: str | tuple[str, ...],
    value: str,
    *,
    but: str | tuple[str, ...] = (),
) -> Message:
    """The text's values put in where the message has them, each the value; those of `but` are left alone."""
    reading = Reading(message, provider.body)
    kept = {each for text in several(but) for each in compiled(text).places()}
    for text in several(texts):
        places = compiled(text).places()
        if all(each.read(reading) is not None for each in places):
            for each in places:
                if each not in kept:
                    message = _put(provider, message, each, value)
            return message
    raise FieldError("PROVIDER", f"its vector has no {' or '.join(several(texts))} to put an id at")


def _written(amount: int, payment: Payment) -> str:
    """An amount as this provider writes it."""
    if payment.unit == "major":
        return format_amount(amount).removesuffix(".00")
    return str(amount if payment.decimals.get(_CURRENCY, 2) else amount // _MINOR)


def _put(provider: Provider, message: Message, where: Place, value: str) -> Message:
    if where.room == "header":
        return msgspec.structs.replace(message, headers={**message.headers, where.name.encode(): value.encode()})
    if where.room != "field":
        raise FieldError("PROVIDER", f"{where.room}:{where.name} is no place to put a value at")
    return msgspec.structs.replace(message, body=put(message.body, provider.body, where.path, value))


def _mixed(tells: Sequence[Tell]) -> Tell:
    def mixed(subject: Subject) -> Story:
        return subject.dice.choice(tells)(subject)

    return mixed
