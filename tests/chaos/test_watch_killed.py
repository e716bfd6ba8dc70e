"""A watcher that is killed at random moments while files come: at the end the log tells exactly the folder."""

import os
import random
import signal
import subprocess
import threading
import time
from itertools import pairwise
from pathlib import Path

from app.core.database import ensure_schema, make_engine
from app.engine.log import visiting
from app.files.snapshot import State, applied
from app.operate.files.told import change_of
from tests.cli.shell import COMMAND, environment

SECONDS = float(os.environ.get("CHAOS_SECONDS", "8"))
SEED = int(os.environ.get("CHAOS_SEED", "20260102"))
KILLS_MIN = 5


class People(threading.Thread):
    """Work in a folder until they are told to stop: write, append, save, move and delete files and folders."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.enough = threading.Event()
        self.deeds = 0
        self._folder = folder
        self._dice = random.Random(f"{SEED} people")  # noqa: S311 - a test's dice, to be thrown again

    def run(self) -> None:
        while not self.enough.is_set():
            self._dice.choice(
                (self._write, self._write, self._append, self._save, self._move, self._delete, self._many)
            )()
            self.deeds += 1
            time.sleep(self._dice.random() * 0.01)

    def _any(self) -> Path:
        return self._folder / f"d{self._dice.randrange(4)}" / f"{self._dice.randrange(40)}.csv"

    def _write(self) -> None:
        path = self._any()
        path.parent.mkdir(exist_ok=True)
        path.write_text("x" * self._dice.randrange(100))

    def _append(self) -> None:
        path = self._any()
        if path.exists():
            with path.open("a") as file:
                file.write("more")

    def _save(self) -> None:
        path = self._any()
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text("saved" * self._dice.randrange(10))
        part.rename(path)

    def _move(self) -> None:
        source, target = self._any(), self._any()
        if source.exists() and target.parent.exists():
            source.rename(target)

    def _delete(self) -> None:
        self._any().unlink(missing_ok=True)

    def _many(self) -> None:
        folder = self._folder / f"d{self._dice.randrange(4)}"
        other = self._folder / f"m{self._dice.randrange(4)}"
        if folder.exists() and not other.exists():
            folder.rename(other)


def there(folder: Path) -> dict[bytes, State]:
    found = {}
    for root, _, names in os.walk(os.fsencode(folder)):
        for name in names:
            path = root + b"/" + name
            told = os.lstat(path)
            found[os.path.relpath(path, os.fsencode(folder))] = State(
                told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns
            )
    return found


def test_a_watcher_that_is_killed_at_any_moment_loses_no_change_and_tells_the_folder_as_it_is(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/state.db", "CALLBACK_LOG_URL": f"sqlite:///{tmp_path}/log.db"}
    engine = make_engine(settings["DATABASE_URL"])
    ensure_schema(engine)
    engine.dispose()
    dice, people = random.Random(f"{SEED} kills"), People(inbox)  # noqa: S311 - as above
    command = [*COMMAND, "watch", "--every", "0.1", str(inbox)]
    people.start()
    try:
        end, kills = time.monotonic() + SECONDS, 0
        while time.monotonic() < end or kills < KILLS_MIN:
            with subprocess.Popen(  # noqa: S603 - our own command
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(**settings)
            ) as watcher:
                assert watcher.stderr is not None
                assert b"watching" in watcher.stderr.readline()  # it begins its first look now
                time.sleep(dice.random() * 1.2)
                watcher.send_signal(signal.SIGKILL)
            kills += 1
    finally:
        people.enough.set()
        people.join()
    ended = subprocess.run(  # noqa: S603 - as above
        [*COMMAND, "watch", "--once", str(inbox)], capture_output=True, check=False, env=environment(**settings)
    )
    assert ended.returncode == 0, ended.stderr
    with visiting(settings["CALLBACK_LOG_URL"]) as log:
        bodies = [callback.body for callback in log.read_after(0, 1_000_000)]
    told = applied({}, [change for body in bodies if (change := change_of(str(inbox), body)) is not None])
    print(f"{kills} kills, {people.deeds} deeds, {len(bodies)} events, {len(told)} files at the end")  # noqa: T201 - for `make chaos`
    assert told == there(inbox)
    assert len(told) > 10
    # A state that was told is told again only where the file was another one in between.
    for first, second in pairwise(bodies):
        assert first != second
