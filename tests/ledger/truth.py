"""What really happened at Midtrans: attempts with their histories, a truthful status API, and an attacker."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.ledger.law import minor
from tests.ledger.model import Reply
from tests.ledger.sayings import Said

#: Each history: its steps as (word, status_code, fraud_status, refunds so far).
Step = tuple[str, str, str, tuple[tuple[str, str], ...]]


def step(word: str, code: str = "200", fraud: str = "accept", **refunds: str) -> Step:
    return word, code, fraud, tuple(refunds.items())


HISTORIES: dict[str, tuple[Step, ...]] = {
    "card": (step("authorize"), step("capture"), step("settlement")),
    "card captured at once": (step("capture"), step("settlement")),
    "challenged and accepted": (step("capture", "201", "challenge"), step("capture"), step("settlement")),
    "challenged and denied": (step("capture", "201", "challenge"), step("deny", "202", "deny")),
    "card denied": (step("deny", "202"),),
    "card voided": (step("capture"), step("cancel")),
    "authorize that expired": (step("authorize"), step("expire", "202")),
    "bank transfer": (step("pending", "201"), step("settlement")),
    "bank transfer that expired": (step("pending", "201"), step("expire", "202")),
    "bank transfer that was cancelled": (step("pending", "201"), step("cancel", "202")),
    "late money": (step("pending", "201"), step("expire", "202"), step("settlement")),
    "reversal": (step("pending", "201"), step("settlement"), step("deny", "202")),
    "refunded in parts": (
        step("settlement"),
        step("partial_refund", r1="30000"),
        step("partial_refund", r1="30000", r2="20000.00"),
    ),
    "refunded": (step("settlement"), step("refund", r1="100000")),
    "charged back": (step("capture"), step("settlement"), step("chargeback")),
    "failure": (step("failure", "202"),),
}
GROSS = "100000.00"
AMOUNT = 10_000_000
PAID = {"capture", "settlement", "partial_refund", "refund", "chargeback"}


@dataclass
class Attempt:
    """One payment try: its history, and how much of it has happened."""

    order: str
    name: str
    history: str
    happened: int = 0

    @property
    def steps(self) -> tuple[Step, ...]:
        return HISTORIES[self.history]

    @property
    def is_over(self) -> bool:
        return self.happened == len(self.steps)

    def notification(self, number: int) -> Said:
        word, code, fraud, refunds = self.steps[number]
        in_all = sum(minor(amount) or 0 for _, amount in refunds)
        return Said(
            order=self.order,
            word=word,
            code=code,
            gross=GROSS,
            fraud=fraud,
            attempt=self.name,
            refunds=refunds,
            in_all=f"{in_all // 100}.00" if refunds else None,
        )

    def worth(self) -> int:
        """What it leaves on the wallet, now."""
        if not self.happened:
            return 0
        word, _, fraud, refunds = self.steps[self.happened - 1]
        if word not in PAID or fraud != "accept" or word == "chargeback":
            return 0
        return AMOUNT - sum(minor(amount) or 0 for _, amount in refunds)


@dataclass
class Midtrans:
    """All attempts of all orders."""

    attempts: list[Attempt] = field(default_factory=list)

    def genuine(self) -> list[Said]:
        """Every notification that was sent so far."""
        return [one.notification(number) for one in self.attempts for number in range(one.happened)]

    def answer(self, order: str, attempt: str) -> Reply:
        """`GET /v2/{order_id}/status`, truthfully."""
        for one in self.attempts:
            if (one.order, one.name) == (order, attempt) and one.happened:
                return one.notification(one.happened - 1)
        return "unknown"

    def finish(self) -> None:
        for one in self.attempts:
            one.happened = len(one.steps)

    def worth(self, order: str) -> int:
        return max((one.worth() for one in self.attempts if one.order == order), default=0)


#: What an attacker may write into the fields that the signature leaves open.
FORGED_WORDS: Sequence[tuple[str, str, dict[str, str]]] = (
    ("settlement", "accept", {}),
    ("capture", "accept", {}),
    ("deny", "accept", {}),
    ("cancel", "accept", {}),
    ("expire", "accept", {}),
    ("authorize", "accept", {}),
    ("pending", "accept", {}),
    ("settlement", "deny", {}),
    ("capture", "challenge", {}),
    ("refund", "accept", {"r9": "100000"}),
    ("partial_refund", "accept", {"r1": "70000"}),
    ("chargeback", "accept", {}),
)


def forged_from(genuine: Said, word: int, attempt: str) -> Said:
    """The same signature under other words."""
    said, fraud, refunds = FORGED_WORDS[word]
    return replace(genuine, word=said, fraud=fraud, attempt=attempt, refunds=tuple(refunds.items()), in_all=None)
