"""Reports and price lists for the tests, and a shop that hands them in."""

import json
from typing import Any

from app.core.database import reading
from app.operate.alerts import AlertSearch, list_alerts
from app.operate.alerts_shown import AlertShown
from app.operate.files.importing import CsvOutcome, import_csv
from tests.operate.shop import Shop

REPORT_HEAD = "Order ID,Transaction ID,Gross Amount,Status"
PRICES_HEAD = "buyer_sku_code,product_name,category,brand,seller_name,price"


def report(*rows: str, head: str = REPORT_HEAD) -> bytes:
    return "\n".join((head, *rows, "")).encode()


def prices(*rows: str, head: str = PRICES_HEAD) -> bytes:
    return report(*rows, head=head)


def bring(shop: Shop, content: bytes | str, filename: str = "some.csv", *, callback_id: int = 7) -> CsvOutcome:
    """Hand in a file, a moment later than whatever was before; what is told of it must be JSON."""
    content = content.encode() if isinstance(content, str) else content
    told = import_csv(shop.engine, content, filename=filename, callback_id=callback_id, at=shop.tick())
    json.dumps(told.detail)
    return told


def alerts(shop: Shop, *, closed: bool = False) -> list[AlertShown]:
    return list_alerts(shop.engine, AlertSearch("report_differs", closed), rows_max=200, lang="en").alerts


def rows(shop: Shop, statement: str) -> list[tuple[Any, ...]]:
    with reading(shop.engine) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]
