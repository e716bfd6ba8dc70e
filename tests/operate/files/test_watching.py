"""One round of a watched folder after another: real files, a real log, a real state."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection

from app.core.errors import LogUnavailable, UnreadableBody
from app.files.mounts import Ground
from app.files.opening import folder_at
from app.files.settling import Patience
from app.operate.files import snapshots, watching
from app.operate.files.watching import Hearing, Told
from tests.operate.files.folder import WatchedFolder


class Killed(BaseException):
    """The process ends here."""


def test_each_change_is_told_once_in_the_log(folder: WatchedFolder) -> None:
    folder.write("a.csv")
    folder.write("sub/b.csv", "bb")
    folder.look()
    folder.look()
    assert folder.told() == ["created a.csv", "created sub/b.csv"]
    folder.write("a.csv", "changed")
    (folder.inbox / "sub" / "b.csv").rename(folder.inbox / "c.csv")
    folder.look()
    (folder.inbox / "c.csv").unlink()
    folder.look()
    folder.look()
    assert folder.told()[2:] == ["moved sub/b.csv c.csv", "modified a.csv", "deleted c.csv"]
    assert folder.replayed() == folder.snapshot() == folder.there()


def test_an_event_stands_in_the_log_as_a_program_of_ours_hands_it_in(folder: WatchedFolder) -> None:
    place = folder.write("a.csv", "abc")
    folder.look()
    (callback,) = folder.callbacks()
    assert (callback.provider, callback.event_type, callback.verification) == ("event/file", "file_created", "caller")
    assert callback.ordering_key == (str(place) if len(str(place)) <= 128 else "")
    found = place.stat()
    version = f"{found.st_dev}-{found.st_ino}-3-{found.st_mtime_ns}"
    assert folder.events() == [
        {"event_type": "file_created", "path": str(place), "filename": "a.csv", "size": 3, "version": version}
    ]


def test_what_changed_while_nobody_watched_is_told_at_the_next_start(folder: WatchedFolder) -> None:
    for name in ("stays", "goes", "moves", "grows"):
        folder.write(name, name)
    folder.look()
    (folder.inbox / "goes").unlink()
    (folder.inbox / "moves").rename(folder.inbox / "moved")
    folder.write("grows", "grown")
    folder.write("new")
    folder.started()
    folder.look()
    assert folder.told()[4:] == ["deleted goes", "moved moves moved", "modified grows", "created new"]


def test_an_atomic_save_is_one_modification_and_its_temporary_file_is_never_told(folder: WatchedFolder) -> None:
    folder.write("a.csv")
    folder.look()
    folder.write("a.csv.tmp", "better")
    folder.look()
    (folder.inbox / "a.csv.tmp").rename(folder.inbox / "a.csv")
    folder.look()
    assert folder.told() == ["created a.csv", "modified a.csv"]


def test_a_tree_that_is_moved_in_or_out_is_told_file_by_file(folder: WatchedFolder, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "tree" / str(number)).mkdir(parents=True)
        (tmp_path / "tree" / str(number) / "f").write_text(str(number))
    (tmp_path / "tree").rename(folder.inbox / "tree")
    folder.look()
    assert folder.told() == [f"created tree/{number}/f" for number in range(3)]
    (folder.inbox / "tree").rename(folder.inbox / "renamed")
    folder.look()
    assert folder.told()[3:] == [f"moved tree/{number}/f renamed/{number}/f" for number in range(3)]
    (folder.inbox / "renamed").rename(tmp_path / "out")
    folder.look()
    assert folder.told()[6:] == [f"deleted renamed/{number}/f" for number in range(3)]


def test_a_file_that_was_deleted_and_made_again_is_modified(folder: WatchedFolder) -> None:
    folder.write("a.csv", "one")
    folder.look()
    (folder.inbox / "a.csv").unlink()
    folder.write("a.csv", "two")
    folder.look()
    assert folder.told() == ["created a.csv", "modified a.csv"]


def test_a_file_is_told_once_nobody_writes_it(folder: WatchedFolder) -> None:
    with (folder.inbox / "slow.csv").open("w") as writer:
        writer.write("half")
        writer.flush()
        waiting = folder.look()
        assert waiting.waiting == 1
        assert waiting.look_again == pytest.approx(folder.seconds + 30)
        folder.look(later=10)
        assert folder.told() == []
        writer.write("whole")
    folder.look()
    assert folder.told() == ["created slow.csv"]
    assert folder.events()[0]["size"] == 9


def test_a_file_that_somebody_holds_open_is_told_when_it_rested_for_long(folder: WatchedFolder) -> None:
    with (folder.inbox / "app.log").open("w") as writer:
        writer.write("line")
        writer.flush()
        folder.look()
        folder.look(later=29)
        assert folder.told() == []
        folder.look(later=1)
        assert folder.told() == ["created app.log"]
        folder.look(later=100)
    folder.look()
    assert folder.told() == ["created app.log"]


def test_a_file_that_never_stops_changing_is_told_every_five_minutes_and_once_more_when_it_is_whole(
    folder: WatchedFolder,
) -> None:
    with (folder.inbox / "app.log").open("w") as writer:
        for _ in range(62):
            writer.write("line\n")
            writer.flush()
            folder.look(later=10)
        assert folder.told() == ["created app.log unfinished", "modified app.log unfinished"]
        folder.started()
    folder.look()
    assert folder.told()[2:] == ["modified app.log"]
    folder.look()
    assert len(folder.told()) == 3
    assert folder.replayed() == folder.there()


def test_on_a_network_folder_a_file_is_told_when_it_rested_for_long(folder: WatchedFolder) -> None:
    device = folder.inbox.stat().st_dev
    folder.with_place(ground=Ground("nfs4", network="nfs4", devices=frozenset({device})), patience=Patience(rest=5))
    folder.write("a.csv")
    folder.look()
    folder.look(later=4.9)
    assert folder.told() == []
    folder.look(later=0.2)
    assert folder.told() == ["created a.csv"]


def test_a_file_that_is_gone_before_it_was_whole_is_never_told(folder: WatchedFolder) -> None:
    with folder.write("a.csv").open("a"):
        assert folder.look().waiting == 1
    (folder.inbox / "a.csv").unlink()
    assert folder.look().waiting == 0
    assert folder.told() == []


def test_links_pipes_and_names_that_are_no_text_lead_nowhere_and_hold_nothing_up(
    folder: WatchedFolder, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder.inbox / "link").symlink_to(tmp_path / "secret")
    (folder.inbox / "out").symlink_to(tmp_path)
    os.mkfifo(folder.inbox / "fifo")
    for name in (b"\xff\xfe.csv", b"new\nline", b"x" * 255):
        Path(os.fsdecode(os.fsencode(folder.inbox) + b"/" + name)).write_text("x")
    folder.look()
    folder.look()
    assert {event["filename"] for event in folder.events()} == {"\ufffd\ufffd.csv", "new\nline", "x" * 255}
    assert set(folder.replayed()) == {b"\xff\xfe.csv", b"new\nline", b"x" * 255}
    assert folder.snapshot() == folder.replayed()


@pytest.mark.parametrize("moment", ["before the log", "before the snapshot"])
@pytest.mark.parametrize("batch", [0, 1, 2])
def test_a_watcher_that_is_killed_tells_each_change_once(
    folder: WatchedFolder, monkeypatch: pytest.MonkeyPatch, moment: str, batch: int
) -> None:
    monkeypatch.setattr(watching, "BATCH_ROWS", 2)
    for number in range(6):
        folder.write(f"{number}.csv")
    seen = 0

    def killed_at(*_args: Any, **_more: Any) -> None:
        nonlocal seen
        seen += 1
        if seen > batch:
            raise Killed

    def dies(real: Any) -> Any:
        def dying(*args: Any, **more: Any) -> Any:
            killed_at()
            return real(*args, **more)

        return dying

    with monkeypatch.context() as patched:
        if moment == "before the log":
            patched.setattr(watching.Watching, "_append", dies(watching.Watching._append))  # noqa: SLF001
        else:
            patched.setattr(snapshots, "save", dies(snapshots.save))
        with pytest.raises(Killed):
            folder.look()
    # What was told and is not remembered changes meanwhile.
    (folder.inbox / f"{2 * batch}.csv").rename(folder.inbox / "moved.csv")
    (folder.inbox / f"{2 * batch + 1}.csv").unlink()
    folder.started()
    folder.look()
    assert folder.replayed() == folder.snapshot() == folder.there()
    told = folder.told()
    assert len(told) == len(set(told))
    assert folder.row()["telling"] is None


def test_a_snapshot_that_cannot_be_written_is_made_up_for(
    folder: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("a.csv")

    def full(_connection: Connection, *_args: Any, **_more: Any) -> None:
        raise LogUnavailable("full")

    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "save", full)
        with pytest.raises(LogUnavailable):
            folder.look()
    folder.watching.forget_memory()
    folder.look()
    assert folder.told() == ["created a.csv"]
    assert folder.snapshot() == folder.there()


def test_another_log_in_the_place_of_the_first_ends_no_watcher(folder: WatchedFolder, tmp_path: Path) -> None:
    folder.write("a.csv")
    folder.look()
    with folder.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE callback_folders SET telling = 1")
    for path in tmp_path.glob("log.db*"):
        path.unlink()
    folder.started()
    folder.write("b.csv")
    folder.look()
    assert folder.told() == ["created b.csv"]


def test_a_folder_that_is_gone_has_lost_nothing_and_goes_on_when_it_is_back(
    folder: WatchedFolder, tmp_path: Path
) -> None:
    folder.write("a.csv")
    folder.look()
    folder.inbox.rename(tmp_path / "unmounted")
    gone = folder.look()
    assert (gone.seen, gone.trouble) == (None, f"cannot be opened: No such file or directory: {folder.inbox}")
    assert folder.row()["trouble"] == gone.trouble
    (tmp_path / "unmounted").rename(folder.inbox)
    folder.write("b.csv")
    assert folder.look().trouble == ""
    assert folder.told() == ["created a.csv", "created b.csv"]
    assert folder.row()["trouble"] == ""


@pytest.mark.parametrize("restarted", [False, True])
def test_an_empty_folder_in_the_place_of_the_known_one_tells_nothing_until_it_is_accepted(
    folder: WatchedFolder, tmp_path: Path, *, restarted: bool
) -> None:
    folder.write("a.csv")
    folder.look()
    folder.inbox.rename(tmp_path / "unmounted")
    folder.inbox.mkdir()
    if restarted:
        folder.started()
    assert "another folder" in folder.look().trouble
    assert "another folder" in folder.look().trouble
    assert folder.told() == ["created a.csv"]
    folder.started(accept=True)
    assert folder.look().trouble == ""
    assert folder.told()[1:] == ["deleted a.csv"]
    folder.write("b.csv")
    folder.look()
    shutil.move(folder.inbox, tmp_path / "unmounted again")
    folder.inbox.mkdir()
    assert "another folder" in folder.look().trouble  # accepted was the one before
    folder.started()
    assert "another folder" in folder.look().trouble


def test_a_folder_that_was_emptied_by_hand_is_the_same_folder(folder: WatchedFolder) -> None:
    folder.write("a.csv").unlink()
    folder.write("b.csv")
    folder.look()
    (folder.inbox / "b.csv").unlink()
    assert folder.look().trouble == ""
    assert folder.told() == ["created b.csv", "deleted b.csv"]


def test_a_file_system_that_got_another_number_at_its_mount_holds_the_same_files(folder: WatchedFolder) -> None:
    folder.write("a.csv")
    folder.look()
    with folder.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE callback_files SET device = 77")
        connection.exec_driver_sql("UPDATE callback_folders SET device = 77")
    folder.started()
    folder.look()
    assert folder.told() == ["created a.csv"]
    assert folder.snapshot() == folder.there()


def test_below_an_unreadable_folder_nothing_counts_as_deleted(
    folder: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("closed/a.csv")
    folder.write("open/b.csv")
    folder.look()
    real = os.open

    def refusing(path: str, flags: int, *args: Any, **more: Any) -> int:
        if path == "closed":
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refusing)
        shutil.rmtree(folder.inbox / "open", ignore_errors=True)
        (folder.inbox / "open" / "b.csv").unlink(missing_ok=True)
        scanned = folder.row()["scanned_at"]
        ended = folder.look(later=100)
    assert ended.trouble == "closed cannot be read: Permission denied; what lies below counts as unchanged"
    assert folder.row()["scanned_at"] == scanned
    assert folder.told()[2:] == ["deleted open/b.csv"]
    folder.look(later=100)
    assert folder.row()["scanned_at"] > scanned
    assert len(folder.told()) == 3


def test_too_many_files_tell_nothing_and_say_so(folder: WatchedFolder) -> None:
    folder.with_place(files_max=2)
    for number in range(3):
        folder.write(str(number))
    assert folder.look().trouble == "holds more than 2 files; watch folders below it instead"
    assert folder.told() == []


def test_from_now_a_folder_s_first_files_are_known_and_later_changes_are_told(folder: WatchedFolder) -> None:
    folder.write("a.csv")
    assert folder.watching.take_as_known(at=1, hearing=Hearing()) == 1
    folder.write("b.csv")
    folder.look()
    assert folder.told() == ["created b.csv"]
    folder.write("c.csv")
    folder.started()
    assert folder.watching.take_as_known(at=2, hearing=Hearing()) == 0  # known already: what is new is told
    folder.look()
    assert folder.told() == ["created b.csv", "created c.csv"]


def test_who_hears_of_it_hears_the_callbacks_that_are_in_the_log(
    folder: WatchedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "BATCH_ROWS", 2)
    heard: list[Told] = []

    def told(batch: Sequence[Told]) -> None:
        heard.extend(batch)

    for number in range(5):
        folder.write(f"{number}.csv")
    folder.look(hearing=Hearing(told))
    assert [each.callback_id for each in heard] == [callback.id for callback in folder.callbacks()]
    assert [each.event for each in heard] == folder.events()


def test_what_a_handler_of_one_s_own_refuses_is_not_told_again_and_again(folder: WatchedFolder) -> None:
    class Choosy(type(folder.handler)):  # type: ignore[misc]
        def identify(self, request: Any) -> Any:
            if b"bad" in request.body:
                raise UnreadableBody("is not wanted", field="path")
            return super().identify(request)

        def keeps(self, request: Any) -> bool:
            return b"probe" not in request.body

    folder.handler = Choosy()
    folder.started()
    for name in ("bad", "good", "probe"):
        folder.write(name)
    heard: list[Told] = []
    folder.look(hearing=Hearing(heard.extend))
    folder.look()
    assert folder.told() == ["created good"]
    assert [each.callback_id for each in heard] == [folder.callbacks()[0].id]
    assert folder.snapshot() == folder.there()


def test_numbers_of_sixty_four_bits_are_kept(folder: WatchedFolder) -> None:
    from app.core.database import reading, writing  # noqa: PLC0415 - for this test only
    from app.files.snapshot import Change, Kind, State  # noqa: PLC0415 - as above

    state = State(2**64 - 1, 2**63, 2**62, -5)
    with writing(folder.engine) as connection:
        snapshots.save(connection, folder.place.number, [Change(Kind.CREATED, b"a", state)], telling=None, at=1)
    with reading(folder.engine) as connection:
        assert snapshots.load(connection, folder.place.number).files == {b"a": state}


def test_a_time_that_no_database_can_hold_stops_no_watcher(folder: WatchedFolder) -> None:
    far = folder.write("far.csv")
    os.utime(far, (20_000_000_000, 20_000_000_000))  # 2603: most disks can, 64 bits of nanoseconds cannot
    if far.stat().st_mtime_ns < 2**63:
        pytest.skip("this disk cannot hold it either")
    folder.write("near.csv")
    folder.look()
    folder.look()
    assert folder.told() == ["created far.csv", "created near.csv"]
    far.unlink()
    folder.started()
    folder.look()
    assert folder.snapshot() == folder.there()


def test_a_link_that_leads_elsewhere_now_is_said_and_nothing_is_told(folder: WatchedFolder) -> None:
    other = folder.inbox.parent / "other"
    other.mkdir()
    link = folder.inbox.parent / "link"
    link.symlink_to(folder.inbox)
    folder.place = msgspec.structs.replace(folder.place, folder=folder_at(str(link)))
    folder.started()
    folder.write("a.csv")
    assert folder.look().trouble == ""
    link.unlink()
    link.symlink_to(other)
    (other / "b.csv").write_text("x")
    (folder.inbox / "a.csv").unlink()
    assert f"leads to any more ({other})" in folder.look().trouble
    assert folder.told() == ["created a.csv"]
