"""Looks at everything that can be wrong before or beside a running system, one finding a line; changes nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.core.config import Settings
from app.core.language import Lang
from app.operate.checkup import configuration, databases, machine, network
from app.operate.checkup.databases import LogSeen
from app.operate.checkup.finding import Finding, FindingShown, guarded, shown
from app.operate.shown import Shown
from app.operate.upkeep import log_path

#: `load(settings)` → the handlers as a worker would know them (`CallbackManager.list_handlers`).
Load = Callable[[Settings], Sequence[Mapping[str, Any]]]


class DoctorShown(Shown):
    """All findings, and whether any is wrong."""

    success: bool
    findings: list[FindingShown]


def examine(settings: Settings, unreadable: Sequence[Finding], load: Load, *, at: int, lang: Lang) -> DoctorShown:
    """Everything, in the order in which one would mend it; the first two are what `configuration.read` gives."""
    findings = [*unreadable, *_all(settings, load, at)]
    told = [shown(finding, lang) for finding in findings]
    return DoctorShown(success=all(each.state != "wrong" for each in told), findings=told)


def _all(settings: Settings, load: Load, at: int) -> Iterator[Finding]:
    yield from guarded("settings", lambda: configuration.look(settings, configuration.variables()))
    places: dict[str, Path] = {}
    for name, find in (("state", databases.state_path), ("log", databases.checked_log_path)):
        yield from guarded("settings", lambda: _into(places, name, find(settings)))  # noqa: B023 - used at once
    yield from guarded("files", lambda: machine.files(settings, places, configuration.ENV_FILE))
    yield from guarded("versions", machine.libraries)
    yield from guarded("disk", lambda: machine.disk(places))
    seen: list[LogSeen] = []
    if "log" in places:
        yield from guarded("log", lambda: _noting(seen, databases.look_at_log(settings)))
    last = seen[0] if seen else LogSeen()
    yield from guarded("clock", lambda: machine.clock(at, last.last_id, last.last_received_at))
    answers: list[network.Answering] = []
    yield from guarded("port", lambda: _noting(answers, network.look_at_port(settings)))
    answering = answers[0] if answers else network.Answering()
    yield from guarded("handlers", lambda: network.handlers(load(settings), answering))
    if "state" in places:
        yield from _of_state(settings, at, serving=answering.ours)


def _of_state(settings: Settings, at: int, *, serving: bool) -> Iterator[Finding]:
    engines: list[Any] = []
    there = machine.is_there(log_path(settings.callback_log_url))
    yield from guarded("state", lambda: _noting(engines, databases.look_at_state(settings, log_is_there=there)))
    engine = engines[0] if engines else None
    if engine is not None:
        yield from guarded("worker", lambda: databases.worker(engine, settings, at=at, serving=serving))
        yield from guarded("handlers", lambda: network.unknown_to_the_worker(engine))
        yield from guarded("books", lambda: databases.books(engine))
        yield from guarded("dead letters", lambda: databases.waiting_for_a_person(engine, at=at))


def _into(places: dict[str, Path], name: str, path: Path) -> Iterator[Finding]:
    places[name] = path
    yield from ()


def _noting(kept: list[Any], result: tuple[Any, Sequence[Finding]]) -> Iterator[Finding]:
    kept.append(result[0])
    yield from result[1]
