"""What Midtrans tells in each scenario: ordinary days, its documented oddities, and what forgers try."""

import random

from app.simulation.model import Refund
from app.simulation.plan import Order, Story, Subject, Tell
from app.simulation.teller import PAID, Teller

_FEE = 400_000


def happy(subject: Subject) -> Story:
    """A customer pays, by transfer or by card."""
    it = Teller(subject)
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
    it = Teller(subject)
    return it.in_turn([it.say(it.attempt(), *PAID)])


def duplicates(subject: Subject) -> Story:
    """Everything is told up to five times, also at the same moment."""
    it = Teller(subject)
    attempt = it.attempt()
    pending, paid = it.say(attempt, "pending", "201"), it.say(attempt, *PAID)
    return it.story(*([call] * it.dice.randint(1, 5) for call in (pending, paid, paid, pending)))


def out_of_order(subject: Subject) -> Story:
    """An attempt fails and another one is paid; the notifications arrive in any order."""
    it = Teller(subject)
    first, second = it.attempt(), it.attempt()
    calls = [
        it.say(first, "pending", "201"),
        it.say(first, *it.dice.choice((("deny", "202"), ("expire", "202"), ("failure", "202")))),
        it.say(second, "pending", "201"),
        it.say(second, *PAID),
    ]
    it.dice.shuffle(calls)
    return it.in_turn(calls)


def late(subject: Subject) -> Story:
    """A payment after its expiry, and now and then none at all."""
    it = Teller(subject)
    attempt = it.attempt()
    calls = [it.say(attempt, "pending", "201"), it.say(attempt, "expire", "202")]
    return it.in_turn([*calls, it.say(attempt, *PAID)] if it.dice.random() < 0.8 else calls)  # noqa: PLR2004 - a share


def early(subject: Subject) -> Story:
    """The callbacks come before the shop announces the order: they are parked, and decided with it."""
    ways = (happy, duplicates, late, several_attempts, reversal)
    return subject.dice.choice(ways)(subject)._replace(early=True)


def forged(subject: Subject) -> Story:
    """Payments that nobody made: without a signature, or with one that was taken from a genuine notification."""
    it = Teller(subject)
    return it.dice.choice((_forged_after, _forged_before, _forged_signature, _forged_twin))(it)


def _forged_signature(it: Teller) -> Story:
    attempt = it.attempt()
    calls = [it.forge_unsigned(attempt), it.say(attempt, "pending", "201"), it.forge_unsigned(attempt)]
    return it.in_turn([*calls, it.say(attempt, *PAID)] if it.dice.random() < 0.5 else calls)  # noqa: PLR2004 - a share


def _forged_after(it: Teller) -> Story:
    """Who holds a genuine notification can write any other one with the same code: here another payment."""
    denied, paid = it.attempt(), it.attempt()
    calls = [it.say(denied, "deny", "202"), it.say(paid, *PAID), it.forge(denied, *PAID)]
    return it.in_turn(calls, asks=True)


def _forged_before(it: Teller) -> Story:
    """The genuine one comes later: what was forged is believed for a moment, and taken back."""
    denied, paid = it.attempt(), it.attempt()
    known = it.happens(denied, "deny", "202")
    genuine = it.say(paid, *PAID)
    forgery = it.forge(denied, *PAID, truths=(known, *genuine.truths))
    return it.in_turn([forgery, genuine], asks=True)


def _forged_twin(it: Teller) -> Story:
    """`TU-1` `200` `20175000.00` reads like `TU-1200` `201` `75000.00`: one's pending signs the other's payment."""
    # The rich order's id ends in a digit, and the poor one's is the same with the code behind it.
    base = it.order.order_id.removesuffix("x")
    poor_amount = it.dice.randrange(10_000, 90_001, 500)
    rich = Order(f"{base}-1", it.order.user_id, "topup", int(f"201{poor_amount}") * 100)
    poor = Order(f"{base}-1200", it.order.user_id, "topup", poor_amount * 100)
    victim = Teller(Subject(rich, it.secrets, it.dice))
    lender = Teller(Subject(poor, it.secrets, it.dice))
    wanted, lent = victim.attempt(), lender.attempt()
    pending, genuine = victim.say(wanted, "pending", "201"), lender.say(lent, "pending", "201")
    denied = victim.happens(wanted, "deny", "202")
    calls = [pending, genuine, victim.forge(wanted, *PAID, truths=(denied,)), victim.say(wanted, "deny", "202")]
    stories = victim.in_turn(calls, asks=True), lender.in_turn(())
    return Story((rich, poor), stories[0].rounds, stories[0].expected + stories[1].expected, asks=True)


def amount_mismatch(subject: Subject) -> Story:
    """Another amount than was announced; that of the order and the payer's fee; and what is paid rightly afterwards."""
    it = Teller(subject)
    amount, attempt = it.order.amount, it.attempt()
    way = it.dice.randrange(3)
    if way == 0:
        return it.in_turn([it.say(attempt, *PAID, gross=amount + _FEE, original=amount, fee=_FEE)])
    calls = [it.say(attempt, *PAID, gross=amount + it.dice.choice((-100, 100, 5_000_000)))]
    if way == 1:
        return it.in_turn(calls)
    return it.in_turn([*calls, it.say(it.attempt(), *PAID)], asks=True)


def several_attempts(subject: Subject) -> Story:
    """Cards that are refused before one is taken, and customers who pay twice."""
    it = Teller(subject)
    calls = []
    for _ in range(it.dice.randint(1, 3)):
        attempt = it.attempt()
        calls += [it.say(attempt, "pending", "201"), it.say(attempt, it.dice.choice(("deny", "failure")), "202")]
    calls.append(it.say(it.attempt(), *PAID))
    twice = it.dice.random() < 0.3  # noqa: PLR2004 - a share
    if twice:
        calls.append(it.say(it.attempt(), *PAID))
    return it.in_turn(calls, asks=twice)


def reversal(subject: Subject) -> Story:
    """Paid and then denied (Permata, Mandiri Bill, Indomaret) or voided; some pay again."""
    it = Teller(subject)
    attempt = it.attempt()
    ways = ((PAID, ("deny", "202")), (("capture", "200"), ("cancel", "200")))
    calls = [it.say(attempt, *each) for each in it.dice.choice(ways)]
    if it.dice.random() < 0.4:  # noqa: PLR2004 - a share
        calls.append(it.say(it.attempt(), *PAID))
    return it.in_turn(calls, asks=True)


def refund_storm(subject: Subject) -> Story:
    """Paid, then given back in many parts, each told twice: when it is asked for and when the bank has confirmed it."""
    it = Teller(subject)
    attempt = it.attempt()
    calls = [it.say(attempt, *PAID)]
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
