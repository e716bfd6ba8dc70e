import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from app.core.config import Settings
from app.core.database import make_engine, writing
from app.engine.log import open_log
from app.operate import readiness as room
from app.operate.readiness import readiness
from tests.operate.shop import NOW, Shop

SECOND = 1_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(CALLBACK_LOG_URL=f"sqlite:///{tmp_path}/log.db", DATABASE_URL=f"sqlite:///{tmp_path}/state.db")


def keep(settings: Settings, received_at: int) -> str:
    """One more callback in the log → the log's epoch."""
    log = open_log(settings.callback_log_url, server=False)
    log.write_batch([(0, "midtrans", "settlement", "", "", received_at, "", b"{}", "unverified", "")])
    log.close()
    return log.epoch


def worked(shop: Shop, epoch: str, *, moved_at: int) -> None:
    """A worker that was last seen then, with all that is in the log still before it."""
    with writing(shop.engine) as connection:
        connection.execute(
            text(
                'INSERT INTO callback_offsets (epoch, "offset", moved_at) VALUES (:epoch, 0, :at)'
                " ON CONFLICT (epoch) DO UPDATE SET moved_at = excluded.moved_at"
            ),
            {"epoch": epoch, "at": moved_at},
        )


def told(shop: Shop, settings: Settings, check: str, *, at: int = NOW, write_failed_at: int = 0) -> str:
    """What a check that is not well says; the empty text when it is."""
    found = readiness(shop.engine, settings, at=at, write_failed_at=write_failed_at)
    assert found.success is (found.checks["log"].ok and found.checks["state"].ok)
    return "" if found.checks[check].ok else found.checks[check].told


def test_a_log_that_is_not_there_yet_is_no_reason_and_asking_makes_none(
    shop: Shop, settings: Settings, tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    found = readiness(shop.engine, settings, at=NOW)
    assert found.success
    assert found.checks["log"].told == "is made with the first callback"
    assert sorted(tmp_path.iterdir()) == before


def test_a_worker_that_has_not_moved_since_callbacks_came_stands_still(shop: Shop, settings: Settings) -> None:
    epoch = keep(settings, NOW)
    worked(shop, epoch, moved_at=NOW - 3600 * SECOND)
    assert told(shop, settings, "worker", at=NOW + 5 * SECOND) == ""  # it was idle, and has only begun to be late
    still = told(shop, settings, "worker", at=NOW + 15 * SECOND)
    assert still.startswith("the worker stands still for 15 seconds")
    assert readiness(shop.engine, settings, at=NOW + 15 * SECOND).success  # it loses nothing


def test_a_worker_that_moves_is_only_behind(shop: Shop, settings: Settings) -> None:
    epoch = keep(settings, NOW)
    worked(shop, epoch, moved_at=NOW + 50 * SECOND)
    assert told(shop, settings, "worker", at=NOW + 51 * SECOND) == ""
    worked(shop, epoch, moved_at=NOW + 119 * SECOND)
    assert "waits for 120 seconds" in told(shop, settings, "worker", at=NOW + 120 * SECOND)


def test_callbacks_that_no_worker_ever_looked_at_wait_for_one(shop: Shop, settings: Settings) -> None:
    keep(settings, NOW)
    assert "is it running?" in told(shop, settings, "worker", at=NOW + 15 * SECOND)


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_state_database_that_is_no_longer_in_its_place_is_not_ready(shop: Shop, settings: Settings, how: str) -> None:
    path = Path(str(shop.engine.url.database))
    assert told(shop, settings, "state") == ""
    if how == "deleted":
        path.unlink()
    elif how == "moved":
        path.rename(path.with_name("away.db"))
    else:
        shutil.copy(path, path.with_name("copy.db"))
        path.with_name("copy.db").replace(path)
    why = "moved, replaced or deleted" if how == "replaced" else "there is no state database at"
    assert why in told(shop, settings, "state")
    with shop.engine.connect():  # nor is what stands there now opened instead, by a further one
        assert why in told(shop, settings, "state")
    assert path.exists() is (how == "replaced")


def test_a_state_without_its_schema_is_not_ready_and_names_the_command(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "bare.db"
    bare = make_engine(f"sqlite:///{path}")
    for told_of in ("there is no state database", "has no schema yet"):
        found = readiness(bare, settings, at=NOW)
        assert not found.success
        assert told_of in found.checks["state"].told
        assert "callbacks migrate" in found.checks["state"].told
        assert path.exists() is (told_of == "has no schema yet")
        path.touch()
    bare.dispose()


def test_a_log_that_cannot_be_made_is_not_ready(shop: Shop) -> None:
    nowhere = Settings(CALLBACK_LOG_URL="sqlite:////proc/nowhere/log.db")
    assert "/proc/nowhere" in told(shop, nowhere, "log")


@pytest.mark.parametrize("check", ["log", "state"])
def test_a_full_disk_is_not_ready(shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch, check: str) -> None:
    monkeypatch.setattr(room, "_FREE_BYTES_MIN", 1 << 62)
    assert told(shop, settings, check).endswith("is full")


@pytest.mark.parametrize("check", ["log", "state"])
def test_a_disk_that_was_made_read_only_is_not_ready(
    shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    keep(settings, NOW)
    name = {"log": "log.db", "state": Path(str(shop.engine.url.database)).name}[check]
    real = os.access  # root may write what its rights forbid, so the system's answer is given here
    monkeypatch.setattr(os, "access", lambda path, mode: real(path, mode) and Path(path).name != name)
    assert "cannot be written" in told(shop, settings, check)


def test_a_write_that_failed_a_moment_ago_is_not_ready(shop: Shop, settings: Settings) -> None:
    keep(settings, NOW)
    assert "could not be written" in told(shop, settings, "log", at=NOW, write_failed_at=NOW - 2 * SECOND)
    assert told(shop, settings, "log", at=NOW, write_failed_at=NOW - 10 * SECOND) == ""
