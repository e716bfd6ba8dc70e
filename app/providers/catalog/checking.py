"""What a provider's file says and cannot be: each refusal names file, field and reason."""

import re
from collections.abc import Iterator

from app.core.errors import CatalogRefused
from app.providers.catalog.checking_payments import ask_texts, payments_of, wrong_payments
from app.providers.catalog.model import Provider, Reply, Scheme, is_asymmetric, schemes_of, several
from app.providers.proofs import ALGORITHMS
from app.providers.templates import Place, TextError, compiled, place

_BODIES = re.compile(r"json|form|json_or_form|raw|form_json:[A-Za-z0-9_.-]{1,64}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_STATUSES = range(200, 300)
_BODILESS = frozenset({204, 205})
_ONE_LINE = re.compile(r"[ -~]+")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
#: What says where an answer ends, and the type that has a field of its own.
_FRAMING = frozenset({"connection", "content-length", "content-type", "transfer-encoding"})


def check(provider: Provider, file: str) -> None:
    """Raises CatalogRefused for the first thing that cannot be."""
    for field, reason in _wrong(provider):
        raise CatalogRefused(file, field, reason)


def _wrong(provider: Provider) -> Iterator[tuple[str, str]]:
    if not _BODIES.fullmatch(provider.body):
        yield "body", "is none of json, form, json_or_form, form_json:FIELD, raw"
    yield from _wrong_variables(provider)
    if not schemes_of(provider):
        yield "scheme", "is missing: nothing would prove the sender"
    for scheme in schemes_of(provider):
        yield from _wrong_scheme(scheme)
    for field, text in _texts(provider):
        yield from _wrong_text(field, text)
    for field, text in _places(provider):
        yield from _wrong_place(field, text)
    for field, text in _texts(provider):
        yield from _unknown_config(field, text, provider)
    for scheme in schemes_of(provider):
        yield from _signs_itself(scheme)
        yield from _proves_nobody(scheme)
    yield from wrong_payments(provider)
    yield from _wrong_answers(provider)


def _wrong_variables(provider: Provider) -> Iterator[tuple[str, str]]:
    if provider.secret is None:
        yield "secret", "is missing: nothing would prove the sender"
    elif not _VARIABLE.fullmatch(provider.secret.variable):
        yield "secret.variable", "is no name of a variable, such as SHOP_SECRET"
    if provider.access is not None and not _VARIABLE.fullmatch(provider.access.variable):
        yield "access.variable", "is no name of a variable, such as SHOP_CLIENT_SECRET"
    if provider.access is not None and provider.access.seconds <= 0:
        yield "access.seconds", "must be above zero"
    if provider.ask is not None and not _VARIABLE.fullmatch(provider.ask.variable):
        yield "ask.variable", "is no name of a variable, such as SHOP_API_KEY"
    for name, config in provider.config.items():
        if not _VARIABLE.fullmatch(config.variable):
            yield f"config.{name}.variable", "is no name of a variable, such as SHOP_ID"


def _wrong_answers(provider: Provider) -> Iterator[tuple[str, str]]:
    tells_nothing = provider.access is not None and not provider.access.shown
    for number, answer in enumerate(provider.answers):
        if answer.method == "POST" and not answer.keep and not answer.when and (not answer.proved or not tells_nothing):
            yield (
                f"answers[{number}].when",
                "is missing: with keep = false every callback is answered and lost; a handshake has its own words",
            )
        if answer.status not in _STATUSES:
            yield f"answers[{number}].status", "is none of 200 to 299: a kept callback is never answered otherwise"
        for field, reason in _no_answer(answer):
            yield f"answers[{number}].{field}", reason
        if not answer.proved and answer.keep:
            yield f"answers[{number}].keep", "must be false where nothing proves the sender (proved = false)"
        if not answer.proved and (loose := _signed_for_anybody(answer)):
            yield (
                f"answers[{number}].body",
                f"would sign {loose} for anybody: prove the sender, or bound it by when ([hex:20-32])",
            )


def _no_answer(answer: Reply) -> Iterator[tuple[str, str]]:
    """What a sender would not understand as an answer: it would send the callback again and again."""
    if answer.status in _BODILESS and answer.body:
        yield "body", f"must be empty: an answer {answer.status} has none"
    if not _ONE_LINE.fullmatch(answer.content_type):
        yield "content_type", "is no type of a body, such as text/plain"
    for name in answer.headers:
        if not _HEADER.fullmatch(name) or name.lower() in _FRAMING:
            yield f"headers.{name}", "is no header that an answer may have"


def _signed_for_anybody(answer: Reply) -> str:
    """What whoever asks can have signed with our secret: what they put there would prove them later."""
    places = compiled(answer.body).places()
    if not _holds_it(answer.body):
        return ""
    bounded = {place(where) for where, words in answer.when.items() if all(map(_is_bounded, several(words)))}
    loose = [each for each in places if each.room not in {"named", "config"} and each not in bounded]
    return f"{loose[0].room}:{loose[0].name}" if loose else ""


def _is_bounded(words: str) -> bool:
    return words.startswith("[hex:")


def _wrong_scheme(scheme: Scheme) -> Iterator[tuple[str, str]]:
    if scheme.algorithm not in ALGORITHMS[scheme.kind]:
        known = ", ".join(ALGORITHMS[scheme.kind]) or "none"
        yield "scheme.algorithm", f"{scheme.algorithm!r} is none of those of {scheme.kind}: {known}"
    if not scheme.from_:
        yield "scheme.from", "is missing: where the proof stands, such as header:X-Signature"
    clock = scheme.clock
    if clock is not None and isinstance(clock.tolerance_seconds, int) and clock.tolerance_seconds <= 0:
        yield "scheme.clock.tolerance_seconds", 'must be above zero, or "any"'
    if clock is not None:
        yield from _wrong_place("scheme.clock.from", clock.from_)


def _signs_itself(scheme: Scheme) -> Iterator[tuple[str, str]]:
    if scheme.kind in {"token", "jwt"} or any(place(each).room != "field" for each in several(scheme.from_)):
        return
    if all(Place("named", "body") in compiled(text).parts for text in several(scheme.signed)):
        yield "scheme.from", "stands in the body that it signs: header:NAME, or sign its fields ({id}{status})"


def _proves_nobody(scheme: Scheme) -> Iterator[tuple[str, str]]:
    """Without the secret in it, whoever reads the sender's documentation makes the same proof."""
    signed = several(scheme.signed)
    if not signed:
        yield "scheme.signed", "is empty: nothing would be signed"
    if is_asymmetric(scheme) or (scheme.kind != "digest" and _holds_it(scheme.secret)):
        return
    if scheme.kind in {"token", "jwt"} or not all(map(_holds_it, signed)):
        where = "signed" if scheme.kind == "digest" else "secret"
        yield f"scheme.{where}", "has no {secret} in it: anybody could make this proof"


def _holds_it(text: str) -> bool:
    return any(each.room == "named" and each.name == "secret" for each in compiled(text).places())


def _texts(provider: Provider) -> Iterator[tuple[str, str]]:
    for scheme in schemes_of(provider):
        for name, told in (("signed", scheme.signed), ("prefix", scheme.prefix), ("secret", scheme.secret)):
            yield from ((f"scheme.{name}", text) for text in several(told))
        yield from ((f"scheme.must.{where}", text) for where, text in scheme.must.items())
    if provider.access is not None:
        yield "access.shown", provider.access.shown
    yield from ((f"config.{name}.default", each.default or "") for name, each in provider.config.items())
    yield from _words(provider)
    for name in ("event_type", "event_key", "ordering_key"):
        yield from ((f"identity.{name}", text) for text in several(getattr(provider.identity, name)))
    for field, payment in payments_of(provider):
        for name in ("order_id", "attempt", "refund_key"):
            yield from ((f"{field}.{name}", text) for text in several(getattr(payment, name)))
    if provider.ask is not None:
        yield from ask_texts(provider.ask)
    for number, answer in enumerate(provider.answers):
        yield f"answers[{number}].body", answer.body
        yield from ((f"answers[{number}].headers.{name}", text) for name, text in answer.headers.items())


def _words(provider: Provider) -> Iterator[tuple[str, str]]:
    """Words of a `when`: texts too."""
    for field, payment in payments_of(provider):
        for number, says in enumerate(payment.says):
            for where, words in says.when.items():
                yield from ((f"{field}.says[{number}].when.{where}", text) for text in several(words))
    for where, words in (provider.ask.unknown if provider.ask is not None else {}).items():
        yield from ((f"ask.unknown.{where}", text) for text in several(words))
    for number, answer in enumerate(provider.answers):
        for where, words in answer.when.items():
            yield from ((f"answers[{number}].when.{where}", text) for text in several(words))


def _places(provider: Provider) -> Iterator[tuple[str, str]]:
    for scheme in schemes_of(provider):
        yield from (("scheme.from", text) for text in several(scheme.from_))
        yield from ((f"scheme.must.{where}", where) for where in scheme.must)
    yield from ((f"hidden[{number}]", text) for number, text in enumerate(provider.hidden))
    for field, payment in payments_of(provider):
        for name in ("amount", "refunded", "currency"):
            yield from ((f"{field}.{name}", text) for text in several(getattr(payment, name)))
        for number, says in enumerate(payment.says):
            yield from ((f"{field}.says[{number}].when", where) for where in says.when)
    yield from (("ask.unknown", where) for where in (provider.ask.unknown if provider.ask is not None else ()))
    for number, answer in enumerate(provider.answers):
        yield from ((f"answers[{number}].when", where) for where in answer.when)
        if answer.tells:
            yield f"answers[{number}].tells", answer.tells


def _wrong_text(field: str, text: str) -> Iterator[tuple[str, str]]:
    try:
        compiled(text)
    except TextError as error:
        yield field, str(error)


def _wrong_place(field: str, text: str) -> Iterator[tuple[str, str]]:
    try:
        place(text)
    except TextError as error:
        yield field, str(error)


def _unknown_config(field: str, text: str, provider: Provider) -> Iterator[tuple[str, str]]:
    for each in compiled(text).places():
        if each.room == "config" and each.name not in provider.config:
            yield field, f"names config:{each.name}, and there is no [config.{each.name}]"


__all__ = ["check"]
