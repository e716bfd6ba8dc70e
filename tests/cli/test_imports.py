from app.core.database import get_engine
from app.operate.files import rows_once
from app.operate.files.importing import import_csv
from tests.cli.test_commands import Shell, data, shell

__all__ = ["shell"]

AT = 1_764_046_140_000_000
PRICES = "buyer_sku_code,product_name,brand,seller_name,price\n"


def bring(content: str, *, at: int = AT) -> None:
    import_csv(get_engine(), content.encode(), filename="list.csv", callback_id=7, at=at)


def test_nothing_was_imported_yet(shell: Shell) -> None:
    assert shell("imports", "list").err == "no imports\n"
    assert shell("products", "list").err == "no products\n"


def test_imports_are_listed_with_what_became_of_their_rows(shell: Shell) -> None:
    bring("order_id,amount,status\nTU-1,5000.00,settlement\nTU-2,x\x1b[2J,settlement\n")
    bring(PRICES)
    told = shell("imports", "list", "--rows", "1")
    assert told.out.startswith("import 2  digiflazz_prices  list.csv\n")
    assert "rows        0\n" in told.out
    assert "older       callbacks imports list --before 2" in told.out
    older = shell("imports", "list", "--before", "2").out
    assert "differ 1" in older
    assert "line 3: amount_unreadable" in older
    assert data(shell("imports", "list", "--json"))["imports"][1]["rows_done"] == 2


def test_an_import_under_way_shows_how_far_it_is(shell: Shell) -> None:
    bring(PRICES + "x5,XL 5.000,XL,PT A,5450\n")
    with get_engine().begin() as connection:
        connection.exec_driver_sql("UPDATE callback_imports SET ended_at = NULL, rows = 9000, next_row = 250")
    assert "rows        250 of 9000 so far\n" in shell("imports", "list").out
    assert rows_once.CHUNK_ROWS == 250


def test_a_price_that_rose_and_one_that_fell_are_marked(shell: Shell) -> None:
    bring(PRICES + "a,XL 5.000,XL,PT A,5450\nb,XL 10.000,XL,PT A,10450\nc,Axis,AXIS,PT A,5000\n")
    bring(PRICES + "a,XL 5.000,XL,PT A,5500\nb,XL 10.000,XL,PT A,10400\nc,Axis,AXIS,PT A,5000\n", at=AT + 1)
    lines = {line.split()[0]: line for line in shell("products", "list").out.splitlines()[1:]}
    assert lines["a"].split()[4:7] == ["5500.00", "▲", "5450.00"]
    assert lines["b"].split()[4:7] == ["10400.00", "▼", "10450.00"]
    assert not {"▲", "▼"} & set(lines["c"])
    assert "Axis" not in shell("products", "list", "--changed").out
    paged = shell("products", "list", "--search", "xl", "--rows", "1").out
    assert "callbacks products list --search xl --after " in paged
    after = paged.split("--after ")[1].strip()
    assert shell("products", "list", "--search", "xl", "--after", after).out.splitlines()[1].startswith("b ")
    assert data(shell("products", "list", "--changed", "--json"))["products"][0]["sku"] == "a"
    assert "cursor: " in shell("products", "list", "--after", "x", code=2).err
