from pathlib import Path

from app.core.database import make_engine, writing
from app.engine.callback import Outcome, OutcomeWord
from app.engine.outcomes import bury, close_letters
from app.migrations.run import bring_up_to_date


def test_open_letters_of_these_callbacks_are_closed_once_and_others_stay(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'state.db'}")
    bring_up_to_date(engine)
    with writing(engine) as connection:
        bury(connection, (Outcome(n, OutcomeWord.REJECTED, "fields_disagree") for n in (1, 2, 3)), at=10)
        close_letters(connection, "task", [1], how="retried", at=20)
        close_letters(connection, "callback", [1, 2], how="dropped", by="ani", reason="a test", at=30)
        close_letters(connection, "callback", [1, 2], how="retried", by="budi", at=40)
        rows = connection.exec_driver_sql(
            "SELECT ref, closed_at, closed_how, closed_by, closed_reason FROM callback_dead ORDER BY ref"
        ).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [
        (1, 30, "dropped", "ani", "a test"),
        (2, 30, "dropped", "ani", "a test"),
        (3, None, None, None, None),
    ]


def test_letters_are_closed_and_waiting_ends_in_one_place_each(root: Path) -> None:
    code = "".join(path.read_text() for path in (root / "app").rglob("*.py"))
    assert code.count("UPDATE callback_dead") == 1
    assert code.count("DELETE FROM callback_pending") == 1
