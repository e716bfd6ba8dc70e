"""Digiflazz' price list: which columns make a file one, and what a row of it says. Pure.

Names of the API's price list (prepaid and postpaid), and Indonesian headings. A code with a price is anybody's list, so
something of Digiflazz' has to stand beside them.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from app.core.money import Minor
from app.providers.columns import Field, Places, Unread, cell_at, line_of_text, normalised, places_of
from app.providers.written_amounts import Mark, amount_from, marks_of

KIND = "digiflazz_prices"
PROVIDER = "digiflazz"

FIELDS = (
    Field("sku", ("buyer_sku_code", "Kode SKU", "SKU Code", "SKU", "Kode Produk", "Kode Buyer")),
    Field("name", ("product_name", "Nama Produk", "Produk")),
    Field("category", ("category", "Kategori")),
    Field("brand", ("brand", "Merek", "Operator")),
    Field("type", ("type", "Tipe", "Jenis")),
    Field("seller", ("seller_name", "Nama Seller", "Seller", "Nama Penjual", "Penjual")),
    Field("price", ("price", "Harga Beli", "Harga")),
    Field("admin", ("admin", "Biaya Admin")),
    Field("commission", ("commission", "Komisi")),
    Field("buyer_active", ("buyer_product_status", "Status Produk Buyer", "Status Buyer", "Status Produk", "Status")),
    Field("seller_active", ("seller_product_status", "Status Produk Seller", "Status Seller", "Status Penjual")),
    Field("unlimited_stock", ("unlimited_stock", "Stok Unlimited", "Stok Tak Terbatas")),
    Field("stock", ("stock", "Stok")),
    Field("multi", ("multi", "Multi Transaksi")),
    Field("start_cut_off", ("start_cut_off", "Mulai Cut Off", "Cut Off Mulai")),
    Field("end_cut_off", ("end_cut_off", "Selesai Cut Off", "Cut Off Selesai", "Akhir Cut Off")),
    Field("description", ("desc", "Description", "Deskripsi", "Keterangan")),
)
NEEDED = ("sku",)
PRICED = ("price", "admin")
#: Nobody else's list has one of these columns.
OWN = ("buyer_sku_code", "buyer_product_status", "seller_product_status", "seller_name", "Nama Seller", "Status Buyer",
       "Status Seller", "start_cut_off", "end_cut_off", "unlimited_stock")  # fmt: skip
#: Or all of these together, and one of the last two.
TOGETHER = ("Kode Produk", "Nama Produk", "Status")
SORTED = ("category", "brand")

_YES = frozenset({"true", "1", "yes", "ya", "aktif", "active", "normal", "tersedia", "open", "on"})
_NO = frozenset({"false", "0", "no", "tidak", "nonaktif", "inactive", "gangguan", "kosong", "closed", "off"})
_TIME = re.compile(r"([01]?[0-9]|2[0-3])[:.]([0-5]?[0-9])(?:[:.][0-5]?[0-9])?", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)


class Product(msgspec.Struct, frozen=True):
    """One row: what Digiflazz sells, and for how much."""

    line: int
    sku: str
    name: str
    category: str
    brand: str
    type: str
    seller: str
    price: Minor | None
    admin: Minor | None
    commission: Minor | None
    buyer_active: bool | None
    seller_active: bool | None
    stock: int | None  # None: unlimited, or not said
    start_cut_off: str
    end_cut_off: str
    description: str


def missing(places: Places, columns: Sequence[str]) -> list[str]:
    """What the columns lack to be a price list; nothing: they are one."""
    lacking = [name for name in NEEDED if name not in places]
    if not any(name in places for name in PRICED):
        lacking.append(" / ".join(PRICED))
    return lacking if _is_digiflazz(places, columns) else [*lacking, " / ".join((*OWN[:4], "+".join(TOGETHER)))]


def _is_digiflazz(places: Places, columns: Sequence[str]) -> bool:
    names = {normalised(column) for column in columns}
    own, together = ({normalised(heading) for heading in headings} for headings in (OWN, TOGETHER))
    return bool(names & own) or (together <= names and any(field in places for field in SORTED))


def places_in(columns: Sequence[str]) -> Places:
    """Where each field stands in this file."""
    return places_of(FIELDS, columns)


def mark_of(places: Places, rows: Iterator[Sequence[str]]) -> Mark:
    """How this file writes decimals: all its prices are written by the same program."""
    priced = (*PRICED, "commission")
    return marks_of(cell_at(cells, places, field) for cells in rows for field in priced)


def row_from(line: int, cells: Sequence[str], places: Places, mark: Mark) -> Product | Unread:
    """A row of the file → a product, or why it cannot be read."""
    sku = cell_at(cells, places, "sku").removeprefix("'")
    if not sku or len(sku) > _SKU_CHARS or not sku.isprintable():
        return Unread(line, "sku_unreadable" if sku else "no_sku", line_of_text(sku, _CELL_CHARS))
    amounts: dict[str, Minor | None] = {}
    for field in (*PRICED, "commission"):
        written = cell_at(cells, places, field)
        amounts[field] = amount = amount_from(written, mark) if written not in {"", "-"} else None
        if written not in {"", "-"} and (amount is None or amount < 0 or (field == "price" and not amount)):
            return Unread(line, "price_unreadable", line_of_text(written, _CELL_CHARS))
    if amounts["price"] is None and amounts["admin"] is None:
        return Unread(line, "price_unreadable")

    def text(field: str, chars_max: int = _TEXT_CHARS) -> str:
        return line_of_text(cell_at(cells, places, field), chars_max)

    stock = text("stock")
    unlimited = _truth(text("unlimited_stock"))
    return Product(
        line=line,
        sku=sku,
        name=text("name") or sku,
        category=text("category"),
        brand=text("brand"),
        type=text("type"),
        seller=text("seller"),
        price=amounts["price"],
        admin=amounts["admin"],
        commission=amounts["commission"],
        buyer_active=_truth(text("buyer_active")),
        seller_active=_truth(text("seller_active")),
        stock=int(stock) if not unlimited and _COUNT.fullmatch(stock) else None,
        start_cut_off=_time(text("start_cut_off")),
        end_cut_off=_time(text("end_cut_off")),
        description=text("description", _DESCRIPTION_CHARS),
    )


_CELL_CHARS = 40
_SKU_CHARS = 128
_TEXT_CHARS = 256
_DESCRIPTION_CHARS = 1_000


def _truth(word: str) -> bool | None:
    said = normalised(word)
    return True if said in _YES else False if said in _NO else None


def _time(written: str) -> str:
    """`0:0` and `00.00.00` are `00:00`; "" for what is no time."""
    match = _TIME.fullmatch(written)
    return f"{int(match[1]):02d}:{int(match[2]):02d}" if match else ""
