"""What a run sent, what it was answered, and what is not as it must be."""

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.core.money import Minor, format_amount
from app.simulation.plan import Expected


class Purse(NamedTuple):
    """What must be in a user's wallet."""

    balance: Minor = 0
    held: Minor = 0


class Difference(NamedTuple):
    """Something that is not as it must be."""

    what: str  # balance, held, status, answer, in doubt
    subject: str
    expected: str
    found: str


@dataclass
class Report:
    """All of one run; it grows while the run goes on."""

    run: str
    orders: int = 0
    announced: int = 0
    announced_seconds: float = 0.0
    calls: int = 0
    sent: int = 0  # without the funding
    funding: int = 0  # callbacks that filled the wallets beforehand
    #: callbacks that were answered 200 → the order that they are about
    acknowledged: dict[int, str] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    #: why something was sent again
    again: Counter[str] = field(default_factory=Counter)
    asks: int = 0  # orders of which something is in doubt until the status API is asked
    asked: int = 0  # questions that the status API was asked
    began: float = 0.0  # sending, by the monotonic clock
    seconds: float = 0.0  # of sending, once that is over
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    balances: dict[str, Purse] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    in_doubt: int = 0  # callbacks, when it was last looked
    in_doubt_most: int = 0
    settled_seconds: float = 0.0
    checked: int = 0
    differences: list[Difference] = field(default_factory=list)

    def expect(self, expected: Iterable[Expected]) -> None:
        """Add what must come of some orders."""
        for each in expected:
            before = self.balances.get(each.user_id, Purse())
            self.balances[each.user_id] = Purse(before.balance + each.balance, before.held + each.held)
            self.statuses[each.order_id] = each.status

    def differ(self, what: str, subject: str, expected: str, found: str) -> None:
        """Note a difference, if it is one."""
        if expected != found:
            self.differences.append(Difference(what, subject, expected, found))

    def per_second(self, now: float = 0.0) -> float:
        """Callbacks sent a second: of all of sending, or until `now`."""
        seconds = self.seconds or now - self.began
        return self.sent / seconds if seconds > 0 else 0.0

    def p99_ms(self, last: int = 0) -> float:
        """What 99 of 100 answers took at most; of the `last` ones, or of all."""
        found = sorted(self.latencies[-last:])
        return found[int(len(found) * 0.99)] * 1000 if found else 0.0

    def figures(self) -> dict[str, Any]:
        """For programs."""
        return {
            "run": self.run,
            "orders": self.orders,
            "announced_seconds": round(self.announced_seconds, 3),
            "sent": self.sent,
            "answers": {str(status): count for status, count in sorted(self.answers.items())},
            "sent_again": dict(self.again),
            "acknowledged": len(self.acknowledged),
            "seconds": round(self.seconds, 3),
            "sent_per_second": round(self.per_second(), 1),
            "p99_ms": round(self.p99_ms(), 1),
            "asked": self.asked,
            "settled_seconds": round(self.settled_seconds, 3),
            "money": format_amount(sum(purse.balance for purse in self.balances.values())),
            "checked": self.checked,
            "differences": [each._asdict() for each in self.differences],
        }
