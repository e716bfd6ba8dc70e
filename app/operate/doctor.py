"""Looks at everything that can be wrong before or beside a running system, one finding a line; changes nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from app.core.config import Settings
from app.core.language import Lang
from app.core.variables import ENV_FILE, variables
from app.engine.log.place import log_path
from app.operate.checkup import channels, configuration, databases, endpoints, folders, machine, network, providers
from app.operate.checkup.databases import LogSeen
from app.operate.checkup.finding import Finding, FindingShown, guarded, shown
from app.operate.checkup.network import Answering
from app.operate.shown import Shown

#: `load(settings)` → the handlers as a worker would know them (`CallbackManager.list_handlers`).
Load = Callable[[Settings], Sequence[Mapping[str, Any]]]


class DoctorShown(Shown):
    """All findings, and whether any is wrong."""

    success: bool
    findings: list[FindingShown]


def examine(settings: Settings, unreadable: Sequence[Finding], load: Load, *, at: int, lang: Lang) -> DoctorShown:
    """Everything, in the order in which one would mend it; the first two are what `configuration.read` gives."""
    findings = [*unreadable, *_Round(settings, load, at).findings()]
    told = [shown(finding, lang) for finding in findings]
    return DoctorShown(success=all(each.state != "wrong" for each in told), findings=told)


class _Round:
    """One round: what a look has found out is there for the next ones, as far as it went."""

    def __init__(self, settings: Settings, load: Load, at: int) -> None:
        self.settings = settings
        self.load = load
        self.at = at
        self.places: dict[str, Path] = {}
        self.log = LogSeen()
        self.answering = Answering()
        self.engine: Engine | None = None

    def findings(self) -> Iterator[Finding]:
        """All of them; what one look stumbles over is a finding, and the others go on."""
        settings = self.settings
        yield from guarded("settings", lambda: configuration.look(settings, variables(), self.at))
        yield from guarded("providers", lambda: providers.look(settings, variables(), self.at))
        yield from guarded("channels", lambda: channels.settings_of_channels(settings))
        yield from guarded("settings", lambda: self._place("state", databases.state_path))
        yield from guarded("settings", lambda: self._place("log", databases.checked_log_path))
        yield from guarded("files", lambda: machine.files(settings, self.places, ENV_FILE))
        yield from guarded("uploads", lambda: machine.uploads(settings))
        yield from guarded("versions", machine.libraries)
        yield from guarded("disk", lambda: machine.disk(self.places))
        if "log" in self.places:
            yield from guarded("log", self._log)
        yield from guarded("clock", lambda: machine.clock(self.at, self.log.last_id, self.log.last_received_at))
        yield from guarded("port", self._port)
        yield from guarded("handlers", lambda: network.handlers(self.load(settings), self.answering))
        if "state" in self.places:
            yield from guarded("state", self._state)
        if (engine := self.engine) is not None:
            serving = self.answering.ours
            yield from guarded("worker", lambda: databases.worker(engine, settings, at=self.at, serving=serving))
            yield from guarded("channels", lambda: channels.linked(engine, settings))
            yield from guarded("endpoints", lambda: endpoints.listening(engine))
            yield from guarded("folders", lambda: folders.watched(engine, settings, at=self.at))
            yield from guarded("handlers", lambda: network.unknown_to_the_worker(engine))
            yield from guarded("books", lambda: databases.books(engine))
            yield from guarded("questions", lambda: databases.questions(engine, at=self.at))
            yield from guarded("dead letters", lambda: databases.waiting_for_a_person(engine, at=self.at))

    def _place(self, name: str, find: Callable[[Settings], Path]) -> Iterator[Finding]:
        self.places[name] = find(self.settings)
        yield from ()

    def _log(self) -> Iterator[Finding]:
        self.log, found = databases.look_at_log(self.settings)
        yield from found

    def _port(self) -> Iterator[Finding]:
        self.answering, found = network.look_at_port(self.settings)
        yield from found

    def _state(self) -> Iterator[Finding]:
        there = machine.is_there(log_path(self.settings.callback_log_url))
        self.engine, found = databases.look_at_state(self.settings, log_is_there=there)
        yield from found
