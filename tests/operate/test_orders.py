from typing import Any

import pytest
from sqlalchemy import text

from app.core.config import Settings
from app.core.database import reading
from app.core.errors import BalanceTooSmall, FieldError, NotFound, OrderConflict, ResolutionRefused
from app.ledger import books
from app.ledger.facts import Fact, FactKind, Told
from app.operate import orders
from app.operate.announcement import order_from
from app.operate.orders_shown import TransactionShown
from app.operate.policy import UNASKED, policy_of
from tests.operate.shop import Shop

GOOD: dict[str, Any] = {"order_id": "TU-1", "user_id": "ani", "kind": "topup", "amount": "100000.00"}


def resolve(shop: Shop, word: str, **more: Any) -> TransactionShown:
    data = {"word": word, "reason": "the bank says so", **more}
    return orders.resolve_order(shop.engine, "TU-1", data, who="budi", at=shop.tick(), policy=UNASKED, lang="id")


def test_an_announced_order_waits_for_the_sender_of_its_kind() -> None:
    assert order_from(GOOD).provider == "midtrans"
    assert order_from({**GOOD, "kind": "ppob"}).provider == "digiflazz"
    assert order_from({**GOOD, "provider": "xendit"}).provider == "xendit"
    assert order_from({**GOOD, "currency": "usd"}).currency == "USD"


@pytest.mark.parametrize("amount", ["100000.00", "100000", 100000, 100000.0])
def test_an_amount_is_text_or_a_number(amount: object) -> None:
    assert order_from({**GOOD, "amount": amount}).amount == 10_000_000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("order_id", None),
        ("order_id", ""),
        ("order_id", "a b"),
        ("order_id", "a\nb"),
        ("order_id", "a\x00"),
        ("order_id", "\u202eabc"),
        ("order_id", "\ud800"),
        ("order_id", "x" * 129),
        ("order_id", True),
        ("order_id", -1),
        ("order_id", ["x"]),
        ("user_id", ""),
        ("user_id", "a\tb"),
        ("kind", "gift"),
        ("kind", 1),
        ("kind", None),
        ("amount", None),
        ("amount", "0"),
        ("amount", "0.00"),
        ("amount", "-1"),
        ("amount", "1,000"),
        ("amount", "1_000"),
        ("amount", "1e5"),
        ("amount", "１００"),
        ("amount", float("nan")),
        ("amount", 10**20),
        pytest.param("amount", 10**5000, id="amount-huge"),
        ("amount", True),
        ("amount", {}),
        ("currency", "RP"),
        ("currency", 1),
        ("provider", "Mid trans"),
        ("provider", "x" * 65),
        ("product", "a\nb"),
        ("product", "x" * 257),
        ("customer_no", []),
        ("amout", "1"),
    ],
)
def test_a_field_that_does_not_fit_is_named(field: str, value: object) -> None:
    with pytest.raises(FieldError) as caught:
        order_from({**GOOD, field: value})
    assert caught.value.field == field


def test_an_order_can_be_announced_again_and_stays_the_same_one(shop: Shop) -> None:
    assert shop.announce() is True
    assert shop.announce() is False
    with pytest.raises(OrderConflict, match=r"amount '100000.00', not '5.00'"):
        shop.announce(amount="5")


def test_an_order_shows_what_was_told_moved_and_said(shop: Shop) -> None:
    shop.announce()
    assert shop.show().status == "waiting"
    shop.tell()
    shown = shop.show()
    assert (shown.status, shown.text, shown.amount) == ("paid", "paid", "100000.00")
    [fact] = shown.facts
    assert (fact.kind, fact.attempt, fact.level, fact.amount) == ("paid", "T1", "unverified", None)
    assert {(posting.account, posting.amount) for posting in shown.postings} == {
        ("wallet:ani", "100000.00"),
        ("clearing:midtrans", "-100000.00"),
    }
    assert {posting.journal_id for posting in shown.postings} == {fact.source}
    [notice] = shown.notices
    assert notice.text == "Your top-up of IDR 100,000.00 has arrived (order TU-1)."
    assert [(line.callback_id, line.outcome) for line in shown.callbacks] == [(fact.source, "applied")]
    assert shown.announced_at.endswith("Z")


def test_callbacks_that_added_nothing_are_shown_with_their_order_too(shop: Shop) -> None:
    shop.announce()
    shop.tell()
    shop.tell()
    shop.tell(told=Told("TU-1", refused="fields_disagree", detail={"transaction_status": "settlement"}))
    assert [line.outcome for line in shop.show().callbacks] == ["applied", "duplicate", "rejected"]
    assert "contradict" in shop.show().callbacks[2].text


def test_what_was_parked_shows_once_its_order_is_announced(shop: Shop) -> None:
    shop.tell()
    with pytest.raises(NotFound):
        shop.show()
    shop.announce()
    assert shop.show().status == "paid"
    assert shop.balance() == "100000.00"


def test_a_purchase_shows_hold_capture_and_serial_number(shop: Shop) -> None:
    with pytest.raises(BalanceTooSmall):
        shop.announce("BUY-1", amount="20000", kind="ppob")
    shop.announce()
    shop.tell()
    shop.announce("BUY-1", amount="20000", kind="ppob", product="xld10", customer_no="0812")
    held = shop.show("BUY-1")
    assert {(p.account, p.amount) for p in held.postings} == {("wallet:ani", "-20000.00"), ("held:ani", "20000.00")}
    assert [cause.kind for cause in held.causes] == ["announcement"]
    shop.tell("BUY-1", Told("BUY-1", (Fact(FactKind.SUCCEEDED, key="SN-9"),)), provider="digiflazz")
    done = shop.show("BUY-1")
    assert (done.status, done.serial_number) == ("succeeded", "SN-9")
    assert done.notices[0].text == ("Your purchase of xld10 for 0812 succeeded. Serial number: SN-9 (order BUY-1).")
    assert ("sales:ppob", "20000.00") in {(p.account, p.amount) for p in done.postings}
    assert sum(float(p.amount) for p in done.postings) == 0


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"product": "xld10"}, "Your purchase of xld10 succeeded (order BUY-1)."),
        ({"customer_no": "0812"}, "Your purchase for 0812 succeeded (order BUY-1)."),
        ({}, "Your purchase succeeded (order BUY-1)."),
    ],
)
def test_a_notice_says_of_a_purchase_what_was_announced_of_it(shop: Shop, said: dict[str, str], text: str) -> None:
    shop.announce()
    shop.tell()
    shop.announce("BUY-1", amount="20000", kind="ppob", **said)
    shop.tell("BUY-1", Told("BUY-1", (Fact(FactKind.SUCCEEDED),)), provider="digiflazz")
    assert shop.show("BUY-1").notices[0].text == text


def test_a_persons_word_moves_money_and_is_kept_with_who_and_why(shop: Shop) -> None:
    shop.announce()
    shown = resolve(shop, "paid")
    assert shop.balance() == "100000.00"
    assert [(cause.kind, cause.who, cause.reason) for cause in shown.causes] == [("person", "budi", "the bank says so")]
    assert shown.facts[0].level == "confirmed"
    assert shown.postings
    assert shown.notices[0].text == "Isi saldo Rp100.000 berhasil (pesanan TU-1)."
    with pytest.raises(ResolutionRefused):
        resolve(shop, "paid")
    assert resolve(shop, "refund", amount="30000").status == "partially_refunded"
    assert shop.balance() == "70000.00"


@pytest.mark.parametrize(
    ("field", "data"),
    [
        ("word", {"word": "PAID!"}),
        ("word", {"word": None}),
        ("reason", {"reason": " "}),
        ("reason", {"reason": "a\x1b[31m"}),
        ("reason", {"reason": 5}),
        ("amount", {"word": "refund", "amount": "-5"}),
        ("key", {"word": "refund", "amount": "5", "key": "a\nb"}),
    ],
)
def test_a_persons_word_that_does_not_fit_is_refused_by_field(field: str, data: dict[str, Any]) -> None:
    with pytest.raises(FieldError) as caught:
        orders.resolution_from({"word": "paid", "reason": "why", **data}, who="budi")
    assert caught.value.field == field


def test_doubts_are_treated_as_set_and_not_at_all_without_a_key() -> None:
    assert policy_of(Settings()).confirm == "off"
    settings = Settings(MIDTRANS_SERVER_KEY="SB-x", MIDTRANS_CONFIRM="always", MIDTRANS_UNKNOWN_AFTER="2")
    assert policy_of(settings).confirm == "always"
    assert policy_of(settings).unknown_after == 2_000_000


def test_an_alert_about_an_order_is_shown_with_it(shop: Shop) -> None:
    shop.announce()
    shop.tell()
    shop.tell(told=Told("TU-1", (Fact(FactKind.PAID, "T2"),)))
    [alert] = shop.show().alerts
    assert alert.kind == "paid_twice"
    assert alert.text == "Order TU-1 was paid twice; it was credited once."
    assert alert.commands[0] == "callbacks transactions show TU-1"
    assert alert.commands[1].startswith("callbacks wallet adjust ani +AMOUNT")


def busy(shop: Shop) -> None:
    """Every way that money moves."""
    shop.announce()
    shop.tell()
    shop.announce("BUY-1", kind="ppob", amount="20000")
    shop.tell("BUY-1", Told("BUY-1", (Fact(FactKind.SUCCEEDED, key="SN"),)), provider="digiflazz")
    shop.announce("BUY-2", kind="ppob", amount="20000")
    shop.tell("BUY-2", Told("BUY-2", (Fact(FactKind.FAILED, key="40"),)), provider="digiflazz")
    shop.tell(told=Told("TU-1", (Fact(FactKind.REFUNDED, "T1", "r1", 3_000_000),)))


def test_every_journal_of_an_order_is_found_by_what_told_or_caused_it(shop: Shop) -> None:
    busy(shop)
    with reading(shop.engine) as connection:
        held = set(connection.execute(text("SELECT journal_id FROM callback_postings")).scalars())
    shown = {p.journal_id for order_id in ("TU-1", "BUY-1", "BUY-2") for p in shop.show(order_id).postings}
    assert shown == {str(journal_id) for journal_id in held}


def test_every_notice_is_found_by_what_told_or_caused_it(shop: Shop) -> None:
    busy(shop)
    with reading(shop.engine) as connection:
        kept = connection.execute(
            text("SELECT o.order_id, n.status FROM callback_notices n JOIN callback_orders o ON o.id = n.order_no")
        )
        wanted = sorted((row[0], row[1]) for row in kept)
    assert len(wanted) > 3
    orders = {order_id for order_id, _ in wanted}
    assert sorted((o, notice.status) for o in orders for notice in shop.show(o).notices) == wanted


def test_an_order_is_shown_without_reading_whole_tables(shop: Shop) -> None:
    busy(shop)
    asked: list[tuple[str, object]] = []
    with reading(shop.engine) as connection:
        order = books.order_of(connection, "TU-1")
        assert order is not None
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.set_trace_callback(lambda statement: asked.append((statement, None)))
        facts = books.facts_of(connection, order.no)
        causes = books.causes_of(connection, order.no)
        sources = [fact.source_id for fact in facts] + [cause.id for cause in causes]
        books.notices_of(connection, order.no, sources)
        books.postings_of(connection, order, sources)
        raw.set_trace_callback(None)
        plans = [
            str(row[3])
            for statement, _ in asked
            if statement.lstrip().startswith("SELECT")
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")
        ]
    assert len(plans) >= 4
    assert [plan for plan in plans if plan.startswith("SCAN") and "VIRTUAL TABLE" not in plan] == []
