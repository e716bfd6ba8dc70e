"""How imports and products look outside."""

from pydantic import Field

from app.operate.shown import Shown


class LineShown(Shown):
    """A row that could not be read."""

    line: int
    why: str = Field(description="A word such as `amount_unreadable`.")
    cell: str


class ImportShown(Shown):
    """One settlement report or price list."""

    id: str
    kind: str = Field(description="`midtrans_settlement` or `digiflazz_prices`.")
    filename: str
    callback_id: str = Field(description="The file event that brought it first.")
    began_at: str
    ended_at: str | None = Field(description="null: it is under way, or was cut short and goes on at the next try.")
    rows: int
    rows_done: int
    counts: dict[str, int] = Field(description="What became of the rows, by words.")
    unreadable_lines: list[LineShown] = Field(description="The first ones.")


class ImportsShown(Shown):
    """A page of imports, newest first."""

    imports: list[ImportShown]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null at the end.")


class ProductShown(Shown):
    """A product as the newest price list that names it says."""

    provider: str
    sku: str
    name: str
    category: str
    brand: str
    type: str
    seller: str
    price: str | None = Field(description="What the shop pays; null for bills, which have `admin`.")
    price_before: str | None
    price_changed_at: str | None
    admin: str | None
    commission: str | None
    buyer_active: bool | None
    seller_active: bool | None
    stock: int | None = Field(description="null: unlimited, or not said.")
    start_cut_off: str = Field(description="Jakarta time, `HH:MM`.")
    end_cut_off: str
    description: str
    told_at: str
    import_id: str


class ProductsShown(Shown):
    """A page of products."""

    products: list[ProductShown]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null at the end.")
