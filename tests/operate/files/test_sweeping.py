"""What was left in `incoming` is removed a day later, and never what an upload still waits for."""

import json
import os
from pathlib import Path

import pytest

from app.core.database import writing
from app.engine.callback import Callback
from app.engine.tasks.queue import NewTask, enqueue
from app.files import keeping
from app.operate.files.sweeping import UPLOADS, sweep
from tests.operate.files.uploading import Uploads

DAY = 86_400_000_000
HOUR = 3_600_000_000


def left(users: Uploads, age: int) -> Path:
    path, handle = keeping.new_incoming(str(users.kept))
    keeping.finish(handle, path)
    at = (users.now - age) * 1_000
    os.utime(path, ns=(at, at))
    return path


def swept(users: Uploads, *, offset: int | None = None, wanted: Path | None = None, state: str = "ready") -> int:
    body = json.dumps({"file_path": str(wanted)}).encode()
    callback = Callback(7, 0, UPLOADS, "file_uploaded", "", "", 7, "", body, "token", "")
    with writing(users.engine) as connection:
        connection.exec_driver_sql("DELETE FROM callback_offsets")
        connection.exec_driver_sql(
            "INSERT INTO callback_offsets (epoch, offset, moved_at) VALUES ('e', ?, 0)",
            (users.now if offset is None else offset,),
        )
        if wanted is not None:
            enqueue(connection, [NewTask("k", "handler", UPLOADS, "", 0, callback_id=7)], 1)
            connection.exec_driver_sql("UPDATE callback_tasks SET state = ?", (state,))
        return sweep(connection, users.settings, {7: callback}.get, users.now)


def test_an_orphan_is_removed_a_day_later_and_not_before(users: Uploads) -> None:
    old, young = left(users, 2 * DAY), left(users, DAY - 1)
    assert swept(users) == 1
    assert (old.exists(), young.exists()) == (False, True)
    assert swept(users) == 0


@pytest.mark.parametrize(("state", "stays"), [("ready", True), ("running", True), ("done", False), ("dead", False)])
def test_what_an_upload_waits_for_stays(users: Uploads, state: str, stays: bool) -> None:  # noqa: FBT001 - a parameter
    file = left(users, 2 * DAY)
    swept(users, wanted=file, state=state)
    assert file.exists() is stays


def test_what_a_person_may_have_tried_again_stays_until_the_letter_is_closed(users: Uploads) -> None:
    file = left(users, 2 * DAY)
    with writing(users.engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO callback_dead (kind, ref, reason, detail, since) VALUES ('task', 1, 'x', '', 1)"
        )
    assert swept(users, wanted=file, state="dead") == 0
    with writing(users.engine) as connection:
        connection.exec_driver_sql("UPDATE callback_dead SET closed_at = 1")
    assert swept(users) == 1


def test_what_the_worker_set_aside_before_it_had_a_task_stays_until_the_letter_is_closed(users: Uploads) -> None:
    file = left(users, 2 * DAY)
    with writing(users.engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO callback_outcomes (callback_id, epoch_no, provider, event_type, outcome, received_at,"
            " decided_at) VALUES (7, 1, 'event/upload', 'file_uploaded', 'set_aside', 7, 7)"
        )
        connection.exec_driver_sql(
            "INSERT INTO callback_dead (kind, ref, reason, detail, since) VALUES ('callback', 7, 'x', '', 1)"
        )
    assert swept(users, wanted=file, state="done") == 0
    with writing(users.engine) as connection:
        connection.exec_driver_sql("UPDATE callback_dead SET closed_at = 1")
        connection.exec_driver_sql("DELETE FROM callback_tasks")
    assert swept(users) == 1


def test_nothing_is_removed_before_the_worker_has_passed_its_hour(users: Uploads) -> None:
    file = left(users, 2 * DAY)
    assert swept(users, offset=users.now - 2 * DAY + HOUR) == 0
    assert swept(users, offset=users.now - 2 * DAY + HOUR + 1) == 1
    assert not file.exists()
