from starlette.testclient import TestClient

from app.core.database import get_engine
from app.operate.files.importing import import_csv
from tests.callbacks.web import web

__all__ = ["web"]

AT = 1_764_046_140_000_000
PRICES = "buyer_sku_code,product_name,seller_name,price\n"


def bring(content: str, *, at: int = AT) -> None:
    import_csv(get_engine(), content.encode(), filename="list.csv", callback_id=7, at=at)


def test_imports_are_listed_newest_first_page_by_page(web: TestClient) -> None:
    assert web.get("/imports").json() == {"imports": [], "next_cursor": None}
    bring(PRICES + "x5,XL,PT A,5450\nx6,XL,PT A,gratis\n")
    bring("order_id,amount,status\n")
    first = web.get("/imports?rows=1").json()
    assert [(each["kind"], each["rows"]) for each in first["imports"]] == [("midtrans_settlement", 0)]
    second = web.get("/imports", params={"rows": 1, "cursor": first["next_cursor"]}).json()
    assert second["next_cursor"] is None
    shown = second["imports"][0]
    assert (shown["filename"], shown["callback_id"], shown["rows_done"]) == ("list.csv", "7", 2)
    assert (shown["counts"]["new"], shown["counts"]["unreadable"]) == (1, 1)
    assert shown["unreadable_lines"] == [{"line": 3, "why": "price_unreadable", "cell": "gratis"}]
    assert web.get("/imports?kind=x").status_code == 422


def test_products_are_listed_and_searched(web: TestClient) -> None:
    bring(PRICES + "x5,XL 5.000,PT A,5450\nt5,Telkomsel 5.000,PT A,5500\n")
    bring(PRICES + "x5,XL 5.000,PT A,5400\n", at=AT + 1)
    found = web.get("/products?rows=1").json()
    assert [each["sku"] for each in found["products"]] == ["t5"]
    more = web.get("/products", params={"cursor": found["next_cursor"]}).json()
    assert [each["sku"] for each in more["products"]] == ["x5"]
    changed = web.get("/products?changed=true").json()["products"]
    assert [(each["price"], each["price_before"]) for each in changed] == [("5400.00", "5450.00")]
    assert [each["sku"] for each in web.get("/products?search=telkom").json()["products"]] == ["t5"]
    for cursor in ("x", "bnVsbA", "W10", "WyIiLCIiLCJ4Il0"):
        answer = web.get("/products", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["field"]) == (422, "cursor"), cursor
