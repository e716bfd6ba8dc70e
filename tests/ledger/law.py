"""The law's tables and formulas, written down a second time over plain tuples and dicts.

They share no code with the ledger under test.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from tests.ledger.sayings import Bought, Said

#: ("paid", "T1"), ("refunded", "T1", "r1", 3000000), ("succeeded", "SN") …
Fact: TypeAlias = tuple[str | int, ...]
Level: TypeAlias = Literal[0, 1, 2]

UNVERIFIED: Level = 0
SIGNED: Level = 1
CONFIRMED: Level = 2


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
WENT_BACK = {"refund", "partial_refund", "chargeback", "partial_chargeback"}
TAKES_BACK = {"refunded", "refunded_in_all", "charged_back"}


@dataclass(frozen=True)
class Order:
    order_id: str
    user: str
    amount: int
    kind: str
    provider: str
    currency: str = "IDR"


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
    if word in WORDS_OF_AN_ATTEMPT:
        return [(WORDS_OF_AN_ATTEMPT[word], attempt)]
    if word in ("settlement", "capture") and fraud == "challenge":
        return [("challenged", attempt)]
    if word not in ("settlement", "capture", *WENT_BACK):
        return "nothing"
    facts = went_back(said, word, attempt) if word in WENT_BACK else []
    return "disagree" if facts is None or not good else [("paid", attempt), *facts]


def went_back(said: Said, word: str, attempt: str) -> list[Fact] | None:
    """What a refund or chargeback says beside `paid`; None without a usable amount."""
    if word == "chargeback":
        return [("charged_back", attempt)]
    kind = "refunded" if word in ("refund", "partial_refund") else "charged_back"
    listed = [(key, minor(amount)) for key, amount in said.refunds]
    in_all = minor(said.in_all)
    if any(amount is None for _, amount in listed):
        return None
    if kind == "charged_back" and not listed and in_all is not None:
        listed = [("", in_all)]
    facts: list[Fact] = [(kind, attempt, key, amount or 0) for key, amount in listed]
    if kind == "refunded" and in_all is not None:
        facts.append(("refunded_in_all", attempt, in_all))
    return facts or None


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
    deserved |= {"paid_after_expiry" for attempt in counting if ("expired", attempt) in facts}
    for attempt in attempts(facts):
        explained = {facts.get((word, attempt)) for word in ("paid", "denied", "cancelled")}
        if ("disproved", attempt) in facts and CONFIRMED not in explained:
            deserved.add("forgery_suspected")
        keys = {fact[2:] for fact in facts if fact[0] in ("refunded", "charged_back") and fact[1] == attempt}
        keys.discard(())
        if len({key[:1] for key in keys}) < len(keys):
            deserved.add("refund_key_with_two_amounts")
        in_full = ("charged_back", attempt)
        if (taken([fact for fact in facts if fact != in_full], attempt) or 0) > amount:
            deserved.add("refunded_more_than_paid")
    return deserved


def verdict(facts: dict[Fact, Level]) -> str:
    """`returned`, else a person's last word, else the first that was told."""
    if ("returned",) in facts:
        return "returned"
    decided = [str(fact[1]) for fact in facts if fact[0] == "decided"]
    told = [str(fact[0]) for fact in facts if fact[0] in ("succeeded", "failed")]
    return (decided[-1:] or told[:1] or ["none"])[0]


def is_confirmed(known: dict[Fact, Level], fact: Fact) -> bool:
    """The sum so far grows: one that the API tells of later has seen the smaller one."""
    if fact[0] == "refunded_in_all":
        sums = [int(one[2]) for one in known if one[:2] == fact[:2] and known[one] == CONFIRMED]
        return max(sums, default=-1) >= int(fact[2])
    return known.get(fact) == CONFIRMED


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
