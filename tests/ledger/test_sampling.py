from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.core.database import reading
from app.ledger import sampling
from app.ledger.sampling import sample, still_wrong
from tests.operate.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    for number in range(6):
        shop.announce(f"TU-{number}", f"user-{number}")
        shop.tell(f"TU-{number}")
    yield shop
    shop.engine.dispose()


def spoil(shop: Shop, statement: str) -> None:
    with shop.engine.connect() as connection, connection.begin():
        connection.execute(text(statement))


def found(shop: Shop, after_no: int = 0) -> tuple[set[tuple[str, str]], int]:
    with reading(shop.engine) as connection:
        wrong, further = sample(connection, after_no)
    return {(each.what, each.subject) for each in wrong}, further


def test_books_that_add_up_show_nothing_and_the_round_begins_anew(shop: Shop) -> None:
    assert found(shop) == (set(), 0)


def test_a_balance_and_a_journal_that_do_not_add_up_are_found(shop: Shop) -> None:
    spoil(shop, "UPDATE callback_accounts SET balance = balance + 1 WHERE name = 'wallet:user-3'")
    assert found(shop)[0] == {("account", "wallet:user-3")}
    spoil(shop, "UPDATE callback_accounts SET balance = balance - 1 WHERE name = 'wallet:user-3'")
    spoil(
        shop,
        "UPDATE callback_postings SET amount = amount + 1 WHERE account_no ="
        " (SELECT id FROM callback_accounts WHERE name = 'clearing:midtrans')"
        " AND journal_id = (SELECT max(id) FROM callback_journals)",
    )
    [(what, subject)] = found(shop)[0]
    assert (what, subject.partition(":")[0]) == ("journal", "journal")
    with reading(shop.engine) as connection:
        assert still_wrong(connection, [subject, "wallet:user-3", "wallet:nobody", "journal:1"]) == {subject}


def test_a_look_is_bounded_and_the_next_goes_on_until_all_were_looked_at(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "_ACCOUNTS_MAX", 2)
    spoil(shop, "UPDATE callback_accounts SET balance = balance + 1 WHERE name = 'wallet:user-5'")
    looks, after_no, wrong = 0, 0, set[tuple[str, str]]()
    while not wrong:
        wrong, after_no = found(shop, after_no)
        looks += 1
        assert looks < 20
    assert looks > 1
    assert wrong == {("account", "wallet:user-5")}
    monkeypatch.setattr(sampling, "_ACCOUNTS_MAX", 500)
    monkeypatch.setattr(sampling, "POSTINGS_MAX", 1)
    assert found(shop)[1] != 0


def test_an_account_with_more_postings_than_a_look_may_read_is_left_to_the_audit(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        shop.announce(f"MORE-{number}", "user-1")
        shop.tell(f"MORE-{number}")
    spoil(shop, "UPDATE callback_accounts SET balance = balance + 1 WHERE name = 'wallet:user-1'")
    assert found(shop)[0] == {("account", "wallet:user-1")}
    monkeypatch.setattr(sampling, "POSTINGS_MAX", 3)
    with reading(shop.engine) as connection:
        assert still_wrong(connection, ["wallet:user-1"]) == set()


def test_no_look_reads_a_whole_table(shop: Shop) -> None:
    asked: list[str] = []
    with reading(shop.engine) as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.set_trace_callback(asked.append)
        sample(connection, 0)
        still_wrong(connection, ["wallet:user-1", "journal:1"])
        raw.set_trace_callback(None)
        plans = [
            str(row[3])
            for statement in asked
            if statement.startswith("SELECT")
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")
        ]
    assert len(plans) > 8
    scans = [plan for plan in plans if plan.startswith("SCAN")]
    assert {plan for plan in scans if "VIRTUAL TABLE" not in plan} <= {"SCAN (subquery-1)", "SCAN CONSTANT ROW"}
