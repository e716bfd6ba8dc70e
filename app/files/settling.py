"""When a file that changed is whole. Pure: what was seen, and a clock that nobody sets, are arguments.

Whole: nobody has it open for writing and it rested for a moment; or, where that cannot be asked or somebody holds it
open, it rested for long. One that never rests is told now and then all the same, as still written.
"""

from enum import Enum

import msgspec

from app.files.snapshot import State


class Writers(Enum):
    """Who has a file open for writing."""

    NONE = "none"
    SOME = "some"
    UNKNOWN = "unknown"  # a file of another user, a network folder, a system without leases


class Patience(msgspec.Struct, frozen=True):
    """How long is waited, in seconds."""

    settle: float = 0.5  # a program that opens, writes and closes again and again
    rest: float = 30.0  # where writers cannot be asked, or one holds it open
    still_written: float = 300.0


class Waiting(msgspec.Struct, frozen=True):
    """A file that changed and is not told yet; times in seconds."""

    state: State
    since: float  # seen changed first, or told last as still written
    unchanged_since: float


class Verdict(Enum):
    """What to do with it."""

    WHOLE = "whole"
    WAIT = "wait"
    STILL_WRITTEN = "still_written"


def seen(waiting: Waiting | None, state: State, at: float) -> Waiting:
    """It was looked at again, or for the first time."""
    if waiting is None:
        return Waiting(state, at, at)
    return waiting if waiting.state == state else Waiting(state, waiting.since, at)


def verdict(waiting: Waiting, writers: Writers, patience: Patience, *, at: float, wall_ns: int) -> Verdict:
    """Whether it is whole. `wall_ns`: the wall clock, by which the kernel stamps what is written on this machine."""
    rested = at - waiting.unchanged_since
    if writers is Writers.NONE and max(rested, _age(waiting.state, wall_ns)) >= patience.settle:
        return Verdict.WHOLE
    if rested >= max(patience.rest, patience.settle):
        return Verdict.WHOLE
    return Verdict.STILL_WRITTEN if at - waiting.since >= patience.still_written else Verdict.WAIT


def due(waiting: Waiting, writers: Writers, patience: Patience) -> float:
    """When to look again, if nothing tells of it earlier."""
    rest = patience.settle if writers is Writers.NONE else max(patience.rest, patience.settle)
    return min(waiting.unchanged_since + rest, waiting.since + patience.still_written)


def _age(state: State, wall_ns: int) -> float:
    return (wall_ns - state.mtime_ns) / 1e9
