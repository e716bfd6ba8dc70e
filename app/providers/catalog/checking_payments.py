"""What a provider's file says of payments and cannot be: nobody would be credited, anybody, or twice. Pure."""

import re
from collections.abc import Iterator

from app.providers.catalog.covering import left_open, payment_places
from app.providers.catalog.model import Ask, Payment, Provider, answer_payment, several
from app.providers.templates import compiled, place

#: What the log keeps of a request, or anybody can make of it again.
_KEPT = frozenset({"field", "header", "config"})
_KEPT_NAMED = frozenset({("named", "body"), ("named", "fields")})
_NOT_SIGNED = (
    "which is not signed, so that anybody could change it: sign it, say in [ask] how the sender's API is asked, or in "
    "payment.unproved what the proof leaves open; payments wait for a person then"
)
_ANY = "[]"  # `choosing` reads it so


def wrong_payments(provider: Provider) -> Iterator[tuple[str, str]]:
    """Each field with what is wrong with it; every text and place of the file has a meaning already."""
    for field, payment in payments_of(provider):
        yield from _wrong_decimals(field, payment)
        yield from _same_for_all(field, payment)
        yield from _wrong_table(field, payment)
    yield from _not_kept(provider)
    yield from _not_proved(provider)
    if provider.ask is not None:
        yield from _wrong_ask(provider, provider.ask)


def payments_of(provider: Provider) -> Iterator[tuple[str, Payment]]:
    """What callbacks, and the answers of the sender's API, tell of payments, with its field of the file."""
    if provider.payment is not None:
        yield "payment", provider.payment
    if provider.ask is not None and provider.ask.payment is not None:
        yield "ask.payment", provider.ask.payment


def _wrong_decimals(field: str, payment: Payment) -> Iterator[tuple[str, str]]:
    for currency, decimals in payment.decimals.items():
        if not re.fullmatch(r"[A-Z]{3}", currency) or decimals not in {0, 2}:
            yield f"{field}.decimals.{currency}", "is a currency such as IDR, with 0 or 2 decimals"


def _same_for_all(field: str, payment: Payment) -> Iterator[tuple[str, str]]:
    """What names an order or a payment must read it: words alone would make all of them one."""
    for name in ("order_id", "attempt"):
        for text in several(getattr(payment, name)):
            if text and not compiled(text).places():
                yield f"{field}.{name}", f"{text!r} reads nothing of what came; a field stands in braces: {{id}}"


def _not_kept(provider: Provider) -> Iterator[tuple[str, str]]:
    hidden = {place(text) for text in provider.hidden}
    for field, each in payment_places(provider.payment):
        if each.room not in _KEPT and (each.room, each.name) not in _KEPT_NAMED:
            yield field, f"reads {each.room}:{each.name}, which is not kept: a field or a header is"
        if each in hidden:
            yield field, f"reads {each.name}, which is hidden: it is blanked before it is kept"


def _not_proved(provider: Provider) -> Iterator[tuple[str, str]]:
    if provider.payment is not None and provider.ask is None and not provider.payment.unproved:
        for field, each in left_open(provider):
            yield field, f"reads {each.name}, {_NOT_SIGNED}"


def _wrong_ask(provider: Provider, ask: Ask) -> Iterator[tuple[str, str]]:
    if provider.payment is None:
        yield "ask", "asks about payments, and there is no [payment] that tells of them"
    yield from _wrong_question(ask)
    for where in ask.unknown:
        if place(where).room != "field":
            yield "ask.unknown", f"reads {where}; of an answer only the fields of its body are read"
    for field, each in payment_places(answer_payment(provider), "ask.payment"):
        if each.room != "field":
            yield field, f"reads {each.room}:{each.name}; of an answer only the fields of its body are read"


def _wrong_question(ask: Ask) -> Iterator[tuple[str, str]]:
    if not ask.url.startswith(("https://", "http://", "{config:")):
        yield "ask.url", "is no address, such as https://api.example.com/payments/{quoted(attempt)}"
    if not any(each.room == "field" for _, text in ask_texts(ask) for each in compiled(text).places()):
        yield "ask.url", "has neither {order_id} nor {attempt}, nor has the body: it would ask about no payment"
    for field, text in ask_texts(ask):
        for each in compiled(text).places():
            if each.room == "field" and each.name not in {"order_id", "attempt"}:
                yield field, f"reads {each.name}; a question knows order_id and attempt"
            elif each.room not in {"field", "config"} and (each.room, each.name) != ("named", "secret"):
                yield field, f"reads {each.room}:{each.name}, and there is no request to read it from"


def ask_texts(ask: Ask) -> Iterator[tuple[str, str]]:
    """The texts of a question, with their fields."""
    yield "ask.url", ask.url
    yield "ask.body", ask.body
    yield from ((f"ask.headers.{name}", text) for name, text in ask.headers.items())


def _wrong_table(field: str, payment: Payment) -> Iterator[tuple[str, str]]:
    """A status table by which nobody is credited, or everybody."""
    for name in ("order_id", "attempt", "amount", "says"):
        if not getattr(payment, name):
            yield f"{field}.{name}", "is empty: nobody would ever be credited"
    for number, says in enumerate(payment.says):
        if not says.when and says.word != "ignored":
            yield (
                f"{field}.says[{number}].when",
                f'is missing: every callback would be {says.word}; a place that is there: {{ id = "[]" }}',
            )
        for where, words in says.when.items():
            if not words:
                yield f"{field}.says[{number}].when.{where}", 'has no word; any value that is there: "[]"'
    yield from _never_reached(field, payment)
    yield from _one_for_each_word(field, payment)


def _never_reached(field: str, payment: Payment) -> Iterator[tuple[str, str]]:
    """A row that says something else than one above it, which fits whatever it fits."""
    for number, says in enumerate(payment.says):
        for above, other in enumerate(payment.says[:number]):
            if other.word != says.word and all(
                where in says.when and _fits_all(words, says.when[where]) for where, words in other.when.items()
            ):
                yield f"{field}.says[{number}]", f"is never read: says[{above}] ({other.word}) fits all that it fits"


def _fits_all(words: str | tuple[str, ...], of: str | tuple[str, ...]) -> bool:
    known = {word.lower() for word in several(words)}
    return _ANY in known or {word.lower() for word in several(of)} <= known


def _one_for_each_word(field: str, payment: Payment) -> Iterator[tuple[str, str]]:
    """A payment that is named by what became of it: its refund would be one of another payment, and take nothing."""
    told = {place(where) for says in payment.says for where, words in says.when.items() if several(words) != (_ANY,)}
    for text in several(payment.attempt):
        for each in compiled(text).places():
            if each in told:
                yield (
                    f"{field}.attempt",
                    f"reads {each.name}, which the status table reads: a refund would find no payment",
                )


__all__ = ["ask_texts", "payments_of", "wrong_payments"]
