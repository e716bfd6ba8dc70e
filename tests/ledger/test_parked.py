"""What nobody announced within a day is a dead letter, and still counts when it is announced later."""

from pathlib import Path

from sqlalchemy import Engine

from app.core.database import make_engine, reading, writing
from app.ledger.announce import NewOrder, announce
from app.ledger.book import Policy
from app.ledger.facts import Fact, FactKind, Level, Notice, Told
from app.ledger.parked import lapse
from app.ledger.record import Telling, record
from app.migrations.run import bring_up_to_date

DAY = 86_400_000_000
START = 1_800_000_000_000_000


def letters(engine: Engine) -> list[tuple[str, str | None]]:
    with reading(engine) as connection:
        rows = connection.exec_driver_sql("SELECT reason, closed_how FROM callback_dead ORDER BY id").all()
    return [(row[0], row[1]) for row in rows]


def test_a_parked_payment_lapses_after_a_day_and_is_credited_when_its_order_is_announced(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'state.db'}")
    bring_up_to_date(engine)
    told = Told(order_id="TU-1", facts=(Fact(FactKind.PAID, "T1"),), gross=10_000_000)
    with writing(engine) as connection:
        [outcome] = record(connection, [Telling(1, "midtrans", told, Level.SIGNED, START)], at=START, policy=Policy())
        assert outcome.word == "parked"
        lapse(connection, START + DAY)
    assert letters(engine) == []
    with writing(engine) as connection:
        lapse(connection, START + DAY + 1)
        lapse(connection, START + 2 * DAY)
    assert letters(engine) == [("lapsed", None)]
    with writing(engine) as connection:
        announce(
            connection, NewOrder("TU-1", "ani", "topup", 10_000_000, "midtrans"), at=START + 3 * DAY, policy=Policy()
        )
    assert letters(engine) == [("lapsed", "announced")]
    with reading(engine) as connection:
        assert (
            connection.exec_driver_sql("SELECT balance FROM callback_accounts WHERE name='wallet:ani'").one()[0]
            == 10_000_000
        )
    engine.dispose()


def test_what_a_release_with_other_fields_parked_is_decided_all_the_same(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'state.db'}")
    bring_up_to_date(engine)
    told = Told(
        order_id="TU-1", facts=(Fact(FactKind.PAID, "T1"),), gross=10_000_000, notice=Notice("T1", success_coded=True)
    )
    with writing(engine) as connection:
        record(connection, [Telling(1, "midtrans", told, Level.SIGNED, START)], at=START, policy=Policy())
        kept = connection.exec_driver_sql("SELECT told FROM callback_pending").scalar_one()
        other = kept.replace(b'"notice":{', b'"notice":{"payment_type":"dana",')
        assert other != kept
        connection.exec_driver_sql("UPDATE callback_pending SET told = ?", (other,))
    order = NewOrder("TU-1", "ani", "topup", 10_000_000, "midtrans")
    with writing(engine) as connection:
        announce(connection, order, at=START + 1, policy=Policy())
        balance = connection.exec_driver_sql("SELECT balance FROM callback_accounts WHERE name='wallet:ani'")
        assert balance.scalar_one() == 10_000_000
    engine.dispose()
