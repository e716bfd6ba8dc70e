"""`callbacks products`: what the supplier sells and for how much, as the newest price list says."""

import shlex
from typing import Annotated

import typer
from rich.text import Text

from app.cli import parts, printing
from app.cli.parts import Json
from app.core.money import parse_amount
from app.operate.files import products as verbs
from app.operate.files.imports_shown import ProductShown

commands = typer.Typer(help="Products of the price lists.", no_args_is_help=True)

_ROWS = 50


@commands.callback()
def _group() -> None:
    """Keep `list` a word of its own, though it is the only one."""


@commands.command("list")
def list_products(
    search: Annotated[str, typer.Option(help="In code, name, category or brand.", metavar="TEXT")] = "",
    changed: Annotated[bool, typer.Option("--changed", help="Whose price changed, newest first.")] = False,  # noqa: FBT002
    rows: Annotated[int, typer.Option(min=1, max=verbs.PAGE_MAX)] = _ROWS,
    after: Annotated[str, typer.Option(help="The page behind this one.", metavar="CURSOR")] = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """List products by their codes; a price that rose is marked ▲, one that fell ▼, with the price before.

    Example: callbacks products list --search telkomsel --changed
    """
    wanted = verbs.ProductSearch(search, changed)
    found = verbs.list_products(parts.existing_state(), wanted, cursor=after, rows_max=rows)
    if json:
        printing.print_json(found)
        return
    printing.table(
        ("code", "name", "brand", "amount", "", "before", "changed", "seller", "sold"),
        [_line(product) for product in found.products],
        indent=0,
    )
    if not found.products:
        printing.nothing("products")
    if found.next_cursor:
        options = f" --search {shlex.quote(search)}" if search else ""
        options += " --changed" if changed else ""
        printing.field("more", f"callbacks products list{options} --after {found.next_cursor}")


def _line(product: ProductShown) -> tuple[object, ...]:
    return (
        product.sku,
        product.name,
        product.brand,
        product.price or f"admin {product.admin}",
        _sign(product),
        product.price_before,
        product.price_changed_at,
        product.seller,
        "no" if False in {product.buyer_active, product.seller_active} else "",
    )


def _sign(product: ProductShown) -> Text:
    if product.price is None or product.price_before is None:
        return Text("")
    price, before = parse_amount(product.price), parse_amount(product.price_before)
    return Text("▲", "red") if price > before else Text("▼", "green") if price < before else Text("")
