"""`callbacks watch` as a process: what it tells while people and programs work in its folder, and how it ends."""

import json
import os
import pty
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.core.database import ensure_schema, make_engine
from app.engine.log import visiting
from tests.cli.shell import COMMAND, Running, environment, run, running

SECONDS = 20.0


class Desk:
    """A folder, its watcher, and what is in the log."""

    def __init__(self, folder: Path) -> None:
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        urls = {"DATABASE_URL": f"sqlite:///{folder}/state.db", "CALLBACK_LOG_URL": f"sqlite:///{folder}/log.db"}
        self.settings = {**urls, "CALLBACK_LANG": "en"}
        engine = make_engine(urls["DATABASE_URL"])
        ensure_schema(engine)
        engine.dispose()

    @contextmanager
    def watched(self, *options: str, **more: str) -> Iterator[Running]:
        """The watcher, once it has begun; at its end it ends well."""
        with running("watch", *(options or (str(self.inbox),)), **{**self.settings, **more}) as watcher:
            # Nobody would read its lines: a pipe that is full holds a process up.
            threading.Thread(target=watcher.process.stdout.read, daemon=True).start()  # type: ignore[union-attr]
            until(lambda: "watching " in watcher.err or watcher.process.poll() is not None, watcher)
            yield watcher
            if watcher.process.poll() is None:
                assert watcher.stop() == 0, watcher.err

    def events(self) -> list[dict[str, Any]]:
        with visiting(self.settings["CALLBACK_LOG_URL"]) as log:
            found, after = [], 0
            while page := log.read_after(after, 10_000):
                after = page[-1].id
                found += [json.loads(callback.body) for callback in page]
        return found

    def count(self) -> int:
        with visiting(self.settings["CALLBACK_LOG_URL"]) as log:
            newest = log.last_id()
            return len(log.outlines_after(0, 1_000_000)) if newest else 0

    def told(self) -> list[str]:
        return [
            f"{event['event_type'].removeprefix('file_')} {os.path.relpath(event['path'], self.inbox)}"
            + (f" {os.path.relpath(event['dest_path'], self.inbox)}" if "dest_path" in event else "")
            for event in self.events()
        ]

    def tells(self, *lines: str) -> None:
        """Wait until all of these were told."""
        until(lambda: set(lines) <= set(self.told()), self.told)


def until(condition: Callable[[], object], shown: object = None) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, shown() if callable(shown) else getattr(shown, "err", shown)
        time.sleep(0.02)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_people_and_programs_do_in_a_folder_is_told_once_and_at_once(desk: Desk, tmp_path: Path) -> None:
    inbox = desk.inbox
    (inbox / "before.csv").write_text("x")
    with desk.watched("--every", "600", str(inbox)) as watcher:  # hints alone
        desk.tells("created before.csv")
        (inbox / "n" / "m" / "k").mkdir(parents=True)
        (inbox / "n" / "m" / "k" / "z").write_text("at once")
        desk.tells("created n/m/k/z")
        (inbox / "a.tmp").write_text("saved")
        (inbox / "a.tmp").rename(inbox / "a.csv")
        desk.tells("created a.csv")
        (inbox / "b.tmp").write_text("saved again")
        (inbox / "b.tmp").rename(inbox / "a.csv")
        desk.tells("modified a.csv")
        (inbox / "a.csv").rename(inbox / "n" / "b.csv")
        desk.tells("moved a.csv n/b.csv")
        (tmp_path / "tree" / "deep").mkdir(parents=True)
        (tmp_path / "tree" / "deep" / "f").write_text("f")
        (tmp_path / "tree").rename(inbox / "tree")
        desk.tells("created tree/deep/f")
        (inbox / "tree" / "deep" / "f").write_text("a folder that came is watched too")
        desk.tells("modified tree/deep/f")
        (inbox / "tree").rename(tmp_path / "out")
        desk.tells("deleted tree/deep/f")
        (inbox / "before.csv").unlink()
        desk.tells("deleted before.csv")
        assert len(desk.told()) == len(set(desk.told())) == 9
        assert "looks at once, and every 600 s" in watcher.err


def test_a_slow_writer_is_waited_for_however_long_it_pauses(desk: Desk) -> None:
    with desk.watched("--every", "0.2", str(desk.inbox)):
        with (desk.inbox / "slow.csv").open("w") as slow:
            slow.write("first")
            slow.flush()
            (desk.inbox / "quick.csv").write_text("x")
            desk.tells("created quick.csv")
            time.sleep(1.5)  # three times the settle time: nothing is to happen
            assert desk.told() == ["created quick.csv"]
            slow.write(" and last")
        desk.tells("created slow.csv")
    assert [event["size"] for event in desk.events()] == [1, 14]


def test_a_program_that_opens_and_closes_again_and_again_is_told_when_it_rests(desk: Desk) -> None:
    with desk.watched():
        for _ in range(12):
            with (desk.inbox / "appended.csv").open("a") as file:
                file.write("line\n")
            time.sleep(0.1)
        desk.tells("created appended.csv")
    assert [event["size"] for event in desk.events()] == [60]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_a_moment_and_tells_what_changed_meanwhile_at_the_next_start(desk: Desk, number: int) -> None:
    for name in ("stays", "goes", "moves"):
        (desk.inbox / name).write_text(name)
    with desk.watched() as watcher:
        desk.tells("created stays", "created goes", "created moves")
        began = time.monotonic()
        assert watcher.stop(number) == 0
        assert time.monotonic() - began < 3
    (desk.inbox / "goes").unlink()
    (desk.inbox / "moves").rename(desk.inbox / "moved")
    (desk.inbox / "new").write_text("new")
    with desk.watched():
        desk.tells("deleted goes", "moved moves moved", "created new")
    assert len(desk.told()) == 6


def test_a_stop_in_the_middle_of_many_loses_and_repeats_nothing(desk: Desk) -> None:
    for number in range(4_000):
        (desk.inbox / f"{number}.csv").touch()
    with desk.watched() as watcher:
        until(desk.count)
        assert watcher.stop() == 0
    assert run("watch", "--once", str(desk.inbox), **desk.settings).code == 0
    assert sorted(desk.told()) == sorted(f"created {number}.csv" for number in range(4_000))


def test_every_file_of_a_flood_is_told_once_also_when_the_system_s_queue_overflows(desk: Desk) -> None:
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if queue > 65_536:
        pytest.skip("this system's queue is so long that a flood would take minutes")
    with desk.watched("--every", "1", str(desk.inbox)) as watcher:
        (desk.inbox / "first.csv").touch()
        desk.tells("created first.csv")
        watcher.process.send_signal(signal.SIGSTOP)  # so that nobody empties it
        for number in range(queue // 2 + 500):  # each is created and closed
            (desk.inbox / f"{number}.csv").touch()
        watcher.process.send_signal(signal.SIGCONT)
        until(lambda: desk.count() >= queue // 2 + 501, watcher)
        assert "overflowed" in watcher.err
    assert sorted(desk.told()) == sorted(
        [f"created {number}.csv" for number in range(queue // 2 + 500)] + ["created first.csv"]
    )


def test_a_folder_that_vanishes_is_waited_for_and_heard_of_again(desk: Desk, tmp_path: Path) -> None:
    (desk.inbox / "a.csv").write_text("a")
    with desk.watched("--every", "0.3", str(desk.inbox)) as watcher:
        desk.tells("created a.csv")
        desk.inbox.rename(tmp_path / "away")
        until(lambda: "cannot be opened" in watcher.err, watcher)
        desk.inbox.mkdir()
        until(lambda: "another folder" in watcher.err, watcher)
        desk.inbox.rmdir()
        (tmp_path / "away").rename(desk.inbox)
        until(lambda: "watch.well_again" in watcher.err, watcher)
        (desk.inbox / "b.csv").write_text("b")
        desk.tells("created b.csv")
        assert desk.told() == ["created a.csv", "created b.csv"]
    desk.inbox.rename(tmp_path / "away")  # not deleted: its number might be given to the next one
    desk.inbox.mkdir()
    refused = run("watch", "--once", str(desk.inbox), **desk.settings)
    assert refused.code == 1
    assert "--accept" in refused.err
    assert run("watch", "--once", "--accept", str(desk.inbox), **desk.settings).code == 0
    assert desk.told()[2:] == ["deleted a.csv", "deleted b.csv"]


def test_a_folder_that_is_deleted_and_made_again_is_heard_of_again(desk: Desk) -> None:
    (desk.inbox / "a.csv").write_text("a")
    with desk.watched("--every", "600", str(desk.inbox)) as watcher:
        desk.tells("created a.csv")
        shutil.rmtree(desk.inbox)
        desk.inbox.mkdir()  # perhaps with the number of the one before
        (desk.inbox / "b.csv").write_text("b")
        desk.tells("deleted a.csv", "created b.csv")
        until(lambda: "listening_anew" in watcher.err, watcher)
        time.sleep(0.3)  # heard of by now; the next one by a hint alone
        (desk.inbox / "c.csv").write_text("c")
        desk.tells("created c.csv")


def test_a_folder_that_comes_later_is_waited_for(desk: Desk) -> None:
    desk.inbox.rmdir()
    with desk.watched("--every", "0.2", str(desk.inbox)) as watcher:
        until(lambda: "cannot be opened" in watcher.err, watcher)
        desk.inbox.mkdir()
        (desk.inbox / "a.csv").write_text("a")
        desk.tells("created a.csv")


def test_where_the_system_cannot_tell_it_looks_often_and_says_so(desk: Desk, tmp_path: Path, root: Path) -> None:
    (tmp_path / "full.py").write_text(
        "import errno\n"
        "from app.callbacks.file_monitor import hints\n"
        "def refused():\n"
        "    raise OSError(errno.EMFILE, 'inotify instance limit reached')\n"
        "def setup(manager):\n"
        "    hints.Observer = refused\n"
    )
    more = {"CALLBACK_APP": "full:setup", "PYTHONPATH": f"{root}:{tmp_path}"}
    with desk.watched(**more) as watcher:
        assert "looks every 2 s (inotify instance limit reached)" in watcher.err
        (desk.inbox / "a.csv").write_text("a")
        desk.tells("created a.csv")


def test_on_a_network_folder_it_looks_often_and_waits_for_a_file_to_rest(
    desk: Desk, tmp_path: Path, root: Path
) -> None:
    (tmp_path / "nas.py").write_text(
        "import os\n"
        "from app.callbacks.file_monitor import watcher\n"
        "from app.files.mounts import Ground\n"
        "def setup(manager):\n"
        "    watcher.ground = lambda path: Ground('nfs4', network='nfs4', devices={os.stat(path).st_dev})\n"
    )
    more = {"CALLBACK_APP": "nas:setup", "PYTHONPATH": f"{root}:{tmp_path}"}
    with desk.watched("--patience", "1.5", str(desk.inbox), **more) as watcher:
        assert "looks every 2 s (nfs4: others' changes are not told)" in watcher.err
        (desk.inbox / "a.csv").write_text("a")
        began = time.monotonic()
        desk.tells("created a.csv")
        assert time.monotonic() - began > 1


def test_a_folder_has_one_watcher(desk: Desk) -> None:
    with desk.watched() as watcher:
        second = run("watch", str(desk.inbox), **desk.settings)
        assert second.code == 2
        assert f"another watcher (process {watcher.process.pid}) watches {desk.inbox}" in second.err
        third = run("watch", "--forget", str(desk.inbox), **desk.settings)
        assert third.code == 2


def test_folders_inside_one_another_are_told_once(desk: Desk) -> None:
    (desk.inbox / "inner").mkdir()
    (desk.inbox / "inner" / "a.csv").write_text("a")
    paths = [str(desk.inbox / "inner"), str(desk.inbox), f"{desk.inbox}/"]
    ran = run("watch", "--once", *paths, **desk.settings)
    assert ran.code == 0
    assert f"{desk.inbox}/inner is watched with {desk.inbox}" in ran.err
    assert desk.told() == ["created inner/a.csv"]


def test_the_log_and_the_state_are_not_told_where_they_lie_in_the_folder(desk: Desk, tmp_path: Path) -> None:
    for _ in range(2):
        assert run("watch", "--once", str(tmp_path), CALLBACK_IGNORE="*.bak,inbox", **desk.settings).code == 0
    assert desk.told() == []


def test_the_folders_of_the_settings_are_watched_where_none_is_named(desk: Desk) -> None:
    (desk.inbox / "a.csv").write_text("a")
    none = run("watch", "--once", **desk.settings)
    assert (none.code, "CALLBACK_FOLDERS" in none.err) == (2, True)
    assert run("watch", "--once", CALLBACK_FOLDERS=str(desk.inbox), **desk.settings).code == 0
    assert desk.told() == ["created a.csv"]


def test_an_entry_of_the_settings_that_is_no_folder_is_told_and_the_others_are_watched(
    desk: Desk, tmp_path: Path
) -> None:
    (desk.inbox / "a.csv").write_text("a")
    (tmp_path / "file").write_text("x")
    ran = run("watch", "--once", CALLBACK_FOLDERS=f"{tmp_path}/file:{desk.inbox}", **desk.settings)
    assert ran.code == 0, ran.err
    assert "watch.not_watched" in ran.err
    assert f"{tmp_path}/file" in ran.err
    assert desk.told() == ["created a.csv"]
    none = run("watch", "--once", CALLBACK_FOLDERS=f"{tmp_path}/file", **desk.settings)
    assert (none.code, "CALLBACK_FOLDERS" in none.err, "PATH" in none.err) == (2, True, False), none.err
    told = run("doctor", CALLBACK_FOLDERS=f"{tmp_path}/file:{desk.inbox}", **desk.settings)
    assert f"CALLBACK_FOLDERS: {tmp_path}/file is not watched (is no folder)" in " ".join(told.out.split())


def test_what_it_cannot_begin_with_is_one_line(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for paths, more, code, words in (
        ((str(tmp_path / "file"),), {}, 2, "is no folder"),
        ((str(desk.inbox),), {"DATABASE_URL": f"sqlite:///{tmp_path}/none.db"}, 2, "callbacks migrate"),
        (("--once", str(tmp_path / "gone")), {}, 1, "No such file or directory"),
    ):
        ran = run("watch", *paths, **{**desk.settings, **more})
        assert (ran.code, words in ran.err) == (code, True), ran.err
        assert "Traceback" not in ran.err


def test_a_line_a_change_and_hostile_names_do_no_harm(desk: Desk) -> None:
    Path(os.fsdecode(os.fsencode(desk.inbox) + b"/\x1b[2J\n\xff")).write_text("x")
    ran = run("watch", "--once", str(desk.inbox), **desk.settings)
    (line,) = ran.out.splitlines()
    assert line[10:] == f"created   {desk.inbox}/\\x1b[2J\\n\ufffd"
    (desk.inbox / "a.csv").write_text("abc")
    told = json.loads(run("watch", "--once", "--json", str(desk.inbox), **desk.settings).out)
    assert (told["event_type"], told["path"], told["size"]) == ("file_created", str(desk.inbox / "a.csv"), 3)
    shown = json.loads(run("show", told["callback_id"], "--json", **desk.settings).out)
    assert "file_created" in json.dumps(shown)


def test_in_a_terminal_the_same_lines_stand(desk: Desk) -> None:
    (desk.inbox / "a.csv").write_text("abc")
    mine, its = pty.openpty()
    command = [*COMMAND, "watch", "--once", str(desk.inbox)]
    with subprocess.Popen(command, stdout=its, stderr=its, env=environment(TERM="xterm", **desk.settings)) as watcher:  # noqa: S603 - our own
        os.close(its)
        shown = read_to_the_end(mine)
    assert watcher.returncode == 0
    assert b"watching" in shown
    assert b"created" in shown


def test_from_now_on_means_from_now_on(desk: Desk) -> None:
    (desk.inbox / "old.csv").write_text("old")
    assert run("watch", "--once", "--from-now", str(desk.inbox), **desk.settings).code == 0
    (desk.inbox / "new.csv").write_text("new")
    assert run("watch", "--once", "--from-now", str(desk.inbox), **desk.settings).code == 0
    assert desk.told() == ["created new.csv"]


def test_a_folder_that_is_forgotten_is_told_anew(desk: Desk) -> None:
    (desk.inbox / "a.csv").write_text("a")
    for options in (["--once"], ["--forget"], ["--once"]):
        assert run("watch", *options, str(desk.inbox), **desk.settings).code == 0
    assert desk.told() == ["created a.csv", "created a.csv"]
    first, second = desk.events()
    assert first == second


def test_a_log_that_is_locked_for_long_is_waited_for(desk: Desk, tmp_path: Path) -> None:
    with desk.watched() as watcher:
        (tmp_path / "log.db").mkdir()
        (desk.inbox / "a.csv").write_text("a")
        until(lambda: "watch.waiting" in watcher.err, watcher)
        (tmp_path / "log.db").rmdir()
        desk.tells("created a.csv")
        until(lambda: "watch.goes_on" in watcher.err, watcher)


def test_the_worker_hears_of_a_file(desk: Desk) -> None:
    with running("worker", **desk.settings) as worker, desk.watched():
        (desk.inbox / "a.csv").write_text("a")
        desk.tells("created a.csv")
        until(lambda: json.loads(run("log", "--json", **desk.settings).out)["callbacks"][0]["outcome"], worker)
        assert worker.stop() == 0


def test_the_doctor_says_how_watched_folders_are(desk: Desk) -> None:
    (desk.inbox / "a.csv").write_text("a")
    run("watch", "--once", str(desk.inbox), **desk.settings)

    def folders() -> list[dict[str, str]]:
        findings = json.loads(run("doctor", "--json", **desk.settings).out)["findings"]
        return [each for each in findings if each["what"] == "folders"]

    (well,) = folders()
    assert (well["state"], "1 files known" in well["told"]) == ("ok", True)
    shutil.rmtree(desk.inbox)
    run("watch", "--once", str(desk.inbox), **desk.settings)
    (trouble,) = folders()
    assert (trouble["state"], "No such file" in trouble["told"]) == ("warn", True)


def test_two_threads_of_changes_while_it_watches_end_in_the_folder_as_it_is(desk: Desk) -> None:
    def work(name: str) -> None:
        for number in range(150):
            path = desk.inbox / f"{name}{number % 7}.csv"
            path.write_text(f"{name} {number}")
            if number % 5 == 0:
                path.rename(desk.inbox / f"{name}-moved{number % 3}.csv")
            if number % 11 == 0:
                path.unlink(missing_ok=True)

    with desk.watched("--every", "0.3", str(desk.inbox)):
        threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        there = {path.name: path.stat().st_size for path in desk.inbox.iterdir()}
        until(lambda: replayed(desk.events()) == there, lambda: (replayed(desk.events()), there))


def replayed(events: list[dict[str, Any]]) -> dict[str, int]:
    """The folder as whoever heard all events knows it: names and sizes."""
    files: dict[str, int] = {}
    for event in events:
        files.pop(Path(event["path"]).name, None)
        if event["event_type"] != "file_deleted":
            files[event["filename"]] = event["size"]
    return files


def read_to_the_end(terminal: int) -> bytes:
    shown = b""
    try:
        while part := os.read(terminal, 65_536):
            shown += part
    except OSError:  # how Linux says that nobody writes there any more
        return shown
    finally:
        os.close(terminal)
    return shown
