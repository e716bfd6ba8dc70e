"""Looks for what fits, newest first, page by page and within a bounded time; says how far it came."""

import time
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

#: What is found by an index or a scan of the state ends within this; reading bodies takes longer, and may.
SECONDS = 0.04
SECONDS_FOR_BODIES = 0.5
_ROWS_MAX = 1 << 18

T = TypeVar("T")
C = TypeVar("C")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Rows, newest first, and the number of the oldest row that was looked at for them; None: nothing is left."""

    rows: Sequence[T]
    last: int | None


class Source(Protocol[C]):
    """Gives what may fit: at most so many rows looked at, below a number."""

    def __call__(self, before: int, rows_max: int, /) -> Page[C]:
        """One page; `last` is None only where nothing lies below `before`."""


class Found(msgspec.Struct, Generic[T], frozen=True):
    """What fits, newest first."""

    rows: list[T]
    #: below this number there is more, or may be; None: that was all
    cursor: int | None
    #: set where the time was over first: the oldest row that was looked at
    looked_back_to: int | None = None


def look(
    source: Source[C],
    keep: Callable[[Sequence[C]], list[T]],
    number: Callable[[T], int],
    *,
    before: int,
    rows_max: int,
    seconds: float,
) -> Found[T]:
    """Take pages from `source` and `keep` what fits, until there are `rows_max`, nothing is left, or time is over."""
    began = time.monotonic()
    deadline = began + seconds
    size = rows_max + 1
    found: list[T] = []
    while True:
        page = source(before, size)
        found += keep(page.rows)
        if len(found) > rows_max:
            found = found[:rows_max]
            return Found(found, number(found[-1]))
        if page.last is None:
            return Found(found, None)
        before = page.last
        now = time.monotonic()
        if now >= deadline:
            return Found(found, before, before)
        # larger pages cost less a row; the next one is to end in time as well
        size = max(rows_max + 1, min(size * 4, int(size * (deadline - now) / max(now - began, 1e-6)), _ROWS_MAX))
        began = now
