"""What Digiflazz tells of purchases in each scenario."""

from collections.abc import Sequence

from app.simulation import bodies, model
from app.simulation.model import Word
from app.simulation.plan import Call, Story, Subject, Tell

PROVIDER = "digiflazz"
_SUCCESS = ("Sukses", "00")
_PENDING = ("Pending", "03")
_RETURNED = ("Gagal", "74")
_FAILURES = ("02", "40", "44", "54", "58", "68", "71")


def _call(subject: Subject, status: str, rc: str, event: str) -> Call:
    order, secrets, _ = subject
    serial = f"SN/{order.order_id}" if (status, rc) in {_SUCCESS, _RETURNED} else ""
    told = bodies.digiflazz(Word(order.order_id, status, rc), order.amount // 100 - 500, serial=serial)
    body = bodies.encoded(told)
    return Call(PROVIDER, order.order_id, body, bodies.digiflazz_headers(body, secrets.digiflazz, event))


def _story(subject: Subject, words: Sequence[tuple[str, str]], *, times: int = 1) -> Story:
    """Words one after the other, each told so many times at the same moment."""
    rounds = tuple(
        (_call(subject, *word, "create" if number == 0 else "update"),) * times for number, word in enumerate(words)
    )
    said = [Word(subject.order.order_id, *word) for word in words]
    return Story((subject.order,), rounds, (model.purchase(subject.order, said),))


def happy(subject: Subject) -> Story:
    """Success, at once or after a while."""
    return _story(subject, subject.dice.choice(([_SUCCESS], [_PENDING, _SUCCESS])))


def failed(subject: Subject) -> Story:
    """Failure: the money is given back."""
    failure = ("Gagal", subject.dice.choice(_FAILURES))
    return _story(subject, subject.dice.choice(([failure], [_PENDING, failure])))


def pending(subject: Subject) -> Story:
    """Pending first; some stay so, and some are told so once more after the end."""
    ways = ([_PENDING], [_PENDING, _SUCCESS], [_PENDING, _SUCCESS, _PENDING], [("Pending", "99"), _PENDING])
    return _story(subject, subject.dice.choice(ways))


def duplicates(subject: Subject) -> Story:
    """Everything several times, also at the same moment."""
    return _story(subject, [_PENDING, _SUCCESS, _SUCCESS, _PENDING], times=subject.dice.randint(1, 5))


def contradiction(subject: Subject) -> Story:
    """Success and failure of one purchase: the first stands, the other one is for a person."""
    words = [_SUCCESS, ("Gagal", subject.dice.choice(_FAILURES))]
    subject.dice.shuffle(words)
    return _story(subject, words)


def ping(subject: Subject) -> Story:
    """Digiflazz asks whether anybody is there; forgers do too."""
    body = bodies.encoded(bodies.digiflazz_ping())
    secret = subject.secrets.digiflazz
    genuine = Call(PROVIDER, subject.order.order_id, body, bodies.digiflazz_headers(body, secret))
    forged = genuine._replace(headers=bodies.digiflazz_headers(body, secret + b"?"), status=401)
    return _story(subject, [_SUCCESS])._replace(rounds=((genuine,), (forged,), *_story(subject, [_SUCCESS]).rounds))


def returned(subject: Subject) -> Story:
    """The money comes back after a success, or at once."""
    ways = ([_SUCCESS, _RETURNED], [_PENDING, _RETURNED], [_RETURNED], [_SUCCESS, _RETURNED, _SUCCESS])
    return _story(subject, subject.dice.choice(ways))


def mixed(subject: Subject) -> Story:
    """A bit of everything; most are ordinary."""
    tell = subject.dice.choices(list(_SHARES), list(_SHARES.values()))[0]
    return tell(subject)


_SHARES: dict[Tell, int] = {
    happy: 60,
    failed: 10,
    pending: 8,
    duplicates: 8,
    returned: 6,
    contradiction: 5,
    ping: 3,
}

SCENARIOS: dict[str, Tell] = {
    tell.__name__: tell for tell in (happy, failed, pending, duplicates, contradiction, ping, returned, mixed)
}
