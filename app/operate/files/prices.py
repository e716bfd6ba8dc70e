"""Makes the rows of a price list the product list: one statement a chunk, the price before kept beside a new one.

Nothing is ever taken out: no list says that it is the whole one (prepaid and postpaid are two), so products that it
does not name stay as they were, and are counted.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import orjson
from sqlalchemy import Connection

from app.core.money import Minor
from app.engine.outcomes import driver
from app.operate.files.recognising import Read, Recognised
from app.operate.files.rows_once import Import, Work
from app.providers.columns import Places, Unread
from app.providers.digiflazz_prices import PROVIDER, Product

_VALUES = (
    "name", "category", "brand", "type", "seller", "price", "admin", "commission", "buyer_active", "seller_active",
    "stock", "start_cut_off", "end_cut_off", "description",
)  # fmt: skip
_WORDS = ("new", "changed", "rose", "fell", "unchanged", "unreadable")
_KEPT = ("price_before", "price_changed_at", "import_no")


class _Known(msgspec.Struct, frozen=True):
    """A product as it stands; `values` in the order of `_VALUES`."""

    values: tuple[Any, ...]
    price_before: Minor | None
    price_changed_at: int | None
    import_no: int


def importing(recognised: Recognised) -> Work:
    """What is done with the rows of this list."""
    told = tuple(name in recognised.places for name in _VALUES)
    unlimited = "unlimited_stock" in recognised.places

    def take(connection: Connection, state: Import, rows: Sequence[Read]) -> None:
        _take(connection, state, rows, told, stock_told=unlimited)

    def end(connection: Connection, state: Import) -> None:
        _end(connection, state, recognised.places)

    return Work(_WORDS, take, end)


def _take(
    connection: Connection, state: Import, rows: Sequence[Read], told: tuple[bool, ...], *, stock_told: bool
) -> None:
    known = _load(connection, [row.sku for row in rows if isinstance(row, Product)])
    told = tuple(is_told or (stock_told and name == "stock") for name, is_told in zip(_VALUES, told, strict=True))
    changed: dict[str, _Known] = {}
    for row in rows:
        if isinstance(row, Unread):
            state.tally.unreadable(row)
        if not isinstance(row, Product):
            continue
        product = _after(state, known.get(row.sku), row, told)
        if product is not None:
            known[row.sku] = changed[row.sku] = product
    _write(connection, state, changed)


def _after(state: Import, before: _Known | None, row: Product, told: tuple[bool, ...]) -> _Known | None:
    """The product after this row, None where a newer list has spoken; counts what the row was."""
    tally, said = state.tally, tuple(getattr(row, name) for name in _VALUES)
    if before is None:
        tally.add("new")
        return _Known(said, None, None, state.no)
    if before.import_no > state.no:
        tally.add("older")
        return None
    # A column that the file does not have says nothing against what an earlier list said.
    values = tuple(new if is_told else old for new, old, is_told in zip(said, before.values, told, strict=True))
    if values == before.values:
        tally.add("unchanged")
        return msgspec.structs.replace(before, import_no=state.no)
    tally.add("changed")
    price, price_before = values[_PRICE], before.values[_PRICE]
    if price == price_before or price_before is None:
        return _Known(values, before.price_before, before.price_changed_at, state.no)
    if price is not None:
        tally.add("rose" if price > price_before else "fell")
    return _Known(values, price_before, state.began_at, state.no)


_PRICE = _VALUES.index("price")


def _load(connection: Connection, skus: Sequence[str]) -> dict[str, _Known]:
    rows = driver(connection).execute(
        f"SELECT p.sku, {', '.join(f'p.{name}' for name in (*_VALUES, *_KEPT))} FROM json_each(?) AS j"
        " CROSS JOIN callback_products AS p ON p.provider = ? AND p.sku = j.value",
        (orjson.dumps(skus).decode(), PROVIDER),
    )
    return {row[0]: _Known(tuple(row[1 : len(_VALUES) + 1]), *row[len(_VALUES) + 1 :]) for row in rows}


_COLUMNS = ("provider", "sku", *_VALUES, *_KEPT, "told_at")
_UPSERT = (
    f"INSERT INTO callback_products ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    " ON CONFLICT (provider, sku) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:])
)


def _write(connection: Connection, state: Import, products: dict[str, _Known]) -> None:
    driver(connection).executemany(
        _UPSERT,
        [
            (
                PROVIDER,
                sku,
                *(int(value) if isinstance(value, bool) else value for value in product.values),
                product.price_before,
                product.price_changed_at,
                product.import_no,
                state.began_at,
            )
            for sku, product in products.items()
        ],
    )


def _end(connection: Connection, state: Import, places: Places) -> None:
    """Count the products of earlier lists that this one does not name; prepaid and postpaid ones apart."""
    prepaid, postpaid = "price" in places, "admin" in places
    absent = driver(connection).execute(
        "SELECT count(*) FROM callback_products WHERE provider = ? AND import_no < ?"
        " AND ((? AND price IS NOT NULL) OR (? AND admin IS NOT NULL))",
        (PROVIDER, state.no, prepaid, postpaid),
    )
    state.tally.add("absent", int(absent.fetchone()[0]))
