"""What a callback says about an order: facts, kept for ever, counted once. Pure."""

from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum
from typing import TypeAlias

import msgspec

from app.core.money import Minor


class Level(IntEnum):
    """How well a fact is proved; raised in place when it is told with a better one."""

    UNVERIFIED = 0  # no secret is configured (development)
    SIGNED = 1  # signature, token, or `caller`
    CONFIRMED = 2  # the sender's status API, or a person


class FactKind(StrEnum):
    """Every kind of fact; no formula of money reads the last two."""

    # payments: about one attempt
    PAID = "paid"
    REFUNDED = "refunded"  # key, amount
    REFUNDED_IN_ALL = "refunded_in_all"  # amount: the sum so far
    CHARGED_BACK = "charged_back"  # key, amount; without amount: in full
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"  # payments; purchases: key is the response code
    PENDING = "pending"  # payments and purchases
    AUTHORIZED = "authorized"
    CHALLENGED = "challenged"
    DISPROVED = "disproved"  # the sender's API does not confirm a payment that was credited
    # purchases
    SUCCEEDED = "succeeded"  # key: serial number
    RETURNED = "returned"
    DECIDED_SUCCEEDED = "decided_succeeded"  # a person's word; amount: its number, the last one counts
    DECIDED_FAILED = "decided_failed"
    # read by no formula of money
    MISPAID = "mispaid"  # attempt, amount: paid with an amount that is not the order's
    MET = "met"  # a success-coded notice that does not tell `paid` of a believed attempt was met; `doubt` reads it


class Fact(msgspec.Struct, frozen=True, gc=False):
    """One fact. Equal facts are one, whatever their level: the level is kept beside it, in `Known`."""

    kind: FactKind
    attempt: str = ""
    key: str = ""
    amount: Minor | None = None


#: The set of an order's facts, each with the best level it was told with.
Known: TypeAlias = Mapping[Fact, Level]


class Notice(msgspec.Struct, frozen=True, gc=False):
    """What `doubt` must know of the callback around its facts; only senders whose proof leaves something open give it.

    Source: Midtrans, HTTP notification: the signature covers order_id + status_code + gross_amount and nothing else.
    """

    attempt: str
    #: its signature would fit a payment of the same order too (Midtrans: status_code 200)
    success_coded: bool
    #: its fields agree so well that it may take money back unasked (MIDTRANS_CONFIRM=never)
    agrees: bool = True
    #: ids of other orders for which the signed text can be read as well
    twins: tuple[str, ...] = ()
    #: the amount as it was signed, for comparing with the API's answer
    gross_text: str = ""
    #: nothing of what it tells is proved: its sender's API is asked before money moves, whatever the policy
    always_asked: bool = False


class Told(msgspec.Struct, frozen=True, gc=False):
    """What one callback tells: facts about one order, or why there are none.

    Exactly one of three: facts (believed unless doubted), `refused` (a reason: the fields disagree, unreadable),
    `ignored` (a reason: it is understood and says nothing about an order).
    """

    order_id: str = ""
    facts: tuple[Fact, ...] = ()
    refused: str = ""
    ignored: str = ""
    #: for `paid`: the amount that the payer paid (minor units), None: as announced
    gross: Minor | None = None
    #: what the shop asked for and the fee that the payer bore, where the sender says so
    original: Minor | None = None
    fee: Minor | None = None
    currency: str = "IDR"
    #: what the shop itself pays the sender (Digiflazz `price`), kept as cost
    cost: Minor | None = None
    notice: Notice | None = None
    #: its order is a sender's own trial, unless somebody announced it
    test: bool = False
    #: a stable word for an alert that the callback deserves by itself (`unknown_code`), with `detail`
    alert: str = ""
    #: values for people beside `refused`, `ignored`, `alert`
    detail: Mapping[str, str] = {}


def learn(known: Known, facts: Iterable[Fact], level: Level) -> dict[Fact, Level]:
    """`known ∪ facts`: new ones are added with `level`, others raised to it if it is better."""
    grown = dict(known)
    for fact in facts:
        if grown.get(fact, -1) < level:
            grown[fact] = level
    return grown
