"""What Midtrans tells in each scenario: ordinary days, its documented oddities, and what forgers try."""

import random
from collections.abc import Iterable, Sequence
from typing import Any

from app.simulation import bodies, model
from app.simulation.model import Notice, Refund
from app.simulation.plan import Call, Order, Story, Subject, Tell, Truth

PROVIDER = "midtrans"
_PAID = ("settlement", "200")
_FEE = 400_000


class _Teller:
    """Writes one order's story: what truly happens, in the order in which it happens at Midtrans."""

    def __init__(self, subject: Subject) -> None:
        self.order, self.secrets, self.dice = subject
        self.truly: list[Notice] = []

    def attempt(self) -> str:
        """A new transaction_id."""
        return f"{self.dice.getrandbits(64):016x}"

    def say(self, attempt: str, word: str, code: str, *, confirmed: bool = False, **fields: Any) -> Call:
        """Something happens, and this is its notification."""
        notice = Notice(self.order.order_id, attempt, word, code, fields.pop("gross", self.order.amount), **fields)
        self.truly.append(notice)
        told = bodies.midtrans(notice, confirmed=confirmed)
        return self._call(told, self._truth(notice, told))

    def happens(self, attempt: str, word: str, code: str) -> Truth:
        """Something happens that nobody is told of, but who asks."""
        notice = Notice(self.order.order_id, attempt, word, code, self.order.amount)
        self.truly.append(notice)
        return self._truth(notice, bodies.midtrans(notice))

    def forge(self, attempt: str, word: str, code: str, *, truths: Iterable[Truth] = ()) -> Call:
        """Nothing happens; somebody writes this with the signature of a genuine notice of the same code."""
        notice = Notice(self.order.order_id, attempt, word, code, self.order.amount)
        return self._call(bodies.midtrans(notice), *truths)

    def forge_unsigned(self, attempt: str) -> Call:
        """Nothing happens; somebody without any genuine signature writes that it was paid."""
        told = bodies.midtrans(Notice(self.order.order_id, attempt, *_PAID, self.order.amount))
        wrong = self.dice.choice(("", "0" * 128, "short", f"{self.dice.getrandbits(512):0128x}", None))
        body = bodies.encoded(told if wrong is None else {**told, "signature_key": wrong})
        return Call(PROVIDER, self.order.order_id, body, bodies.midtrans_headers(), status=401)

    def story(self, *rounds: Sequence[Call], asks: bool = False) -> Story:
        """All of it, with what must come of it."""
        expected = model.topup(self.order, self.truly)
        return Story((self.order,), tuple(tuple(each) for each in rounds), (expected,), asks)

    def in_turn(self, calls: Iterable[Call], *, asks: bool = False) -> Story:
        """One after the other."""
        return self.story(*([call] for call in calls), asks=asks)

    def _truth(self, notice: Notice, told: dict[str, Any]) -> Truth:
        # Source: Midtrans, Get status: an expired payment has 407 there, and 202 in its notification.
        answer = {**told, "status_code": "407"} if notice.word == "expire" else told
        body = bodies.signed_midtrans(answer, self.secrets.midtrans)
        return Truth(notice.order_id, notice.attempt, len(self.truly), body)

    def _call(self, told: dict[str, Any], *truths: Truth) -> Call:
        body = bodies.signed_midtrans(told, self.secrets.midtrans)
        return Call(PROVIDER, self.order.order_id, body, bodies.midtrans_headers(), truths=truths)


def happy(subject: Subject) -> Story:
    """A customer pays, by transfer or by card."""
    it = _Teller(subject)
    attempt = it.attempt()
    ways = (
        (("pending", "201", ""), ("settlement", "200", "accept")),
        (("settlement", "200", ""),),
        (("capture", "200", "accept"), ("settlement", "200", "accept")),
        (("capture", "201", "challenge"), ("capture", "200", "accept")),
    )
    return it.in_turn(it.say(attempt, word, code, fraud=fraud) for word, code, fraud in it.dice.choice(ways))


def paid_in(subject: Subject) -> Story:
    """One payment, and nothing else."""
    it = _Teller(subject)
    return it.in_turn([it.say(it.attempt(), *_PAID)])


def duplicates(subject: Subject) -> Story:
    """Everything is told up to five times, also at the same moment."""
    it = _Teller(subject)
    attempt = it.attempt()
    pending, paid = it.say(attempt, "pending", "201"), it.say(attempt, *_PAID)
    return it.story(*([call] * it.dice.randint(1, 5) for call in (pending, paid, paid, pending)))


def out_of_order(subject: Subject) -> Story:
    """An attempt fails and another one is paid; the notifications arrive in any order."""
    it = _Teller(subject)
    first, second = it.attempt(), it.attempt()
    calls = [
        it.say(first, "pending", "201"),
        it.say(first, *it.dice.choice((("deny", "202"), ("expire", "202"), ("failure", "202")))),
        it.say(second, "pending", "201"),
        it.say(second, *_PAID),
    ]
    it.dice.shuffle(calls)
    return it.in_turn(calls)


def late(subject: Subject) -> Story:
    """A payment after its expiry, and now and then none at all."""
    it = _Teller(subject)
    attempt = it.attempt()
    calls = [it.say(attempt, "pending", "201"), it.say(attempt, "expire", "202")]
    return it.in_turn([*calls, it.say(attempt, *_PAID)] if it.dice.random() < 0.8 else calls)  # noqa: PLR2004 - a share


def early(subject: Subject) -> Story:
    """The callbacks come before the shop announces the order: they are parked, and decided with it."""
    ways = (happy, duplicates, late, several_attempts, reversal)
    return subject.dice.choice(ways)(subject)._replace(early=True)


def forged(subject: Subject) -> Story:
    """Payments that nobody made: without a signature, or with one that was taken from a genuine notification."""
    it = _Teller(subject)
    return it.dice.choice((_forged_after, _forged_before, _forged_signature, _forged_twin))(it)


def _forged_signature(it: _Teller) -> Story:
    attempt = it.attempt()
    calls = [it.forge_unsigned(attempt), it.say(attempt, "pending", "201"), it.forge_unsigned(attempt)]
    return it.in_turn([*calls, it.say(attempt, *_PAID)] if it.dice.random() < 0.5 else calls)  # noqa: PLR2004 - a share


def _forged_after(it: _Teller) -> Story:
    """Who holds a genuine notification can write any other one with the same code: here another payment."""
    denied, paid = it.attempt(), it.attempt()
    calls = [it.say(denied, "deny", "202"), it.say(paid, *_PAID), it.forge(denied, *_PAID)]
    return it.in_turn(calls, asks=True)


def _forged_before(it: _Teller) -> Story:
    """The genuine one comes later: what was forged is believed for a moment, and taken back."""
    denied, paid = it.attempt(), it.attempt()
    known = it.happens(denied, "deny", "202")
    genuine = it.say(paid, *_PAID)
    forgery = it.forge(denied, *_PAID, truths=(known, *genuine.truths))
    return it.in_turn([forgery, genuine], asks=True)


def _forged_twin(it: _Teller) -> Story:
    """`TU-1` `200` `20175000.00` reads like `TU-1200` `201` `75000.00`: one's pending signs the other's payment."""
    # The rich order's id ends in a digit, and the poor one's is the same with the code behind it.
    base = it.order.order_id.removesuffix("x")
    poor_amount = it.dice.randrange(10_000, 90_001, 500)
    rich = Order(f"{base}-1", it.order.user_id, "topup", int(f"201{poor_amount}") * 100)
    poor = Order(f"{base}-1200", it.order.user_id, "topup", poor_amount * 100)
    victim = _Teller(Subject(rich, it.secrets, it.dice))
    lender = _Teller(Subject(poor, it.secrets, it.dice))
    wanted, lent = victim.attempt(), lender.attempt()
    pending, genuine = victim.say(wanted, "pending", "201"), lender.say(lent, "pending", "201")
    denied = victim.happens(wanted, "deny", "202")
    calls = [pending, genuine, victim.forge(wanted, *_PAID, truths=(denied,)), victim.say(wanted, "deny", "202")]
    stories = victim.in_turn(calls, asks=True), lender.in_turn(())
    return Story((rich, poor), stories[0].rounds, stories[0].expected + stories[1].expected, asks=True)


def amount_mismatch(subject: Subject) -> Story:
    """Another amount than was announced; that of the order and the payer's fee; and what is paid rightly afterwards."""
    it = _Teller(subject)
    amount, attempt = it.order.amount, it.attempt()
    way = it.dice.randrange(3)
    if way == 0:
        return it.in_turn([it.say(attempt, *_PAID, gross=amount + _FEE, original=amount, fee=_FEE)])
    calls = [it.say(attempt, *_PAID, gross=amount + it.dice.choice((-100, 100, 5_000_000)))]
    if way == 1:
        return it.in_turn(calls)
    return it.in_turn([*calls, it.say(it.attempt(), *_PAID)], asks=True)


def several_attempts(subject: Subject) -> Story:
    """Cards that are refused before one is taken, and customers who pay twice."""
    it = _Teller(subject)
    calls = []
    for _ in range(it.dice.randint(1, 3)):
        attempt = it.attempt()
        calls += [it.say(attempt, "pending", "201"), it.say(attempt, it.dice.choice(("deny", "failure")), "202")]
    calls.append(it.say(it.attempt(), *_PAID))
    twice = it.dice.random() < 0.3  # noqa: PLR2004 - a share
    if twice:
        calls.append(it.say(it.attempt(), *_PAID))
    return it.in_turn(calls, asks=twice)


def reversal(subject: Subject) -> Story:
    """Paid and then denied (Permata, Mandiri Bill, Indomaret) or voided; some pay again."""
    it = _Teller(subject)
    attempt = it.attempt()
    ways = ((_PAID, ("deny", "202")), (("capture", "200"), ("cancel", "200")))
    calls = [it.say(attempt, *each) for each in it.dice.choice(ways)]
    if it.dice.random() < 0.4:  # noqa: PLR2004 - a share
        calls.append(it.say(it.attempt(), *_PAID))
    return it.in_turn(calls, asks=True)


def refund_storm(subject: Subject) -> Story:
    """Paid, then given back in many parts, each told twice: when it is asked for and when the bank has confirmed it."""
    it = _Teller(subject)
    attempt = it.attempt()
    calls = [it.say(attempt, *_PAID)]
    parts = _parts(it.order.amount, it.dice.randint(2, 6), it.dice)
    refunds = tuple(Refund(f"{it.order.order_id}-r{number}", part) for number, part in enumerate(parts))
    for count in range(1, len(refunds) + 1):
        so_far = refunds[:count]
        word = "refund" if sum(refund.amount for refund in so_far) == it.order.amount else "partial_refund"
        calls += [
            it.say(attempt, word, "200", fraud="accept", refunds=so_far, confirmed=confirmed)
            for confirmed in (False, True)
        ]
    return it.in_turn(calls, asks=True)


def _parts(amount: int, count: int, dice: random.Random) -> list[int]:
    """An amount in parts of whole rupiah; half of the time something is left."""
    cuts = sorted(dice.sample(range(100, amount, 100), count))
    parts = [after - before for before, after in zip([0, *cuts], [*cuts, amount], strict=True)]
    return parts if dice.random() < 0.5 else parts[:-1]  # noqa: PLR2004 - a share


def mixed(subject: Subject) -> Story:
    """A bit of everything; seven in ten are ordinary."""
    tell = subject.dice.choices(list(_SHARES), list(_SHARES.values()))[0]
    return tell(subject)


_SHARES: dict[Tell, int] = {
    happy: 60,
    duplicates: 10,
    out_of_order: 8,
    several_attempts: 6,
    late: 4,
    amount_mismatch: 4,
    early: 3,
    forged: 3,
    refund_storm: 3,
    reversal: 2,
}

SCENARIOS: dict[str, Tell] = {
    tell.__name__: tell
    for tell in (
        happy,
        duplicates,
        out_of_order,
        late,
        early,
        forged,
        amount_mismatch,
        several_attempts,
        reversal,
        refund_storm,
        mixed,
    )
}
