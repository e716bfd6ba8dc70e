from pathlib import Path

import pytest
from sqlalchemy import text

from app.core.config import Settings
from app.core.database import reading
from app.core.telemetry import METRICS
from app.engine.log import open_log
from app.ledger import books
from app.ledger.facts import Fact, FactKind, Told
from app.operate import upkeep
from app.operate.shown import LagShown, StatsShown
from tests.operate.shop import NOW, Shop


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(CALLBACK_LOG_URL=f"sqlite:///{tmp_path}/log.db", DATABASE_URL=f"sqlite:///{tmp_path}/state.db")


def keep(settings: Settings, received_at: int) -> None:
    log = open_log(settings.callback_log_url, server=False)
    log.write_batch([(0, "midtrans", "settlement", "", "", received_at, "", b"{}", "unverified", "")])
    log.close()


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


def test_refusals_are_kept_once_each_and_again_after_trouble(shop: Shop) -> None:
    refused = {("midtrans", "signature_wrong"): 2}
    keeper = upkeep.RefusalKeeper(shop.engine, refused)
    assert keeper.unkept() == refused
    keeper.keep()
    keeper.keep()
    refused["midtrans", "signature_wrong"] = 5
    assert keeper.unkept() == {("midtrans", "signature_wrong"): 3}
    keeper.keep()
    with reading(shop.engine) as connection:
        values = connection.execute(text("SELECT provider, name, value FROM callback_counters")).all()
    assert [tuple(row) for row in values] == [("midtrans", "refused:signature_wrong", 5)]


def test_a_handler_that_makes_up_reasons_does_not_fill_the_table_however_often_the_server_starts(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "_REFUSAL_KEYS_MAX", 3)
    for start in range(3):
        upkeep.RefusalKeeper(shop.engine, {("own", f"{start}:{n}"): 1 for n in range(5)}).keep()
    upkeep.RefusalKeeper(shop.engine, {("own", "0:1"): 1}).keep()
    with reading(shop.engine) as connection:
        rows = connection.execute(text("SELECT name, value FROM callback_counters")).all()
    kept = {row[0]: row[1] for row in rows}
    assert kept == {"refused:0:0": 1, "refused:0:1": 2, "refused:0:2": 1, "refused:other": 12}


def test_a_backlog_is_counted_so_far_as_it_is_cheap(
    shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LAG_ROWS_MAX", 3)
    for number in range(5):
        keep(settings, NOW + number)
    log = open_log(settings.callback_log_url, server=False)
    found = upkeep.stats(shop.engine, log, log_url=settings.callback_log_url, at=NOW + 2_000_000, refused={})
    log.close()
    assert found.lag == LagShown(callbacks=3, seconds=2.0)
    assert set(found.log_bytes) >= {"log"}


def test_hostile_label_values_stay_inside_their_quotation_marks() -> None:
    nothing = StatsShown(
        accepted={'a"} 1\nevil{x="': 1},
        refused={},
        outcomes={},
        lag=LagShown(callbacks=0, seconds=0),
        waiting={},
        dead_letters={},
        alerts={},
        tasks={},
        log_bytes={},
    )
    lines = (
        upkeep.metrics(nothing, ready=False, latencies={"callbacks_answer_seconds": {'a"} 1\nevil{x="': {9: 1}}})
        .decode()
        .splitlines()
    )
    names = {metric.name for metric in METRICS}
    assert all(line.startswith(("# HELP ", "# TYPE ", *names)) for line in lines)
