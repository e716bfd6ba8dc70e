"""What money rests on in a provider's callback, and what of it a proof leaves open. Pure."""

from collections.abc import Iterator

from app.providers.catalog.model import Payment, Provider, Scheme, schemes_of, several
from app.providers.templates import Place, compiled, place


def payment_places(payment: Payment | None, field: str = "payment") -> Iterator[tuple[str, Place]]:
    """What the ledger reads, with its field of the file."""
    if payment is None:
        return
    for name in ("order_id", "attempt", "refund_key"):
        for text in several(getattr(payment, name)):
            yield from ((f"{field}.{name}", each) for each in compiled(text).places())
    for name in ("amount", "refunded", "currency"):
        yield from ((f"{field}.{name}", place(text)) for text in several(getattr(payment, name)))
    for number, says in enumerate(payment.says):
        yield from ((f"{field}.says[{number}].when", place(where)) for where in says.when)


def left_open(provider: Provider) -> Iterator[tuple[str, Place]]:
    """Those that somebody could change and still be proved, by the weakest proof that is taken.

    A token proves whoever shows it, with all that they say.
    """
    proofs = [proof for scheme in schemes_of(provider) for proof in _proofs(scheme)]
    for field, where in payment_places(provider.payment):
        if where.room != "config" and not all(_covers(proof, scheme, where) for proof, scheme in proofs):
            yield field, where


def _proofs(scheme: Scheme) -> Iterator[tuple[frozenset[Place], Scheme]]:
    """Of each way to be proved, what was signed."""
    if scheme.kind == "token":
        return
    must = {each for text in scheme.must.values() for each in compiled(text).places()}
    for text in ("",) if scheme.kind == "jwt" else several(scheme.signed):
        yield frozenset({*compiled(text).places(), *must}), scheme


def _covers(signed: frozenset[Place], scheme: Scheme, where: Place) -> bool:
    if where in signed:
        return True
    if where.room == "header":
        return False
    if any(each.room == "named" and each.name == "body" for each in signed):
        return True
    if any(each.room == "named" and each.name == "fields" for each in signed):
        dropped = scheme.rewrite.drop if scheme.rewrite is not None else ()
        return not (where.path and where.path[0] in dropped)
    return any(each.room == "field" and where.path[: len(each.path)] == each.path for each in signed)


__all__ = ["left_open", "payment_places"]
