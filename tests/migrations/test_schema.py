"""The schema: the revisions lead to exactly the tables that the code speaks of, and Alembic knows the same ones."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.core.database import make_engine, reading, writing
from app.engine.tables import metadata
from app.engine.tallies import tallies_of
from app.ledger import books, tables
from app.ledger.book import Policy
from app.ledger.persons import adjust
from app.ledger.sampling import sample
from app.migrations.run import REVISIONS, VERSION_TABLE, alembic_config, bring_up_to_date, why_outdated
from app.operate import orders
from app.operate.chats import tables as channel_tables
from app.operate.endpoints import tables as endpoint_tables
from app.operate.files import tables as file_tables


def test_the_revisions_make_the_tables_that_the_code_speaks_of(tmp_path: Path) -> None:
    assert tables.orders.metadata is channel_tables.channels.metadata is file_tables.files.metadata is metadata
    assert endpoint_tables.events.metadata is metadata
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


def test_postings_of_an_older_release_are_chained_in_the_order_of_its_statements(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'state.db'}")
    with writing(engine) as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        connection.exec_driver_sql(
            "INSERT INTO callback_accounts (id, name, currency, balance) VALUES"
            " (1, 'wallet:ani', 'IDR', 250), (2, 'adjustment', 'IDR', NULL), (3, 'wallet:budi', 'IDR', 70)"
        )
        connection.exec_driver_sql(
            "INSERT INTO callback_journals (id, order_no, at) VALUES (-13, NULL, 9), (-12, NULL, 5), (-11, NULL, 5)"
        )
        connection.exec_driver_sql(
            "INSERT INTO callback_postings (account_no, at, journal_id, amount) VALUES (1, 9, -13, -50),"
            " (2, 9, -13, 50), (1, 5, -12, 300), (2, 5, -12, -300), (2, 5, -11, -70), (3, 5, -11, 70)"
        )
    assert bring_up_to_date(engine)
    with reading(engine) as connection:
        entries = books.entries_from(connection, books.newest_of(connection, "ani"), rows_max=9)
        shown = [(entry.journal_id, entry.amount, entry.balance) for entry in entries]
        assert shown == [(-13, -50, 250), (-12, 300, 300)]
        assert [entry.balance for entry in books.entries(connection, books.posting_ids_of(connection, "budi"))] == [70]
        assert sample(connection, 0) == ([], 0)
        journals = "SELECT id, first_posting, posting_count FROM callback_journals ORDER BY id"
        assert connection.exec_driver_sql(journals).all() == [(-13, 5, 2), (-12, 3, 2), (-11, 1, 2)]
    with writing(engine) as connection:  # and it goes on from there
        adjust(connection, "ani", 10, who="me", reason="a test", at=12, policy=Policy())
        assert [entry.balance for entry in books.entries(connection, books.posting_ids_of(connection, "ani"))] == [
            300,
            250,
            260,
        ]
    engine.dispose()
