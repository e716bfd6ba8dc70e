"""A second, simple ledger: the law's sentences written down one by one, recomputed from all that was ever told.

It shares no code with the ledger under test, may be slow, and keeps nothing but lists of what happened.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from tests.ledger.sayings import Bought, Said

#: ("paid", "T1"), ("refunded", "T1", "r1", 3000000), ("succeeded", "SN") …
Fact: TypeAlias = tuple[str | int, ...]
Level: TypeAlias = Literal[0, 1, 2]
Reply: TypeAlias = Said | Literal["unknown", "down", "key_refused"]

UNVERIFIED: Level = 0
SIGNED: Level = 1
CONFIRMED: Level = 2

UNKNOWN_AFTER = 300
LESS_FOR = 3600
DAY = 86_400

WORDS_OF_AN_ATTEMPT = {
    "deny": "denied",
    "cancel": "cancelled",
    "expire": "expired",
    "failure": "failed",
    "authorize": "authorized",
    "pending": "pending",
}
STRENGTH = ["pending", "authorized", "challenged", "failed", "expired", "cancelled", "denied"]
SHOWN_FIRST = ["authorized", "challenged", "pending", "denied", "cancelled", "failed", "expired"]
TAKES_BACK = {"refunded", "refunded_in_all", "charged_back"}


class Refused(Exception):
    """What a person or the shop asked for is not done; the message is the word of the stories (402, 409, refused)."""


@dataclass(frozen=True)
class Order:
    order_id: str
    user: str
    amount: int
    kind: str
    provider: str
    currency: str = "IDR"


@dataclass
class Heard:
    """One callback, and what has become of it so far."""

    number: int
    said: Said | Bought
    level: Level
    outcome: str = ""
    asked_at: int = 0
    since: int = 0

    @property
    def order_id(self) -> str:
        return self.said.order if isinstance(self.said, Said) else self.said.ref

    @property
    def provider(self) -> str:
        return "midtrans" if isinstance(self.said, Said) else "digiflazz"


@dataclass(frozen=True)
class Picture:
    """What people see of the shop at one moment."""

    wallets: dict[str, int]
    held: dict[str, int]
    shown: dict[str, frozenset[str]]  # the statuses that the law allows; nearly always one
    alerts: frozenset[tuple[str, str]]  # (kind, order or user)
    asked: frozenset[tuple[str, str]]  # (order, attempt)


def minor(text: str | None) -> int | None:
    """The amount in minor units, None for what is no amount."""
    if text is None or not re.fullmatch(r"(0|[1-9][0-9]*)(\.[0-9]{1,2})?", text, re.ASCII):
        return None
    return int(Fraction(text) * 100)


def midtrans_says(said: Said) -> list[Fact] | Literal["disagree", "nothing"]:
    """The table of notifications, its rows read top down."""
    word, attempt = said.word.lower(), said.attempt or ""
    fraud = "accept" if said.fraud in (None, "", "null") else str(said.fraud).lower()
    good = fraud == "accept" and said.code in ("200", None)
    if fraud == "deny":
        return [("denied", attempt)]
    if word in ("settlement", "capture"):
        if fraud == "challenge":
            return [("challenged", attempt)]
        return [("paid", attempt)] if good else "disagree"
    if word in WORDS_OF_AN_ATTEMPT:
        return [(WORDS_OF_AN_ATTEMPT[word], attempt)]
    listed = [(key, minor(amount)) for key, amount in said.refunds]
    if any(amount is None for _, amount in listed):
        return "disagree"
    if word in ("refund", "partial_refund"):
        facts: list[Fact] = [("refunded", attempt, key, amount or 0) for key, amount in listed]
        if (in_all := minor(said.in_all)) is not None:
            facts.append(("refunded_in_all", attempt, in_all))
        return [("paid", attempt), *facts] if good and facts else "disagree"
    if word == "chargeback":
        return [("paid", attempt), ("charged_back", attempt)] if good else "disagree"
    if word == "partial_chargeback":
        if not listed and (in_all := minor(said.in_all)) is not None:
            listed = [("", in_all)]
        facts = [("charged_back", attempt, key, amount or 0) for key, amount in listed]
        return [("paid", attempt), *facts] if good and facts else "disagree"
    return "nothing"


def digiflazz_says(bought: Bought, codes: Iterable[str]) -> list[Fact] | Literal["disagree"]:
    """The table of purchases; `codes` are those of the provider's own list."""
    status = {"success": "sukses", "processing": "pending", "failed": "gagal"}.get(
        bought.status.lower(), bought.status.lower()
    )
    rc = bought.rc or ""
    failures = set(codes) - {"00", "03", "99"}
    if status == "sukses" and rc in ("00", ""):
        return [("succeeded", bought.sn)]
    if status == "pending" and rc not in failures and rc != "00":
        return [("pending", "")]
    if status == "gagal" and rc == "74":
        return [("returned",)]
    if status == "gagal" and rc not in ("00", "03", "99"):
        return [("failed", rc)]
    return "disagree"


@dataclass
class Shop:
    """One shop: what it announced, what it was told, what became of it."""

    codes: frozenset[str] = frozenset()
    policy: Literal["doubt", "always", "never"] = "doubt"
    level: Level = SIGNED
    now: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    believed: list[tuple[str, Fact, Level]] = field(default_factory=list)
    adjusted: list[tuple[str, int]] = field(default_factory=list)
    #: a credit that nobody confirmed is asked for since …
    credits_asked: dict[tuple[str, str], int] = field(default_factory=dict)
    alerts_by_hand: set[tuple[str, str]] = field(default_factory=set)
    persons_words: int = 0

    # --- what is known ------------------------------------------------------------------------------------------

    def facts(self, order_id: str) -> dict[Fact, Level]:
        """Equal facts are one, at their best level, in the order in which they were first told."""
        known: dict[Fact, Level] = {}
        for told_of, fact, level in self.believed:
            if told_of == order_id:
                known[fact] = max(level, known.get(fact, level))
        return known

    def waiting(self, order_id: str, attempt: str) -> list[Heard]:
        return [
            one
            for one in self.heard
            if one.outcome == "in_doubt"
            and isinstance(one.said, Said)
            and (one.order_id, one.said.attempt or "") == (order_id, attempt)
        ]

    def questions(self) -> set[tuple[str, str]]:
        """What the sender's API is being asked: one open question an order and attempt."""
        open_ones = set(self.credits_asked)
        for one in self.heard:
            if one.outcome == "in_doubt" and isinstance(one.said, Said):
                open_ones.add((one.order_id, one.said.attempt or ""))
        return open_ones

    # --- what it means ------------------------------------------------------------------------------------------

    def moved(self, order: Order, facts: dict[Fact, Level]) -> tuple[int, int]:
        """(wallet, held): what the order has moved."""
        if order.kind == "topup":
            return max((worth(order.amount, facts, one) for one in attempts(facts)), default=0), 0
        return {"returned": (0, 0), "failed": (0, 0), "succeeded": (-order.amount, 0)}.get(
            verdict(facts), (-order.amount, order.amount)
        )

    def balance(self, user: str) -> int:
        total = sum(amount for whose, amount in self.adjusted if whose == user)
        return total + sum(
            self.moved(order, self.facts(order.order_id))[0] for order in self.orders.values() if order.user == user
        )

    def held(self, user: str) -> int:
        return sum(
            self.moved(order, self.facts(order.order_id))[1] for order in self.orders.values() if order.user == user
        )

    def shown(self, order_id: str) -> frozenset[str]:
        order, facts = self.orders[order_id], self.facts(order_id)
        if order.kind == "topup":
            return shown_of_a_top_up(order.amount, facts)
        word = verdict(facts)
        if word == "none":
            word = "pending" if ("pending", "") in facts else "waiting"
        return frozenset({word})

    def alerts(self) -> frozenset[tuple[str, str]]:
        deserved = set(self.alerts_by_hand)
        for order in self.orders.values():
            if order.kind == "topup":
                facts = self.facts(order.order_id)
                deserved |= {(kind, order.order_id) for kind in alerts_of_a_top_up(order.amount, facts)}
        for user in {order.user for order in self.orders.values()} | {user for user, _ in self.adjusted}:
            if self.balance(user) < 0:
                deserved.add(("wallet_below_zero", user))
        return frozenset(deserved)

    def picture(self) -> Picture:
        users = {order.user for order in self.orders.values()} | {user for user, _ in self.adjusted}
        return Picture(
            wallets={user: self.balance(user) for user in sorted(users)},
            held={user: self.held(user) for user in sorted(users)},
            shown={order_id: self.shown(order_id) for order_id in sorted(self.orders)},
            alerts=self.alerts(),
            asked=frozenset(self.questions()),
        )

    # --- the shop -----------------------------------------------------------------------------------------------

    def announce(self, order: Order) -> str:
        if order.order_id in self.orders:
            if self.orders[order.order_id] == order:
                return "again"
            raise Refused("409")
        if order.kind == "ppob" and self.balance(order.user) < order.amount:
            raise Refused("402")
        self.orders[order.order_id] = order
        for one in self.heard:
            if one.order_id == order.order_id and one.outcome in ("parked", "lapsed"):
                self.decide(one)
        return "announced"

    def hear(self, said: Said | Bought) -> Heard:
        one = Heard(len(self.heard) + 1, said, self.level, since=self.now)
        self.heard.append(one)
        self.decide(one)
        return one

    def wait(self, seconds: int) -> None:
        self.now += seconds
        for one in self.heard:
            if one.outcome == "parked" and self.now - one.since >= DAY:
                one.outcome = "lapsed"

    def retry(self) -> None:
        """Every dead letter is decided anew with today's facts."""
        for one in self.heard:
            if one.outcome == "rejected":
                self.decide(one)

    # --- one callback -------------------------------------------------------------------------------------------

    def decide(self, one: Heard) -> None:
        order = self.orders.get(one.order_id)
        if isinstance(one.said, Said) and midtrans_says(one.said) == "nothing":
            one.outcome = "ignored"
        elif (midtrans_says(one.said) if isinstance(one.said, Said) else self.bought(one.said)) == "disagree":
            one.outcome = "rejected"
            if order is not None and order.provider == one.provider:
                self.look_at_credits(order, one)
        elif order is None:
            is_test = one.provider == "midtrans" and one.order_id.startswith("payment_notif_test_")
            one.outcome = "ignored" if is_test else "parked"
        elif order.provider != one.provider:
            one.outcome = "rejected"
        elif isinstance(one.said, Said):
            self.decide_a_payment(order, one, one.said)
        else:
            self.decide_a_purchase(order, one, one.said)

    def bought(self, bought: Bought) -> list[Fact] | Literal["disagree"]:
        return digiflazz_says(bought, self.codes)

    def decide_a_purchase(self, order: Order, one: Heard, bought: Bought) -> None:
        told = self.bought(bought)
        assert told != "disagree"
        known = self.facts(order.order_id)
        if any(contradicts(known, fact) for fact in told):
            one.outcome = "rejected"
            self.alerts_by_hand.add(("contradiction", order.order_id))
            return
        if told[0][0] == "failed" and bought.rc and bought.rc not in self.codes:
            self.alerts_by_hand.add(("unknown_code", order.order_id))
        self.believe(order, one, told)

    def decide_a_payment(self, order: Order, one: Heard, said: Said) -> None:
        told = midtrans_says(said)
        assert not isinstance(told, str)
        if ("paid", said.attempt or "") in told and not fits(order, said):
            one.outcome = "rejected"
            self.alerts_by_hand.add(("mispaid", order.order_id))
        elif not self.in_doubt(order, one, told):
            self.believe(order, one, told)
        elif self.policy != "never":
            one.outcome, one.asked_at = "in_doubt", self.now
        elif self.takes_back(order, said, told):
            self.believe(order, one, told)
        else:
            one.outcome = "rejected"
        self.look_at_credits(order, one)

    def believe(self, order: Order, one: Heard, told: list[Fact]) -> None:
        known = self.facts(order.order_id)
        one.outcome = "applied" if any(fact not in known for fact in told) else "duplicate"
        self.believed += [(order.order_id, fact, one.level) for fact in told]

    def confirming_changes(self, order: Order, told: list[Fact]) -> bool:
        known = self.facts(order.order_id)
        sure = {**known, **dict.fromkeys(told, CONFIRMED)}
        return (
            any(fact not in known for fact in told)
            or self.moved(order, known) != self.moved(order, sure)
            or shown_of_a_top_up(order.amount, known) != shown_of_a_top_up(order.amount, sure)
            or alerts_of_a_top_up(order.amount, known) != alerts_of_a_top_up(order.amount, sure)
        )

    def in_doubt(self, order: Order, one: Heard, told: list[Fact]) -> bool:
        """Whether whoever writes the unsigned fields could gain from it."""
        if one.level == UNVERIFIED or not self.confirming_changes(order, told):
            return False
        assert isinstance(one.said, Said)
        attempt = one.said.attempt or ""
        known = self.facts(order.order_id)
        kinds = {fact[0] for fact in told}
        before = self.moved(order, known)[0]
        if_confirmed = self.moved(order, {**known, **dict.fromkeys(told, CONFIRMED)})[0]
        if kinds & TAKES_BACK:
            return True
        if kinds & {"denied", "cancelled"} and if_confirmed < before:
            return True
        if "paid" in kinds:
            if any(
                self.is_of_another_payment(other, attempt) for other in self.met(order.order_id) if other is not one
            ):
                return True
            if any((kind, attempt) in known for kind in ("denied", "cancelled", "failed", "disproved")):
                return True
            if list(self.twins(one.said)):
                return True
        return self.policy == "always" and if_confirmed != before

    def met(self, order_id: str) -> Iterator[Heard]:
        """Notices that the order has met: those that were decided (believed, in doubt, rejected)."""
        for one in self.heard:
            if one.order_id == order_id and one.provider == "midtrans":
                if one.outcome in ("applied", "duplicate", "in_doubt", "rejected"):
                    yield one

    @staticmethod
    def is_of_another_payment(other: Heard, attempt: str) -> bool:
        """Code 200, and does not tell `paid` of this same attempt: its signature would fit this payment."""
        assert isinstance(other.said, Said)
        says = midtrans_says(other.said)
        return other.said.code == "200" and (isinstance(says, str) or ("paid", attempt) not in says)

    def twins(self, said: Said) -> Iterator[str]:
        """Other orders that we know and as which the signed text can be read."""
        text = f"{said.order}{said.code}{said.gross}"
        known = {name for name, order in self.orders.items() if order.provider == "midtrans"}
        known |= {one.order_id for one in self.heard if one.outcome == "parked" and one.provider == "midtrans"}
        for name in known - {said.order}:
            if text.startswith(name) and re.fullmatch(r"[0-9]{3}(0|[1-9][0-9]*)(\.[0-9]{1,2})?", text[len(name) :]):
                yield name

    def takes_back(self, order: Order, said: Said, told: list[Fact]) -> bool:
        """MIDTRANS_CONFIRM=never: it takes money back and all fields agree."""
        known = self.facts(order.order_id)
        if self.moved(order, {**known, **dict.fromkeys(told, SIGNED)})[0] > self.moved(order, known)[0]:
            return False
        kind = told[-1][0]
        return kind in TAKES_BACK or (kind, said.code) in {
            ("denied", "202"),
            ("cancelled", "200"),
            ("cancelled", "202"),
        }

    def look_at_credits(self, order: Order, one: Heard) -> None:
        """A code-200 notice after a credit that nobody confirmed: the credited attempt is asked for."""
        if one.level == UNVERIFIED or self.policy == "never" or not isinstance(one.said, Said) or one.outcome == "":
            return
        known = self.facts(order.order_id)
        for attempt in attempts(known):
            unsure = counts(known, attempt) and known[("paid", attempt)] < CONFIRMED
            if unsure and self.is_of_another_payment(one, attempt):
                self.credits_asked.setdefault((order.order_id, attempt), self.now)

    # --- answers ------------------------------------------------------------------------------------------------

    def answer(self, order_id: str, attempt: str, reply: Reply) -> str:
        """→ what became of the callbacks that waited for it: one word, or `answered` when only a credit did."""
        if (order_id, attempt) not in self.questions():
            return "not_asked"
        order, waiting = self.orders[order_id], self.waiting(order_id, attempt)
        if reply == "key_refused":
            self.alerts_by_hand.add(("key_refused", "midtrans"))
        elif reply == "unknown":
            self.nobody_knows(order, attempt, waiting)
        elif isinstance(reply, Said) and self.is_about(reply, order_id, attempt, waiting):
            self.learn_from(order, attempt, reply, waiting)
        words = {one.outcome for one in waiting}
        return words.pop() if len(words) == 1 else "+".join(sorted(words)) or "answered"

    @staticmethod
    def is_about(reply: Said, order_id: str, attempt: str, waiting: list[Heard]) -> bool:
        grosses = {minor(one.said.gross) for one in waiting if isinstance(one.said, Said)}
        same = (reply.order, reply.attempt or "") == (order_id, attempt)
        return same and (not grosses or minor(reply.gross) in grosses)

    def nobody_knows(self, order: Order, attempt: str, waiting: list[Heard]) -> None:
        for one in waiting:
            if self.now - one.asked_at >= UNKNOWN_AFTER:
                one.outcome = "rejected"
                self.alerts_by_hand.add(("unknown_payment", order.order_id))
        self.nobody_confirms(order, attempt, UNKNOWN_AFTER)

    def nobody_confirms(self, order: Order, attempt: str, after: int) -> None:
        since = self.credits_asked.get((order.order_id, attempt))
        if since is not None and self.now - since >= after:
            del self.credits_asked[(order.order_id, attempt)]
            self.believed.append((order.order_id, ("disproved", attempt), CONFIRMED))

    def learn_from(self, order: Order, attempt: str, reply: Said, waiting: list[Heard]) -> None:
        says = midtrans_says(reply)
        if isinstance(says, str):
            return
        if ("paid", attempt) in says and not fits(order, reply):
            return
        self.believed += [(order.order_id, fact, CONFIRMED) for fact in says]
        ended = bool({fact[0] for fact in says} & {"denied", "cancelled", "expired", "failed"})
        if ("paid", attempt) in says:
            self.credits_asked.pop((order.order_id, attempt), None)
        else:
            self.nobody_confirms(order, attempt, 0 if ended else UNKNOWN_AFTER)
        for one in waiting:
            assert isinstance(one.said, Said)
            told = midtrans_says(one.said)
            assert not isinstance(told, str)
            known = self.facts(order.order_id)
            if all(known.get(fact) == CONFIRMED for fact in told):
                one.outcome = "applied"
            elif ("paid", attempt) in told and ended:
                one.outcome = "rejected"
            elif not self.in_doubt(order, one, told):
                self.believe(order, one, told)
            elif self.now - one.asked_at >= LESS_FOR:
                one.outcome = "rejected"

    # --- persons ------------------------------------------------------------------------------------------------

    def adjust(self, user: str, amount: int) -> None:
        self.adjusted.append((user, amount))

    def resolve(self, order_id: str, word: str, *, amount: int = 0, key: str = "", attempt: str = "") -> str:
        order, known = self.orders[order_id], self.facts(order_id)
        counting = [one for one in attempts(known) if counts(known, one)]
        self.persons_words += 1
        if order.kind == "topup" and word == "paid" and not counting:
            facts: list[Fact] = [("paid", f"person {self.persons_words}")]
        elif order.kind == "topup" and word == "failed" and counting:
            facts = [("cancelled", one) for one in counting]
        elif order.kind == "topup" and word == "refund" and (attempt or counting):
            best = max(counting, key=lambda one: worth(order.amount, known, one)) if counting else ""
            facts = [("refunded", attempt or best, key or f"person {self.persons_words}", amount)]
        elif order.kind == "ppob" and word in ("succeeded", "failed", "returned"):
            facts = [("returned",)] if word == "returned" else [("decided", word, self.persons_words)]
        else:
            raise Refused("refused")
        after = self.moved(order, {**known, **dict.fromkeys(facts, CONFIRMED)})[0]
        takes = self.moved(order, known)[0] - after
        if order.kind == "ppob" and takes > 0 and self.balance(order.user) < takes:
            raise Refused("402")
        self.believed += [(order_id, fact, CONFIRMED) for fact in facts]
        return "applied"


# --- the law's formulas, over a plain dict of facts -----------------------------------------------------------------


def attempts(facts: Iterable[Fact]) -> list[str]:
    return sorted({str(fact[1]) for fact in facts if len(fact) > 1 and fact[0] != "decided"})


def counts(facts: dict[Fact, Level], attempt: str) -> bool:
    told = {kind for kind in ("paid", "denied", "cancelled", "disproved") if (kind, attempt) in facts}
    sure = {kind for kind in told if facts[(kind, attempt)] == CONFIRMED}
    if "paid" in sure and not sure & {"denied", "cancelled"}:
        return True
    return "paid" in told and not told & {"denied", "cancelled", "disproved"}


def taken(facts: Iterable[Fact], attempt: str) -> int | None:
    """None: charged back in full."""
    by_key: dict[str, int] = {}
    in_all = 0
    for fact in facts:
        if fact == ("charged_back", attempt):
            return None
        if fact[0] in ("refunded", "charged_back") and fact[1] == attempt:
            by_key[str(fact[2])] = max(int(fact[3]), by_key.get(str(fact[2]), 0))
        if fact[0] == "refunded_in_all" and fact[1] == attempt:
            in_all = max(in_all, int(fact[2]))
    return max(sum(by_key.values()), in_all)


def worth(amount: int, facts: dict[Fact, Level], attempt: str) -> int:
    if not counts(facts, attempt):
        return 0
    back = taken(facts, attempt)
    return 0 if back is None else amount - min(back, amount)


def shown_of_a_top_up(amount: int, facts: dict[Fact, Level]) -> frozenset[str]:
    counting = [attempt for attempt in attempts(facts) if counts(facts, attempt)]
    if counting:
        most = max(worth(amount, facts, attempt) for attempt in counting)
        allowed: set[str] = set()
        for attempt in counting:
            if worth(amount, facts, attempt) == most:
                allowed |= shown_of_a_payment(amount, facts, attempt)
        return frozenset(allowed)
    strongest = set()
    for attempt in attempts(facts):
        says = [word for word in STRENGTH if (word, attempt) in facts]
        strongest.update(says[-1:])
    return frozenset({next((word for word in SHOWN_FIRST if word in strongest), "waiting")})


def shown_of_a_payment(amount: int, facts: dict[Fact, Level], attempt: str) -> set[str]:
    back = taken(facts, attempt)
    if back is None:
        return {"charged_back"}
    if back == 0:
        return {"paid"}
    charged = any(fact[0] == "charged_back" and fact[1] == attempt for fact in facts)
    return {"refunded" if back >= amount else "partially_refunded"} | ({"charged_back"} if charged else set())


def alerts_of_a_top_up(amount: int, facts: dict[Fact, Level]) -> set[str]:
    counting = [attempt for attempt in attempts(facts) if counts(facts, attempt)]
    deserved = set()
    if len(counting) > 1:
        deserved.add("paid_twice")
    for attempt in counting:
        if ("expired", attempt) in facts:
            deserved.add("paid_after_expiry")
        keys = {
            (fact[2], fact[3])
            for fact in facts
            if fact[0] in ("refunded", "charged_back") and fact[1:2] == (attempt,) and len(fact) == 4
        }
        if len({key for key, _ in keys}) < len(keys) or (taken(facts, attempt) or 0) > amount:
            deserved.add("refund_surprise")
    return deserved


def verdict(facts: dict[Fact, Level]) -> str:
    """`returned`, else a person's last word, else the first that was told."""
    if ("returned",) in facts:
        return "returned"
    decided = [str(fact[1]) for fact in facts if fact[0] == "decided"]
    told = [str(fact[0]) for fact in facts if fact[0] in ("succeeded", "failed")]
    return (decided[-1:] or told[:1] or ["none"])[0]


def contradicts(known: dict[Fact, Level], fact: Fact) -> bool:
    """The one named exception: the first of succeeded and failed is believed, the later one is not."""
    first = next((one[0] for one in known if one[0] in ("succeeded", "failed")), fact[0])
    return fact[0] in ("succeeded", "failed") and fact[0] != first and ("returned",) not in known


def fits(order: Order, said: Said) -> bool:
    if (said.currency or "IDR") != order.currency:
        return False
    gross = order.amount if said.gross is None else minor(said.gross)
    original, fee = minor(said.original), minor(said.fee)
    if gross == order.amount:
        return True
    return original == order.amount and fee is not None and gross == original + fee
