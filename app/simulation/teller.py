"""Writes what Midtrans tells of one order: what truly happens there, how it is notified, and what forgers write."""

from collections.abc import Iterable, Sequence
from typing import Any

from app.simulation import bodies, model
from app.simulation.model import Notice
from app.simulation.plan import Call, Story, Subject, Truth

PROVIDER = "midtrans"
PAID = ("settlement", "200")


class Teller:
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
        told = bodies.midtrans(Notice(self.order.order_id, attempt, *PAID, self.order.amount))
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
