"""A CSV handed in: recognised by its columns, compared or taken over, each content once; and what is told of it."""

import pytest

from app.core.database import reading, writing
from app.ledger.facts import Fact, FactKind, Told
from app.operate.advice import reason_text
from app.operate.files import comparing
from app.operate.files.importing import import_csv
from app.operate.orders import resolve_order, show
from app.operate.policy import UNASKED
from tests.operate.files.csv_files import alerts, bring, prices, report, rows
from tests.operate.shop import Shop


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """TU-1 is paid by T1, TU-2 waits, TU-3 is paid by T3 and refunded by 30000."""
    for number in (1, 2, 3):
        shop.announce(f"TU-{number}")
    shop.tell("TU-1")
    refund = Fact(FactKind.REFUNDED, "T3", "r1", 3_000_000)
    shop.tell("TU-3", Told("TU-3", (Fact(FactKind.PAID, "T3"), refund)))
    return shop


def test_a_report_is_compared_and_what_differs_becomes_an_alert(busy: Shop) -> None:
    told = bring(
        busy,
        report(
            "TU-1,T1,100000.00,settlement",
            "TU-2,T2,100000.00,settlement",
            "TU-3,T3,-50000.00,refund",
            "TU-9,T9,5000.00,settlement",
            "TU-1,T1,abc,settlement",
            "TU-1,T1",
        ),
        "nov.csv",
    )
    assert told.reason == "report_compared"
    assert (told.detail["rows"], told.detail["agree"], told.detail["differ"], told.detail["unreadable"]) == (6, 1, 3, 2)
    assert told.detail["unreadable_lines"] == [
        {"line": 6, "why": "amount_unreadable", "cell": "abc"},
        {"line": 7, "why": "too_few_cells", "cell": "2"},
    ]
    assert reason_text(told.reason, told.detail, "en") == (
        "nov.csv: settlement report compared: 6 rows, 1 agree, 3 differ, 2 unreadable."
    )
    found = {alert.subject: alert for alert in alerts(busy)}
    assert {subject: alert.detail["what"] for subject, alert in found.items()} == {
        "order:TU-2": "not_credited",
        "refund:TU-3": "refund_differs",
        "order:TU-9": "not_announced",
    }
    lost = found["order:TU-2"]
    assert lost.text == (
        "Order TU-2 (nov.csv line 3): the report says settlement, IDR 100000.00, T2;"
        " here it was not credited (waiting, IDR 0.00): its callback was lost, rejected, or waits."
    )
    assert 'callbacks transactions resolve TU-2 paid --reason "…"' in lost.commands
    assert (lost.detail["report"], lost.detail["ledger"], lost.detail["file"], lost.detail["line"]) == (
        "settlement, IDR 100000.00, T2", "waiting, IDR 0.00", "nov.csv", 3
    )  # fmt: skip
    assert busy.balance() == "170000.00", "a report moves no money"


def test_a_report_that_agrees_closes_what_an_earlier_one_said(busy: Shop) -> None:
    bring(busy, report("TU-2,T2,100000.00,settlement"), "first.csv")
    assert [alert.subject for alert in alerts(busy)] == ["order:TU-2"]
    word = {"word": "paid", "reason": "seen at Midtrans"}
    resolve_order(busy.engine, "TU-2", word, who="sari", at=busy.tick(), policy=UNASKED, lang="en")
    told = bring(busy, report("TU-2,T2,100000.00,settlement", "TU-1,T1,100000.00,settlement"), "second.csv")
    assert told.detail["agree"] == 2
    assert alerts(busy) == []
    assert [alert.closed_by for alert in alerts(busy, closed=True)] == ["report"]


def test_a_payment_that_agrees_closes_nothing_about_a_refund_nor_what_its_own_report_says(busy: Shop) -> None:
    bring(busy, report("TU-1,T1,-100000.00,refund", "TU-1,T1,100000.00,settlement"))
    assert [alert.detail["what"] for alert in alerts(busy)] == ["refund_not_in_books"]
    bring(busy, report("TU-1,T1,100000.00,settlement"))
    assert [alert.detail["what"] for alert in alerts(busy)] == ["refund_not_in_books"]


def test_a_payment_and_a_refund_of_one_order_that_differ_are_an_alert_each(busy: Shop) -> None:
    both = report("TU-1,T9,100000.00,settlement", "TU-1,T1,-100000.00,refund")
    bring(busy, both, "first.csv")
    assert {alert.subject: alert.detail["what"] for alert in alerts(busy)} == {
        "order:TU-1": "another_attempt",
        "refund:TU-1": "refund_not_in_books",
    }
    (refund,) = [alert for alert in alerts(busy) if alert.subject == "refund:TU-1"]
    assert refund.text.startswith("Order TU-1 (first.csv line 3)")
    about = show(busy.engine, "TU-1", lang="en").alerts
    assert {alert.subject for alert in about} >= {"order:TU-1", "refund:TU-1"}
    word = {"word": "refund", "amount": "100000.00", "reason": "seen at Midtrans"}
    resolve_order(busy.engine, "TU-1", word, who="sari", at=busy.tick(), policy=UNASKED, lang="en")
    bring(busy, report("TU-1,T1,-100000.00,refund"), "third.csv")
    assert [alert.subject for alert in alerts(busy)] == ["order:TU-1"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("TU-2,T2,100000.00,settlement", "TU-2,T2,100000.00,pending"),  # an older report, dropped in late
        ("TU-2,T2,100000.00,settlement", "TU-2,T9,100000.00,expire"),  # another try of the customer's
        ("TU-1,T9,100000.00,settlement", "TU-1,T1,100000.00,settlement"),  # the payment that was credited
        ("TU-3,T3,-50000.00,refund", "TU-3,T4,-100000.00,refund"),
    ],
)
def test_a_report_closes_nothing_that_it_says_nothing_against(busy: Shop, first: str, second: str) -> None:
    bring(busy, report(first), "new.csv")
    told = bring(busy, report(second), "old.csv")
    assert told.detail["agree"] == 1
    assert [alert.detail["file"] for alert in alerts(busy)] == ["new.csv"]


def test_a_payment_that_was_undone_here_closes_what_said_that_it_was_not_paid(busy: Shop) -> None:
    bring(busy, report("TU-1,T1,100000.00,expire"))
    word = {"word": "failed", "reason": "not at Midtrans"}
    resolve_order(busy.engine, "TU-1", word, who="sari", at=busy.tick(), policy=UNASKED, lang="en")
    bring(busy, report("TU-1,t1,100000.00,expire"))
    assert alerts(busy) == []


def test_only_the_first_thousand_differences_have_an_alert_each(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "ALERTS_MAX", 3)
    told = bring(shop, report(*(f"TU-{number},,5000.00,settlement" for number in range(10))), "many.csv")
    assert (told.detail["differ"], told.detail["alerts"]) == (10, 3)
    more, *single = alerts(shop)
    assert len(single) == 3
    assert (more.subject, more.text) == (
        "report:many.csv",
        "many.csv: 7 more rows differ from the books, beside those that have an alert of their own.",
    )


def test_the_same_content_is_imported_once_whatever_it_is_called(busy: Shop) -> None:
    content = report("TU-2,T2,100000.00,settlement")
    first = bring(busy, content, "a.csv", callback_id=41)
    again = bring(busy, content, "b.csv", callback_id=42)
    assert (first.reason, again.reason) == ("report_compared", "imported_before")
    assert (again.detail["filename"], again.detail["callback_id"], again.detail["differ"]) == ("a.csv", "41", 1)
    assert reason_text(again.reason, again.detail, "en").startswith("The same contents were imported at 2025-11-25T")
    assert bring(busy, content, "a.csv", callback_id=41) == first, "its own callback is handled again"
    assert [alert.count for alert in alerts(busy)] == [1]
    assert rows(busy, "SELECT count(*) FROM callback_imports") == [(1,)]


def test_it_joins_a_transaction_that_is_open(busy: Shop) -> None:
    with busy.engine.connect() as connection:
        told = import_csv(
            connection, report("TU-1,T1,100000.00,settlement"), filename="a.csv", callback_id=1, at=busy.now
        )
        assert told.detail["agree"] == 1
        connection.rollback()
    assert rows(busy, "SELECT count(*) FROM callback_imports") == [(0,)]


def again(shop: Shop) -> None:
    with writing(shop.engine) as connection:
        comparing.compare_again(connection, shop.tick())


def test_what_differed_is_over_when_the_late_callback_comes_or_a_person_decides(busy: Shop) -> None:
    bring(
        busy,
        report(
            "TU-2,T2,100000.00,settlement",
            "TU-8,T8,100000.00,settlement",
            "TU-9,T9,5000.00,settlement",
            "TU-3,T3,-50000.00,refund",
        ),
    )
    again(busy)
    assert len(alerts(busy)) == 4
    busy.tell("TU-2", Told("TU-2", (Fact(FactKind.PAID, "T2"),)))
    busy.announce("TU-8")
    again(busy)
    assert {alert.subject for alert in alerts(busy)} == {"refund:TU-3", "order:TU-8", "order:TU-9"}
    word = {"word": "paid", "reason": "seen at Midtrans"}
    resolve_order(busy.engine, "TU-8", word, who="sari", at=busy.tick(), policy=UNASKED, lang="en")
    again(busy)
    assert {alert.subject for alert in alerts(busy)} == {"refund:TU-3", "order:TU-9"}
    assert {alert.closed_by for alert in alerts(busy, closed=True) if alert.closed_by} == {"books"}


@pytest.mark.parametrize("head", ["Order ID,Amount,Status\n", "Laporan Settlement\n\nOrder ID;Amount;Status\n;;\n"])
def test_a_report_without_rows_says_so(shop: Shop, head: str) -> None:
    told = bring(shop, head)
    assert reason_text(told.reason, told.detail, "id") == (
        "some.csv: laporan settlement dibandingkan: 0 baris, 0 cocok, 0 berbeda, 0 tidak terbaca."
    )
    assert bring(shop, head, callback_id=8).reason == "imported_before"


ODD = {
    "semicolons": b"Order ID;Transaction ID;Gross Amount;Status\nTU-1;T1;100.000,00;Settlement\n",
    "a mark and CRLF": "\ufeffOrder ID,Transaction ID,Gross Amount,Status\r\nTU-1,T1,100000,settlement\r\n".encode(),
    "UTF-16 of a spreadsheet": "sep=\t\nOrder ID\tAmount\tStatus\nTU-1\t100,000.00\tPaid\n".encode("utf-16"),
    "sep= and title lines": b"sep=;\nLaporan;;\n\nID Pesanan;Nominal;Status\nTU-1;Rp 100.000;Sukses\nTotal;5;\n",
    "a pipe": b"order_id|gross_amount|transaction_status\nTU-1|100000.00|capture\n",
    "quoted": b'"Order ID","Gross Amount","Status","Note"\n"TU-1","100,000.00","settlement","a\nb, c"\n',
}


@pytest.mark.parametrize("name", ODD)
def test_a_report_is_read_however_it_was_saved(busy: Shop, name: str) -> None:
    told = bring(busy, ODD[name])
    assert (told.reason, told.detail.get("rows"), told.detail.get("agree")) == ("report_compared", 1, 1)


@pytest.mark.parametrize(
    ("content", "reason", "text"),
    [
        (
            "kota;provinsi\nBandung;Jawa Barat\n",
            "csv_read",
            "some.csv: a CSV with 1 rows; its columns are kota, provinsi. No settlement report (missing: order_id, ",
        ),
        ("", "csv_unreadable", "some.csv cannot be read as a table: empty."),
        ("id," * 1_000 + "x\n", "csv_unreadable", "some.csv cannot be read as a table: too_many_columns."),
        ("\0\1\2", "csv_unreadable", "some.csv cannot be read as a table: not_text."),
    ],
)
def test_what_is_neither_is_told(shop: Shop, content: str, reason: str, text: str) -> None:
    told = bring(shop, content)
    assert told.reason == reason
    assert reason_text(told.reason, told.detail, "en").startswith(text)
    assert rows(shop, "SELECT count(*) FROM callback_imports") == [(0,)]


def test_a_price_list_becomes_the_product_list(shop: Shop) -> None:
    told = bring(shop, prices("x5,XL 5.000,Pulsa,XL,PT A,5450", "x10,XL 10.000,Pulsa,XL,PT A,10450", "y,Y,,,,gratis"))
    assert reason_text(told.reason, told.detail, "en") == (
        "some.csv: price list imported: 3 rows, 2 new, 0 changed (0 dearer, 0 cheaper), 0 unchanged, 1 unreadable;"
        " 0 earlier products are not in it."
    )
    with reading(shop.engine) as connection:
        found = connection.exec_driver_sql("SELECT sku, name, price FROM callback_products ORDER BY sku").all()
    assert found == [("x10", "XL 10.000", 1_045_000), ("x5", "XL 5.000", 545_000)]


def test_values_of_strangers_are_shown_harmlessly(shop: Shop) -> None:
    told = bring(shop, report("=cmd|'/C calc'!A0,T1,5000.00,settlement"), "\x1b[2J\n evil.csv")
    assert rows(shop, "SELECT filename FROM callback_imports") == [("[2J evil.csv",)]
    assert told.detail["unreadable"] == 1, "an order id with blanks is none"
    bring(shop, report("=cmd|calc!A0,T1,5000.00,settlement"))
    assert "create '=cmd|calc!A0' --user" in alerts(shop)[0].commands[0]
