"""The schema: the revisions lead to exactly the tables that the code speaks of, and Alembic knows the same ones."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.core.database import make_engine, reading, writing
from app.engine.tables import metadata
from app.engine.tallies import tallies_of
from app.ledger import tables
from app.migrations.run import REVISIONS, VERSION_TABLE, alembic_config, bring_up_to_date, why_outdated
from app.operate import orders


def test_the_revisions_make_the_tables_that_the_code_speaks_of(tmp_path: Path) -> None:
    assert tables.orders.metadata is metadata
    engine = make_engine(f"sqlite:///{tmp_path / 'state.db'}")
    assert "callbacks migrate" in why_outdated(engine)
    assert bring_up_to_date(engine)
    assert not bring_up_to_date(engine)
    assert not why_outdated(engine)
    with reading(engine) as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_server_default": False}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_an_older_database_with_orders_in_it_is_brought_up_to_date(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'state.db'}")
    with writing(engine) as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO callback_orders (provider, order_id, announced_at, kind, user_id, amount, status, fact_count)"
            " VALUES ('midtrans', 'TU-1', 1, 'topup', 'ani', 100, 'paid', 1)"
        )
        connection.exec_driver_sql(
            "INSERT INTO callback_facts (order_no, kind, attempt, key, amount, level, source_id, told_at)"
            " VALUES (1, 'paid', 'T1', '', -1, 1, 1, 1)"
        )
    assert "has schema 0001, this release needs" in why_outdated(engine)
    assert bring_up_to_date(engine)
    assert orders.show(engine, "TU-1", lang="en").status == "paid"
    engine.dispose()


def test_what_an_older_release_decided_is_counted_by_outcome(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'state.db'}")
    with writing(engine) as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.exec_driver_sql(
            "INSERT INTO callback_outcomes"
            " (callback_id, epoch_no, provider, event_type, outcome, received_at, decided_at)"
            " VALUES (1, 1, 'midtrans', '', 'applied', 1, 1), (2, 1, 'midtrans', '', 'applied', 1, 1),"
            " (3, 1, 'midtrans', '', 'duplicate', 1, 1), (4, 1, 'digiflazz', '', 'parked', 1, 1)"
        )
        connection.exec_driver_sql(
            "INSERT INTO callback_counters (provider, name, value) VALUES ('midtrans', 'decided', 3),"
            " ('digiflazz', 'decided', 1), ('midtrans', 'refused:full', 7)"
        )
    assert bring_up_to_date(engine)
    with reading(engine) as connection:
        found = tallies_of(connection)
    assert found.outcomes == {"midtrans": {"applied": 2, "duplicate": 1}, "digiflazz": {"parked": 1}}
    assert found.decided() == {"midtrans": 3, "digiflazz": 1}
    assert found.refused == {("midtrans", "full"): 7}
    engine.dispose()


def test_the_revisions_that_the_code_names_are_those_that_there_are() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == REVISIONS
