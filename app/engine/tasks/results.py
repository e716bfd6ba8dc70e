"""Writes what became of tries, with what it means for the state: one transaction for all, a savepoint for each."""

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection

from app.core.telemetry import get_logger
from app.engine.tasks import Again, Failure, Finished, GiveUp, Performer, Result, Task, Verdict
from app.engine.tasks.policy import after_failure, after_try
from app.engine.tasks.queue import Ending, finish, held

_log = get_logger(__name__)


class Ended(msgspec.Struct, frozen=True):
    """One try that has ended; `began_at` in microseconds, UTC."""

    task: Task
    result: Result
    began_at: int


class Writer:
    """Results become verdicts by the performers' `settle`, or by policy alone."""

    def __init__(
        self, performers: Mapping[str, Performer], chance: Callable[[], float], redact: Callable[[str], str]
    ) -> None:
        """`chance` gives numbers in [0, 1); `redact` takes secrets out of texts."""
        self._performers = performers
        self._chance = chance
        self._redact = redact

    def write(self, connection: Connection, ended: Sequence[Ended], at: int) -> list[Ending]:
        """Write all results whose claim still holds → how each ended. Who was overtaken writes nothing at all."""
        ours = {(task.id, task.fence) for task in held(connection, [one.task for one in ended])}
        endings = [
            Ending(one.task, self._verdict(connection, one.task, one.result, at), one.began_at, _is_lost(one.result))
            for one in ended
            if (one.task.id, one.task.fence) in ours
        ]
        finish(connection, endings, at)
        return endings

    def _verdict(self, connection: Connection, task: Task, result: Result, at: int) -> Verdict:
        performer = self._performers[task.kind]
        if isinstance(result, Failure):  # in whose words we may find our own secrets again
            result = msgspec.structs.replace(result, error=self._redact(result.error))
        proposed = after_try(task, result, at, self._chance(), performer.policy)
        if performer.settle is None:
            return proposed
        try:
            with connection.begin_nested():
                verdict = _checked(performer.settle(connection, task, result, proposed, at))
        except Exception as error:
            if not _in_transaction(connection):
                raise  # the database undid everything (disk full): nothing more may be written outside of it
            _log.error("task.settle_failed", task=task.id, kind=task.kind, error=self.words(error))
            failure = Failure(self.words(error), reason="settle_failed")
            return after_failure(task, failure, at, self._chance(), performer.policy)
        if isinstance(verdict, Again) and verdict.due_at <= at:
            return msgspec.structs.replace(verdict, due_at=at + 1)  # not in the same breath
        return verdict

    def words(self, error: BaseException) -> str:
        """An exception as a text that may be kept and shown: neither our secrets nor those of others' addresses."""
        return words_of(error, self._redact)


def words_of(error: BaseException, redact: Callable[[str], str]) -> str:
    """An exception's type and text without secrets, as long as a row may hold."""
    return without_addresses(redact(f"{type(error).__name__}: {error}"[:2_000]))[:500]


def _is_lost(result: Result) -> bool:
    return isinstance(result, Failure) and result.lost


def _checked(verdict: Verdict) -> Verdict:
    if not isinstance(verdict, (Finished, Again, GiveUp)):
        raise TypeError(f"settle returned {type(verdict).__name__}, which is no verdict")
    return verdict


def _in_transaction(connection: Connection) -> bool:
    return bool(getattr(connection.connection.driver_connection, "in_transaction", True))


_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s'\"<>]*")
_TOKEN = re.compile(r"(?=[\w+/=.:~-]*\d)[\w+/=.:~-]{24,}")


def without_addresses(text: str) -> str:
    """Take out what may hold a secret: all of an address but its scheme, and long runs with digits in them."""
    return _TOKEN.sub("…", _ADDRESS.sub(r"\1…", text))
