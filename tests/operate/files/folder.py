"""A watched folder with a real state and a real log, and a clock that is set by hand."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from app.callbacks.file_monitor.file_callbacks import FileMonitorCallbackHandler
from app.core.config import Settings
from app.core.database import ensure_schema, make_engine, reading, writing
from app.engine.callback import Callback
from app.engine.log import visiting
from app.files.ignoring import ignoring
from app.files.opening import folder_at
from app.files.settling import Patience
from app.files.snapshot import State, applied
from app.operate.files import snapshots
from app.operate.files.folders import remember
from app.operate.files.told import change_of
from app.operate.files.watching import Hearing, Place, Round, Watching

START = 1_795_000_000_000_000


class WatchedFolder:
    """`look` is one round; every file is old enough to be whole, unless somebody writes it."""

    def __init__(self, folder: Path, **place: Any) -> None:
        self.inbox = folder / "inbox"
        self.inbox.mkdir(exist_ok=True)
        self.url = f"sqlite:///{folder}/log.db"
        self.engine = make_engine(f"sqlite:///{folder}/state.db")
        ensure_schema(self.engine)
        with writing(self.engine) as connection:
            number = remember(connection, str(self.inbox), START)
        self.place = Place(
            folder_at(str(self.inbox)), number, ignoring(""), **{"patience": Patience(settle=0.0), **place}
        )
        self.handler: Any = FileMonitorCallbackHandler(settings=Settings())
        self.seconds = 1000.0
        self.watching = self.started()

    def started(self, *, accept: bool = False) -> Watching:
        """A watcher's process that begins: it has nothing in memory."""
        self.watching = Watching(self.place, self.engine, self.url, self.handler, accept=accept)
        return self.watching

    def look(self, later: float = 1.0, hearing: Hearing | None = None) -> Round:
        self.seconds += later
        at = START + int(self.seconds * 1_000_000)
        return self.watching.round(at=at, seconds=self.seconds, hearing=hearing or Hearing())

    def write(self, path: str, text: str = "x") -> Path:
        place = self.inbox / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def callbacks(self) -> list[Callback]:
        with visiting(self.url) as log:
            return log.read_after(0, 100_000)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(callback.body) for callback in self.callbacks()]

    def told(self) -> list[str]:
        """`created a.csv`, in the log's order."""
        return [self._line(event) for event in self.events()]

    def _line(self, event: dict[str, Any]) -> str:
        def below(name: str) -> str:
            return os.path.relpath(event[name], self.inbox)

        word = event["event_type"].removeprefix("file_")
        line = f"{word} {below('path')}" + (f" {below('dest_path')}" if "dest_path" in event else "")
        return line + (" unfinished" if event.get("still_written") else "")

    def replayed(self) -> dict[bytes, State]:
        """The folder as whoever heard every event knows it."""
        changes = (change_of(str(self.inbox), callback.body) for callback in self.callbacks())
        return applied({}, [change for change in changes if change is not None])

    def there(self) -> dict[bytes, State]:
        """The folder as it is."""
        found = {}
        for root, _, names in os.walk(os.fsencode(self.inbox)):
            for name in names:
                told = os.lstat(root + b"/" + name)
                path = os.path.relpath(root + b"/" + name, os.fsencode(self.inbox))
                found[path] = State(told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns)
        return found

    def snapshot(self) -> dict[bytes, State]:
        with reading(self.engine) as connection:
            return snapshots.load(connection, self.place.number).files

    def row(self) -> dict[str, Any]:
        with reading(self.engine) as connection:
            return dict(connection.exec_driver_sql("SELECT * FROM callback_folders").mappings().one())

    def with_place(self, **changes: Any) -> None:
        self.place = msgspec.structs.replace(self.place, **changes)
        self.started()
