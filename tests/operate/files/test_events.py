"""What a file event leads to: the file is read where it may be, and whatever else it is, is said."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from app.core.config import Settings
from app.core.database import ensure_schema, make_engine, writing
from app.core.errors import ProcessingError
from app.files.looking import Look
from app.files.snapshot import State, state_of
from app.operate.files import events
from app.operate.files.events import event_from, read_event
from app.operate.files.folders import remember


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path}/state.db")
    ensure_schema(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def read(engine: Engine, inbox: Path | None, data: dict[str, Any], **values: Any) -> Look:
    settings = Settings(_env_file=None, callback_folders=str(inbox or ""), **values)
    return read_event(engine, event_from(data), settings, callback_id=1, at=1)


def created(path: Path | str) -> dict[str, Any]:
    return {"event_type": "file_created", "path": str(path), "filename": Path(path).name}


def test_a_file_in_a_folder_that_may_be_read_is_read(engine: Engine, inbox: Path) -> None:
    (inbox / "a.txt").write_text("one\ntwo\n")
    for word in ("file_created", "file_modified"):
        look = read(engine, inbox, {**created(inbox / "a.txt"), "event_type": word})
        assert (look.word, look.detail) == ("text_read", {"filename": "a.txt", "lines": 2, "size": 8})


def test_the_specifications_own_event_says_that_the_file_is_not_ours(engine: Engine, inbox: Path) -> None:
    told = {"event_type": "file_created", "path": "/uploads/file.txt", "filename": "file.txt", "size": 1024}
    assert read(engine, inbox, told).word == "file_outside"
    assert read(engine, None, told).word == "file_outside"


def test_what_is_gone_a_link_or_no_file_is_said(engine: Engine, inbox: Path) -> None:
    (inbox.parent / "secret.txt").write_text("secret")
    (inbox / "link.txt").symlink_to(inbox.parent / "secret.txt")
    os.mkfifo(inbox / "fifo.txt")
    assert read(engine, inbox, created(inbox / "none.txt")).word == "file_gone"
    assert read(engine, inbox, created(inbox / "link.txt")).word == "file_is_link"
    assert read(engine, inbox, created(inbox / "fifo.txt")).word == "file_not_regular"
    assert read(engine, inbox, created(f"{inbox}/../secret.txt")).word == "file_outside"


def test_a_folder_that_was_watched_may_be_read_without_a_setting(engine: Engine, inbox: Path) -> None:
    (inbox / "a.json").write_text("{}")
    assert read(engine, None, created(inbox / "a.json")).word == "file_outside"
    with writing(engine) as connection:
        assert remember(connection, str(inbox), 1) == remember(connection, str(inbox), 2)
    assert read(engine, None, created(inbox / "a.json")).word == "json_read"


def test_of_several_folders_each_is_read(engine: Engine, inbox: Path) -> None:
    (inbox.parent / "other").mkdir()
    (inbox.parent / "other" / "b.txt").write_text("b")
    settings = Settings(_env_file=None, callback_folders=f"{inbox}: {inbox.parent}/other :")
    look = read_event(engine, event_from(created(inbox.parent / "other" / "b.txt")), settings, callback_id=1, at=1)
    assert look.word == "text_read"


def test_deletions_and_moves_are_told(engine: Engine, inbox: Path) -> None:
    gone = {"event_type": "file_deleted", "path": str(inbox / "a.txt"), "filename": "a.txt"}
    assert read(engine, inbox, gone) == Look("file_deleted", {"filename": "a.txt"})
    (inbox / "b.txt").write_text("b")
    moved = {"event_type": "file_moved", "path": str(inbox / "a.txt"), "dest_path": str(inbox / "b.txt")}
    look = read(engine, inbox, moved)
    assert look.word == "text_read"
    assert look.detail["came_from"] == str(inbox / "a.txt")
    assert look.detail["filename"] == "b.txt"


def test_names_on_the_list_of_ignored_ones_are_not_read(engine: Engine, inbox: Path) -> None:
    for name in (".hidden.txt", "mine.bak"):
        (inbox / name).write_text("x")
        assert read(engine, inbox, created(inbox / name), callback_ignore="*.bak").word == "file_ignored"


def test_a_name_that_is_no_text_is_read_by_its_bytes(engine: Engine, inbox: Path) -> None:
    path = os.fsencode(inbox) + b"/odd-\xff.txt"
    with open(path, "wb") as handle:  # noqa: PTH123 - a name in bytes
        handle.write(b"x\n")
    told = {**created(inbox / "odd-�.txt"), "path_base64": base64.b64encode(path).decode()}
    assert read(engine, inbox, told).word == "text_read"
    assert read(engine, inbox, {**told, "path_base64": "no base64!"}).word == "file_outside"


def test_half_a_report_is_not_imported(engine: Engine, inbox: Path) -> None:
    (inbox / "a.csv").write_text("order_id,gross_amount,transaction_status\nTU-1,1")
    assert read(engine, inbox, {**created(inbox / "a.csv"), "still_written": True}).word == "file_still_written"


def test_a_report_that_changes_while_it_is_read_is_tried_again(
    engine: Engine, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = inbox / "a.csv"
    report.write_text("Order ID,Amount,Status\nTU-1,5000,paid\n")

    def seen_then_grown(found: os.stat_result) -> State:
        with report.open("a") as more:
            more.write("TU-2,5000,paid\n")
        return state_of(found)

    monkeypatch.setattr(events, "state_of", seen_then_grown)
    with pytest.raises(ProcessingError, match="changed while it was read"):
        read(engine, inbox, created(report))
    monkeypatch.undo()
    assert read(engine, inbox, created(report)).word == "report_compared"


def test_an_event_of_another_kind_is_kept_and_said(engine: Engine, inbox: Path) -> None:
    (inbox / "a.txt").write_text("x")
    look = read(engine, inbox, {**created(inbox / "a.txt"), "event_type": "file_opened"})
    assert (look.word, look.detail["event"]) == ("file_event_unknown", "file_opened")


@pytest.mark.parametrize("watched", [".", "inbox", "inbox/general"])
def test_what_a_user_uploaded_is_never_taken_for_a_report_or_a_price_list(
    engine: Engine, inbox: Path, watched: str
) -> None:
    kept = inbox / "general" / "1.csv"
    kept.parent.mkdir()
    kept.write_text("buyer_sku_code,product_name,price,seller_name,buyer_product_status\nxld5,XL,1,Evil,true\n")
    looks = read(engine, inbox.parent / watched, created(kept), callback_uploads=str(inbox))
    assert (looks.word, looks.detail["lines"]) == ("text_read", 2)
    assert read(engine, inbox, created(kept), callback_uploads=str(inbox / "gen")).word == "prices_imported"


def test_our_own_databases_are_never_opened(engine: Engine, inbox: Path) -> None:
    del inbox
    folder = Path(str(engine.url.database)).parent
    urls = {"database_url": str(engine.url), "callback_log_url": f"sqlite:///{folder}/log.db"}
    (folder / "log.db-wal").write_bytes(b"x")
    (folder / "notes.db").write_bytes(b"x")
    for name in ("state.db", "state.db-wal", "state.db-shm", "log.db-wal", "log.db"):
        assert read(engine, folder, created(folder / name), **urls).word == "file_outside"
    assert read(engine, folder, created(folder / "notes.db"), **urls).word == "file_kept"
