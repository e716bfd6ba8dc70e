"""The language of the stories: each line a sender's, the shop's or a person's word, and what must come of it.

    == a card is refunded in part
    announce  T-1 ani 100000.00 topup          -> announced  ani 0.00       waiting
    midtrans  T-1 settlement 200 100000.00     -> applied    ani 100000.00  paid
    midtrans  T-1 partial_refund 200 r1=30000  -> in_doubt   asked T1       # the status API decides
    api       T-1 partial_refund r1=30000      -> applied    ani 70000.00   partially_refunded  no alert

Columns stand two blanks apart. The first is the outcome; then, in any order, `USER AMOUNT`, `USER held AMOUNT`, a
shown status (of the line's order, or `ORDER STATUS`), `alert KIND,KIND` or `no alert` (all that are open), `asked
ATTEMPT,ATTEMPT` or `asked nobody` (about the line's order). `#` begins a remark.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.ledger.law import Order, minor
from tests.ledger.model import Picture, Refused, Reply, Shop
from tests.ledger.sayings import Bought, Said

STATUSES = frozenset(
    [
        "waiting",
        "pending",
        "authorized",
        "challenged",
        "denied",
        "cancelled",
        "expired",
        "failed",
        "paid",
        "partially_refunded",
        "refunded",
        "charged_back",
        "succeeded",
        "returned",
    ]
)
CODES = {
    "pending": "201",
    "deny": "202",
    "cancel": "202",
    "expire": "407",
    "failure": "202",
}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
FIELDS = frozenset(
    {"fraud", "attempt", "in_all", "original", "fee", "currency", "type", "sn", "price", "key", "provider"}
)


@dataclass
class Step:
    """One line, read."""

    text: str
    verb: str
    words: list[str]
    options: dict[str, str]
    outcome: str = ""
    wallets: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    alerts: frozenset[str] | None = None
    asked: frozenset[str] | None = None


@dataclass
class Story:
    """Several lines under one sentence."""

    title: str
    file: str
    policy: str = "doubt"
    steps: list[Step] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.file}: {self.title}"


class World(Protocol):
    """What a story can be told to: the model, or the ledger."""

    def announce(self, order: Order) -> str: ...
    def hear(self, said: Said | Bought) -> str: ...
    def answer(self, order_id: str, attempt: str, reply: Reply) -> str: ...
    def wait(self, seconds: int) -> None: ...
    def retry(self) -> None: ...
    def resolve(self, order_id: str, word: str, amount: int, key: str, attempt: str) -> str: ...
    def adjust(self, user: str, amount: int) -> None: ...
    def picture(self) -> Picture: ...


class Model:
    """The simple model as a world for stories."""

    def __init__(self, policy: str, codes: frozenset[str]) -> None:
        self.shop = Shop(codes=codes)
        if policy == "unverified":
            self.shop.level = 0
        elif policy in ("doubt", "always", "never"):
            self.shop.policy = policy  # type: ignore[assignment] # checked in the line above
        else:
            raise ValueError(policy)

    def announce(self, order: Order) -> str:
        return self.shop.announce(order)

    def hear(self, said: Said | Bought) -> str:
        return self.shop.hear(said).outcome

    def answer(self, order_id: str, attempt: str, reply: Reply) -> str:
        return self.shop.answer(order_id, attempt, reply)

    def wait(self, seconds: int) -> None:
        self.shop.wait(seconds)

    def retry(self) -> None:
        self.shop.retry()

    def resolve(self, order_id: str, word: str, amount: int, key: str, attempt: str) -> str:
        return self.shop.resolve(order_id, word, amount=amount, key=key, attempt=attempt)

    def adjust(self, user: str, amount: int) -> None:
        self.shop.adjust(user, amount)

    def picture(self) -> Picture:
        return self.shop.picture()


# --- reading --------------------------------------------------------------------------------------------------------


def stories_in(folder: Path) -> list[Story]:
    return [story for path in sorted(folder.glob("*.txt")) for story in read(path.read_text(), path.stem)]


def read(text: str, file: str = "") -> Iterator[Story]:
    story: Story | None = None
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare.startswith("== "):
            if story is not None:
                yield story
            story = Story(bare[3:], file)
        elif bare and not bare.startswith("#"):
            assert story is not None, f"{file}:{number}: a story begins with `== what it tells`"
            if bare.startswith("policy "):
                story.policy = bare.split()[1]
            else:
                story.steps.append(read_step(bare, f"{file}:{number}: "))
    if story is not None:
        yield story


def read_step(line: str, where: str) -> Step:
    told, _, expected = line.partition("->")
    tokens = told.split()
    options = dict(token.split("=", 1) for token in tokens[1:] if "=" in token)
    step = Step(f"{where}{line}", tokens[0], [token for token in tokens[1:] if "=" not in token], options)
    for column in re.split(r"\s{2,}", expected.split("#")[0].strip()):
        if column and not read_column(step, column.split()):
            raise ValueError(f"{step.text}: what does {column!r} mean?")
    return step


def read_column(step: Step, words: list[str]) -> bool:
    match words:
        case ["no", "alert"]:
            step.alerts = frozenset()
        case ["alert", kinds]:
            step.alerts = frozenset(kinds.split(","))
        case ["asked", "nobody"]:
            step.asked = frozenset()
        case ["asked", attempts]:
            step.asked = frozenset(attempts.split(","))
        case [order_id, status] if status in STATUSES:
            step.shown[order_id] = status
        case [user, "held", amount]:
            step.held[user] = signed_minor(amount)
        case [user, amount]:
            step.wallets[user] = signed_minor(amount)
        case [word] if not step.outcome:
            step.outcome = word
        case [status] if status in STATUSES:
            step.shown[step.words[0]] = status
        case _:
            return False
    return True


def signed_minor(text: str) -> int:
    amount = minor(text.lstrip("+-"))
    assert amount is not None, f"{text!r} is no amount"
    return -amount if text.startswith("-") else amount


# --- telling --------------------------------------------------------------------------------------------------------


@dataclass
class Teller:
    """Tells a story to a world, and checks after each line what must have come of it."""

    world: World
    story: Story
    after_each: Callable[[Step], None] = lambda _: None

    def tell(self) -> None:
        for step in self.story.steps:
            outcome = self.act(step)
            assert step.outcome in ("", outcome, same_decision(outcome)), f"{step.text}\n  came out as {outcome}"
            self.check(step, self.world.picture())
            self.after_each(step)

    def act(self, step: Step) -> str:
        verbs: dict[str, Callable[[Step], str | None]] = {
            "announce": self.announce,
            "midtrans": lambda step: self.world.hear(self.said(step)),
            "digiflazz": lambda step: self.world.hear(bought(step)),
            "api": self.api,
            "wait": lambda step: self.world.wait(int(step.words[0][:-1]) * UNITS[step.words[0][-1]]),
            "retry": lambda _: self.world.retry(),
            "resolve": self.resolve,
            "adjust": lambda step: self.world.adjust(step.words[0], signed_minor(step.words[1])),
        }
        try:
            return verbs[step.verb](step) or "done"
        except Refused as refused:
            return str(refused)

    def announce(self, step: Step) -> str:
        return self.world.announce(order_of(step))

    def api(self, step: Step) -> str:
        attempt = step.options.get("attempt", "T1")
        word = step.words[1]
        if word in ("unknown", "down", "key_refused"):
            return self.world.answer(step.words[0], attempt, word)  # type: ignore[arg-type] # checked in the line above
        return self.world.answer(step.words[0], attempt, self.said(step, code=CODES.get(word, "200")))

    def resolve(self, step: Step) -> str:
        order_id, word, *amount = step.words
        key, attempt = step.options.get("key", ""), step.options.get("attempt", "")
        return self.world.resolve(order_id, word, signed_minor(amount[0]) if amount else 0, key, attempt)

    def said(self, step: Step, code: str | None = None) -> Said:
        order_id, word, *rest = [one for one in step.words if one != "forged"]
        gross: str | None = self.amount_of(order_id)
        for one in rest:
            if re.fullmatch(r"[0-9]{3}|absent", one):
                code = None if one == "absent" else one
            else:
                gross = None if one == "-" else one
        options = {name: value for name, value in step.options.items() if value != "absent"}
        absent = set(step.options) - set(options)
        return Said(
            order=order_id,
            word=word,
            code=code,
            gross=gross,
            fraud=None if "fraud" in absent else options.get("fraud", "accept"),
            attempt=None if "attempt" in absent else options.get("attempt", "T1"),
            refunds=tuple((key, amount) for key, amount in options.items() if key not in FIELDS),
            in_all=options.get("in_all"),
            original=options.get("original"),
            fee=options.get("fee"),
            currency=None if "currency" in absent else options.get("currency", "IDR"),
            payment_type=options.get("type", "bank_transfer"),
        )

    def amount_of(self, order_id: str) -> str:
        """The announced amount, also when the story announces it later."""
        return next(
            (step.words[2] for step in self.story.steps if step.verb == "announce" and step.words[0] == order_id),
            "100000.00",
        )

    @staticmethod
    def check(step: Step, picture: Picture) -> None:
        for user, amount in step.wallets.items():
            assert picture.wallets.get(user, 0) == amount, f"{step.text}\n  {user} has {picture.wallets.get(user, 0)}"
        for user, amount in step.held.items():
            assert picture.held.get(user, 0) == amount, f"{step.text}\n  {user} holds {picture.held.get(user, 0)}"
        for order_id, status in step.shown.items():
            shown = picture.shown[order_id]
            assert status in shown, f"{step.text}\n  {order_id} shows {set(shown)}"
        if step.alerts is not None:
            kinds = {kind for kind, _ in picture.alerts}
            assert kinds == step.alerts, f"{step.text}\n  open alerts: {sorted(picture.alerts)}"
        if step.asked is not None:
            asked = {attempt for order_id, attempt in picture.asked if order_id == step.words[0]}
            assert asked == step.asked, f"{step.text}\n  asked: {sorted(asked)}"


def same_decision(outcome: str) -> str:
    """Of several callbacks that one answer confirmed, the first is applied and the others repeat it."""
    return "applied" if outcome == "applied+duplicate" else outcome


def order_of(step: Step) -> Order:
    order_id, user, amount, kind = step.words
    provider = step.options.get("provider", {"topup": "midtrans", "ppob": "digiflazz"}.get(kind, ""))
    return Order(order_id, user, signed_minor(amount), kind, provider, step.options.get("currency", "IDR"))


def bought(step: Step) -> Bought:
    ref, status, *rc = step.words
    price = step.options.get("price")
    return Bought(ref, status, rc[0] if rc else None, step.options.get("sn", ""), int(price) if price else None)
