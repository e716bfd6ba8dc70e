"""The slow lane's contract: a task, what became of one try, what follows from it, and who carries it out.

What must happen outside (a question to a sender's API, a message, a handler of one's own) is a row in
`callback_tasks`, enqueued with the effect that asks for it. `queue` is the table, `policy` decides when again,
`runner` carries out. A try is repeated after a crash, always with the same `key`: who receives it can tell.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import msgspec
from sqlalchemy import Connection

#: The kind of a task and where it goes: what is limited, rests, and fails together.
Lane: TypeAlias = tuple[str, str]


class Task(msgspec.Struct, frozen=True):
    """One task as it was claimed; the columns of `callback_tasks` that a try needs."""

    id: int
    key: str  # unique: the guard against doing it twice, and the idempotency key towards the destination
    kind: str
    destination: str
    payload: str  # JSON
    tries: int  # this one included: 1 at the first
    fence: int  # grows with each claim; whoever holds an older one writes nothing
    created_at: int  # microseconds, UTC; when it was enqueued, or reopened
    order_no: int | None = None
    callback_id: int | None = None
    last_error: str = ""
    repeatable: bool = True  # whether a try of which nobody knows if it arrived may be made again
    unended: bool = False  # the try before this one was cut by the end of its process

    @property
    def lane(self) -> Lane:
        """What it shares limits with."""
        return self.kind, self.destination


class Success(msgspec.Struct, frozen=True):
    """The try did what it should; `value` is for the performer's own `settle`, nobody else reads it."""

    value: Any = None


class Failure(msgspec.Struct, frozen=True):
    """The try did not; `error` is kept and shown, so it holds no secret."""

    error: str
    #: no repetition can help: give up at once
    final: bool = False
    #: nobody knows whether it arrived: the answer was lost
    lost: bool = False
    #: the destination's own word for how long nobody shall ask; its whole lane rests
    retry_after_seconds: float | None = None
    #: that word is for all destinations of this kind
    everywhere: bool = False
    #: False: it is we who are not set up; the try is given back, and patience never ends
    counts: bool = True
    #: a stable word for the dead letter, where the task is given up
    reason: str = ""
    #: for the performer's own `settle`
    value: Any = None


Result: TypeAlias = Success | Failure


class Finished(msgspec.Struct, frozen=True):
    """Verdict: done; the row stays as the guard of its key."""


class Again(msgspec.Struct, frozen=True):
    """Verdict: another try, not before `due_at` (microseconds, UTC)."""

    due_at: int
    error: str = ""
    #: until when nobody of the same lane is tried
    rests_until: int | None = None
    #: nor anybody else of the same kind
    everywhere: bool = False
    #: whether the try counts
    counts: bool = True


class GiveUp(msgspec.Struct, frozen=True):
    """Verdict: a dead letter for a person; `reason` is a stable word, `detail` what a person needs beside it."""

    reason: str
    error: str = ""
    detail: Mapping[str, Any] = {}
    #: as in Again: who asked for time gets it from the others, too
    rests_until: int | None = None
    everywhere: bool = False


Verdict: TypeAlias = Finished | Again | GiveUp


class Policy(msgspec.Struct, frozen=True):
    """How patient a kind of task is. Seconds."""

    base_seconds: float = 2.0  # the first wait lies between 0 and this, each next one doubles it
    cap_seconds: float = 600.0  # no wait is longer, unless the destination asks for it
    tries_max: int | None = 12
    age_seconds_max: float | None = None  # from `created_at`; the last try is made when it is over
    wait_seconds_max: float = 86_400.0  # a destination that asks for more is given up


class Circuit(msgspec.Struct, frozen=True):
    """When a destination is left alone: after so many failures in a row one try at a time asks whether it is back."""

    failures: int = 5
    base_seconds: float = 1.0  # the first rest, doubled at each failure that follows
    cap_seconds: float = 60.0


#: `(connection, task, result, proposed, at) -> Verdict`: called inside the transaction that writes the results.
#: `proposed` is what the policy makes of the result; to return it is to agree. It may write to the same
#: connection: its effect and the task's new state are committed together or not at all.
Settle: TypeAlias = Callable[[Connection, Task, Result, Verdict, int], Verdict]


class Performer(Protocol):
    """Who carries out one kind of task."""

    @property
    def policy(self) -> Policy:
        """When again, when never."""

    @property
    def concurrency(self) -> int:
        """How many tries one destination sees at once."""

    def rate_of(self, destination: str) -> float | None:
        """How many tries this destination sees begin in a second, None: any; at the limit tasks wait.

        "" asks for the most that any destination may see.
        """

    @property
    def rate_in_all_per_second(self) -> float | None:
        """How many tries all destinations together see begin in a second, None: any."""

    @property
    def circuit(self) -> Circuit | None:
        """When a destination that fails is left alone; None: each of its tasks tries for itself."""

    @property
    def timeout_seconds(self) -> float:
        """After which a try is a failure."""

    async def perform(self, task: Task) -> Result:
        """Carry out one try. An exception is a Failure with its type and redacted text. Never blocks the thread."""

    @property
    def settle(self) -> Settle | None:
        """What a result means for the state; an ordinary method, or None: the proposed verdict stands."""


__all__ = [
    "Again",
    "Circuit",
    "Failure",
    "Finished",
    "GiveUp",
    "Lane",
    "Performer",
    "Policy",
    "Result",
    "Settle",
    "Success",
    "Task",
    "Verdict",
]
