"""What a simulation is made of: orders, calls in rounds, and what must come of them; the same seed makes the same."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from app.core.money import Minor, format_amount

ORDERS_A_USER = 4


class Order(NamedTuple):
    """What the shop announces."""

    order_id: str
    user_id: str
    kind: str  # topup or ppob
    amount: Minor
    provider: str = ""  # whom it waits for; "": as the kind says

    def announcement(self) -> dict[str, str]:
        """As it is announced."""
        told = {"order_id": self.order_id, "user_id": self.user_id, "kind": self.kind}
        told["amount"] = format_amount(self.amount)
        return {**told, "provider": self.provider} if self.provider else told


class Truth(NamedTuple):
    """What the sender's status API knows of a payment from some moment on; of two the later one stands."""

    order_id: str
    attempt: str
    number: int  # later truths of an order have higher numbers
    body: bytes


class Call(NamedTuple):
    """One request of a sender, to be repeated until it is answered as it must be."""

    provider: str
    order_id: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200  # what it must be answered
    truths: tuple[Truth, ...] = ()  # what is true at the sender before it is sent
    query: str = ""  # of the address

    @property
    def target(self) -> str:
        """Where it goes: `/callbacks/webhook/oy?token=…`."""
        return f"/callbacks/webhook/{self.provider}" + (f"?{self.query}" if self.query else "")


class Expected(NamedTuple):
    """What must have come of one order: what it gave the user's wallet, what it holds, and what people see."""

    order_id: str
    user_id: str
    balance: Minor
    held: Minor
    status: str


class Story(NamedTuple):
    """Orders, and what is sent about them: rounds one after the other, the calls of a round at the same moment."""

    orders: tuple[Order, ...]
    rounds: tuple[tuple[Call, ...], ...]
    expected: tuple[Expected, ...]
    asks: bool = False  # whether some of it is in doubt until the status API is asked
    early: bool = False  # the shop announces only after all of it was sent


class Secrets(NamedTuple):
    """What signs: the same that the system was started with."""

    midtrans: bytes
    digiflazz: bytes = b""
    telegram: bytes = b""


class Subject(NamedTuple):
    """The order that a scenario tells a story of; `dice` are its own, so that a story does not depend on others."""

    order: Order
    secrets: Secrets
    dice: random.Random


Tell: TypeAlias = Callable[[Subject], Story]


@dataclass(frozen=True)
class Plan:
    """A run: `count` stories, each made anew when it is asked for, so that a million of them need no memory."""

    provider: str
    scenario: str
    count: int
    seed: int
    secrets: Secrets
    tell: Tell  # makes the story of an order
    fund: Tell | None  # fills the wallet that a user's purchases need
    kind: str
    run: str = ""  # stands in every id; by default made of what makes the run what it is
    waits_for: str = ""  # the provider of its orders, where the kind does not say it

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run or f"{self.provider[0]}-{self.scenario.replace('_', '-')}-{self.count}-{self.seed}"

    def story(self, number: int) -> Story:
        """The story of this number; always the same."""
        return self.tell(Subject(self.order(number), self.secrets, self._dice(number)))

    def order(self, number: int) -> Order:
        """The order of this number: ids end in a letter, so that no signed text can be read as another of them."""
        amount = self._dice(number).randrange(10_000, 500_001, 500) * 100
        return Order(f"{self.name}-{number}x", self.user(number // ORDERS_A_USER), self.kind, amount, self.waits_for)

    def user(self, number: int) -> str:
        """The user of this number."""
        return f"{self.name}-u{number}"

    def funding(self) -> list[Story]:
        """What has to be paid in before the stories can begin: for each user a top-up of all that will be bought."""
        if self.fund is None:
            return []
        stories = []
        for number, first in enumerate(range(0, self.count, ORDERS_A_USER)):
            wanted = sum(self.order(each).amount for each in range(first, min(first + ORDERS_A_USER, self.count)))
            topup = Order(f"{self.name}-fund-{number}x", self.user(number), "topup", wanted + 5_000_000)
            stories.append(self.fund(Subject(topup, self.secrets, self._dice(-1 - number))))
        return stories

    def _dice(self, number: int) -> random.Random:
        return random.Random(f"{self.seed} {self.provider} {self.scenario} {number}")  # noqa: S311 - to be repeated
