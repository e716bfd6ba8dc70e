"""Lists the products of the price lists: by a text in them, or those whose price changed, the newest change first."""

import base64
import binascii
from typing import Annotated, Any

import msgspec
from sqlalchemy import Engine, RowMapping, text

from app.core.database import reading
from app.core.ends import LATEST
from app.core.errors import FieldError
from app.operate.files.imports_shown import ProductShown, ProductsShown
from app.operate.shown import amount_text, time_text

PAGE_MAX = 200
SEARCH_CHARS_MAX = 100


class ProductSearch(msgspec.Struct, frozen=True):
    """Which products; "" for any. `changed`: only those whose price changed, the newest first; else by code."""

    search: str = ""
    changed: bool = False


_MATCHES = (
    "(:search = '' OR instr(lower(sku || char(10) || name || char(10) || category || char(10) || brand), :search) > 0)"
)
_BY_CODE = text(
    f"SELECT * FROM callback_products WHERE (provider, sku) > (:provider, :sku) AND {_MATCHES}"
    " ORDER BY provider, sku LIMIT :rows"
)
_BY_CHANGE = text(
    "SELECT * FROM callback_products WHERE price_changed_at IS NOT NULL"
    f" AND (-price_changed_at, provider, sku) > (:changed_at, :provider, :sku) AND {_MATCHES}"
    " ORDER BY -price_changed_at, provider, sku LIMIT :rows"
)


class _Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended."""

    provider: str
    sku: str
    changed_at: Annotated[int, msgspec.Meta(ge=-LATEST, le=LATEST)]  # below zero: the newest ones come first


_START = _Place("", "", -LATEST)


def list_products(
    engine: Engine, search: ProductSearch, *, cursor: str | None = None, rows_max: int = 50
) -> ProductsShown:
    """A page of products behind `cursor`. Raises FieldError for a cursor that is none of ours."""
    rows_max = max(1, min(rows_max, PAGE_MAX))
    place = _place_of(cursor)
    values: dict[str, Any] = {
        **msgspec.structs.asdict(place),
        "search": search.search.strip().lower()[:SEARCH_CHARS_MAX],
        "rows": rows_max + 1,
    }
    with reading(engine) as connection:
        rows = connection.execute(_BY_CHANGE if search.changed else _BY_CODE, values).mappings().all()
    page = rows[:rows_max]
    return ProductsShown(
        products=[_shown(row) for row in page],
        next_cursor=_cursor_of(page[-1]) if len(rows) > rows_max else None,
    )


def _cursor_of(row: RowMapping) -> str:
    place = _Place(row["provider"], row["sku"], -(row["price_changed_at"] or LATEST))
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _place_of(cursor: str | None) -> _Place:
    if not cursor:
        return _START
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=_Place)
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        raise FieldError("cursor", "is not the next_cursor of a page") from None


def _shown(row: RowMapping) -> ProductShown:
    return ProductShown(
        provider=row["provider"],
        sku=row["sku"],
        name=row["name"],
        category=row["category"],
        brand=row["brand"],
        type=row["type"],
        seller=row["seller"],
        price=amount_text(row["price"]),
        price_before=amount_text(row["price_before"]),
        price_changed_at=None if row["price_changed_at"] is None else time_text(row["price_changed_at"]),
        admin=amount_text(row["admin"]),
        commission=amount_text(row["commission"]),
        buyer_active=_truth(row["buyer_active"]),
        seller_active=_truth(row["seller_active"]),
        stock=row["stock"],
        start_cut_off=row["start_cut_off"],
        end_cut_off=row["end_cut_off"],
        description=row["description"],
        told_at=time_text(row["told_at"]),
        import_id=str(row["import_no"]),
    )


def _truth(value: int | None) -> bool | None:
    return None if value is None else bool(value)
