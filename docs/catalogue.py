"""The payment providers of the catalogue as a page shows them, from their files."""

from collections.abc import Iterator

from app.providers.catalog import Catalog
from app.providers.catalog.checking import several
from app.providers.catalog.model import Payment, Says
from docs.markdown import table


def payment_words() -> str:
    """What the words of each payment provider mean, line by line as their files are read."""
    catalog = Catalog(installed=False)
    rows = (row for name in catalog.names() for row in _rows(name, catalog.get(name).payment))
    return table(("Provider", "When", "Says"), rows)


def not_covered() -> str:
    """Providers whose proof leaves open what money rests on."""
    catalog = Catalog(installed=False)
    payments = ((name, catalog.get(name).payment) for name in catalog.names())
    rows = ((f"`{name}`", payment.unproved) for name, payment in payments if payment and payment.unproved)
    return table(("Provider", "Its proof does not cover"), rows)


def _rows(name: str, payment: Payment | None) -> Iterator[tuple[str, str, str]]:
    for says in payment.says if payment is not None else ():
        yield f"`{name}`", _when(says), f"`{says.word}`"


def _when(says: Says) -> str:
    return ", ".join(
        f"`{where}` is there" if words == "[]" else f"`{where}` {' or '.join(f'`{word}`' for word in several(words))}"
        for where, words in says.when.items()
    )
