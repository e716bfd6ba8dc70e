"""A second, simple ledger: the law's sentences written down one by one, recomputed from all that was ever told.

It shares no code with the ledger under test, may be slow, and keeps nothing but lists of what happened.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from tests.ledger.law import (
    CONFIRMED,
    SIGNED,
    TAKES_BACK,
    UNVERIFIED,
    Fact,
    Level,
    Order,
    alerts_of_a_top_up,
    attempts,
    contradicts,
    counts,
    digiflazz_says,
    fits,
    is_confirmed,
    midtrans_says,
    minor,
    shown_of_a_top_up,
    verdict,
    worth,
)
from tests.ledger.sayings import Bought, Said

Reply: TypeAlias = Said | Literal["unknown", "down", "key_refused"]

UNKNOWN_AFTER = 300
LESS_FOR = 3600
DAY = 86_400


class Refused(Exception):
    """What a person or the shop asked for is not done; the message is the word of the stories (402, 409, refused)."""


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
            or any(worth(order.amount, known, each) != worth(order.amount, sure, each) for each in attempts(sure))
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
        sure = {**known, **dict.fromkeys(told, CONFIRMED)}
        before, if_confirmed = self.moved(order, known)[0], self.moved(order, sure)[0]
        if kinds & TAKES_BACK:
            return True
        # its own worth, not the balance alone: of two payments one is undone, the other one may be refunded later
        if kinds & {"denied", "cancelled"} and worth(order.amount, sure, attempt) < worth(order.amount, known, attempt):
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
            decided = one.outcome in ("applied", "duplicate", "in_doubt", "rejected")
            if decided and (one.order_id, one.provider) == (order_id, "midtrans"):
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
        kind, word = told[-1][0], said.word.lower()
        agreeing = {("denied", "deny", "202"), ("cancelled", "cancel", "200"), ("cancelled", "cancel", "202")}
        return kind in TAKES_BACK or (kind, word, said.code) in agreeing

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
        if reply != "down":
            self.alerts_by_hand.discard(("key_refused", "midtrans"))
        if reply == "key_refused":
            self.alerts_by_hand.add(("key_refused", "midtrans"))
        elif reply == "unknown":
            self.nobody_knows(order, attempt, waiting)
        elif isinstance(reply, Said) and self.is_about(reply, order_id, attempt, waiting):
            self.learn_from(order, attempt, reply, waiting)
        words = {"applied" if one.outcome == "duplicate" else one.outcome for one in waiting}
        return "+".join(sorted(words)) or "answered"

    @staticmethod
    def is_about(reply: Said, order_id: str, attempt: str, waiting: list[Heard]) -> bool:
        grosses = {minor(one.said.gross) for one in waiting if isinstance(one.said, Said)}
        same = (reply.order, reply.attempt or "") == (order_id, attempt)
        return same and (not grosses or minor(reply.gross) in grosses)

    def nobody_knows(self, order: Order, attempt: str, waiting: list[Heard]) -> None:
        self.nobody_confirms(order, attempt, UNKNOWN_AFTER)
        for one in waiting:
            if not self.decide_if_harmless(order, one) and self.now - one.asked_at >= UNKNOWN_AFTER:
                self.disbelieve(order, one)

    def decide_if_harmless(self, order: Order, one: Heard) -> bool:
        """What would not be doubted if it came now is decided; a payment only by an answer that tells of it."""
        assert isinstance(one.said, Said)
        told = midtrans_says(one.said)
        assert not isinstance(told, str)
        if ("paid", one.said.attempt or "") in told or self.in_doubt(order, one, told):
            return False
        self.believe(order, one, told)
        return True

    def disbelieve(self, order: Order, one: Heard) -> None:
        """The API does not confirm it. A payment is then disproved, as if it had been credited in the meantime."""
        one.outcome = "rejected"
        assert isinstance(one.said, Said)
        attempt = one.said.attempt or ""
        if ("paid", attempt) in midtrans_says(one.said) and self.facts(order.order_id).get(
            ("paid", attempt)
        ) != CONFIRMED:
            self.believed.append((order.order_id, ("disproved", attempt), CONFIRMED))

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
            if all(is_confirmed(known, fact) for fact in told):
                self.believe(order, one, told)
            elif (("paid", attempt) in told and ended) or (
                not self.decide_if_harmless(order, one) and self.now - one.asked_at >= LESS_FOR
            ):
                self.disbelieve(order, one)

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
        if all(known.get(fact) == CONFIRMED for fact in facts):
            raise Refused("refused")
        self.believed += [(order_id, fact, CONFIRMED) for fact in facts]
        return "applied"
