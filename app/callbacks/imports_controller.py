"""The HTTP face of imports and of the product list."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.callbacks.problems import TOKEN, ManagedRoute, described
from app.callbacks.queries import ImportQuery, ProductQuery
from app.core.database import get_engine
from app.operate.files import imports, products
from app.operate.files.imports_shown import ImportsShown, ProductsShown

router = APIRouter(
    route_class=ManagedRoute, responses=described(401, 429, 500, 503), dependencies=[TOKEN], tags=["files"]
)


@router.get("/imports", responses=described(422))
def list_imports(sought: Annotated[ImportQuery, Query()]) -> ImportsShown:
    """The settlement reports and price lists that were imported, newest first, with what became of their rows."""
    return imports.list_imports(get_engine(), before=sought.cursor, rows_max=sought.rows)


@router.get("/products", responses=described(422))
def list_products(sought: Annotated[ProductQuery, Query()]) -> ProductsShown:
    """The products of the price lists by their codes, or those whose price changed, the newest change first."""
    wanted = products.ProductSearch(sought.search, sought.changed)
    return products.list_products(get_engine(), wanted, cursor=sought.cursor, rows_max=sought.rows)
