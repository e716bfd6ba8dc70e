"""Any callbacks, in any order and number, in any batches, answered late or never, end as the model says."""

import itertools
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.callbacks.ppob.ppob_callbacks import response_codes
from tests.ledger.law import Order
from tests.ledger.model import Picture, Refused, Reply, Shop
from tests.ledger.proved import audited
from tests.ledger.sayings import Bought, Said
from tests.ledger.truth import AMOUNT, FORGED_WORDS, HISTORIES, Attempt, Midtrans, forged_from
from tests.ledger.world import Ledger, make_template

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
FOLDER = tempfile.TemporaryDirectory(prefix="ledger-machine-")  # removed when the process ends
NUMBERS = itertools.count()

TOPUPS = ("T-1", "T-2")
ATTEMPTS = ("T1", "T2", "T9")
PURCHASES = ("P-1", "P-2")
USERS = {"T-1": "ani", "T-2": "ani", "P-1": "ani", "P-2": "budi"}
ORDERS = {name: Order(name, USERS[name], AMOUNT, "topup", "midtrans") for name in TOPUPS} | {
    name: Order(name, USERS[name], 4_000_000, "ppob", "digiflazz") for name in PURCHASES
}
# of one purchase one final word, and a return: contradictions are the law's one named exception
SUPPLIER = (("Pending", "03"), ("Sukses", "00"), ("Gagal", "74")), (("Pending", ""), ("Gagal", "02"))


@cache
def template() -> Path:
    return make_template(Path(FOLDER.name))


class Machine(RuleBasedStateMachine):
    """The ledger and the model hear the same, step by step."""

    @initialize(
        histories=st.lists(
            st.tuples(st.sampled_from(TOPUPS), st.sampled_from(sorted(HISTORIES))), min_size=1, max_size=3
        ),
        policy=st.sampled_from(["doubt", "doubt", "always", "never"]),
    )
    def open_the_shop(self, histories: list[tuple[str, str]], policy: Literal["doubt", "always", "never"]) -> None:
        self.ledger = Ledger(template(), Path(FOLDER.name) / f"{next(NUMBERS) % 4}.db", policy)
        self.shop = Shop(policy=policy, codes=frozenset(response_codes()))
        self.midtrans = Midtrans([Attempt(order, f"T{n}", history) for n, (order, history) in enumerate(histories, 1)])
        self.delivered: set[Said] = set()
        for user in ("ani", "budi"):
            self.both(lambda world: world.adjust(user, 5_000_000))  # noqa: B023 - called at once

    def both(self, act: Callable[[Ledger | Shop], object]) -> None:
        """The ledger and the model are told the same; one refuses where the other does."""
        refusals = []
        for world in (self.ledger, self.shop):
            try:
                act(world)
            except Refused as refused:
                refusals.append(str(refused))
        assert refusals in ([], refusals[:1] * 2)

    def tell(self, sayings: list[Said | Bought]) -> None:
        if not sayings:
            return
        words = self.ledger.hear_all(sayings)
        heard = [self.shop.hear(said) for said in sayings]
        if self.shop.policy != "never":  # there a repetition may be called applied, rejected or duplicate
            assert words == [one.outcome for one in heard], [(one.said, one.outcome) for one in heard]

    @rule(name=st.sampled_from(sorted(ORDERS)))
    def announce(self, name: str) -> None:
        self.both(lambda world: world.announce(ORDERS[name]))

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.midtrans.attempts))
        if not one.is_over:
            one.happened += 1

    @rule(data=st.data())
    def callbacks_arrive(self, data: st.DataObject) -> None:
        genuine = self.midtrans.genuine()
        if genuine:
            batch = data.draw(st.lists(st.sampled_from(genuine), min_size=1, max_size=4))
            self.delivered |= set(batch)
            self.tell(list(batch))

    @rule(data=st.data(), word=st.integers(0, len(FORGED_WORDS) - 1), attempt=st.sampled_from(ATTEMPTS))
    def a_forgery_arrives(self, data: st.DataObject, word: int, attempt: str) -> None:
        genuine = self.midtrans.genuine()
        if genuine:
            self.tell([forged_from(data.draw(st.sampled_from(genuine)), word, attempt)])

    @rule(name=st.sampled_from([0, 1]), word=st.integers(0, 2))
    def the_supplier_calls(self, name: int, word: int) -> None:
        status, rc = SUPPLIER[name][word % len(SUPPLIER[name])]
        self.tell([Bought(PURCHASES[name], status, rc or None, "SN" if status == "Sukses" else "")])

    @precondition(lambda self: self.shop.questions())
    @rule(data=st.data(), how=st.sampled_from(["truth", "truth", "down", "key_refused"]))
    def the_api_answers(self, data: st.DataObject, how: str) -> None:
        order, attempt = data.draw(st.sampled_from(sorted(self.shop.questions())))
        reply: Reply = self.midtrans.answer(order, attempt) if how == "truth" else how  # type: ignore[assignment] # its words
        self.answer(order, attempt, reply)

    def answer(self, order: str, attempt: str, reply: Reply) -> None:
        # which of several equal callbacks is called the duplicate is not the law's business
        ledger, model = (
            set(world.answer(order, attempt, reply).replace("duplicate", "applied").split("+"))
            for world in (self.ledger, self.shop)
        )
        assert ledger == model

    @rule(seconds=st.sampled_from([60, 400, 4000]))
    def time_passes(self, seconds: int) -> None:
        for world in (self.ledger, self.shop):
            world.wait(seconds)

    @invariant()
    def the_books_are_straight(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.check_books()

    @invariant()
    def people_see_what_the_model_says(self) -> None:
        if hasattr(self, "ledger"):
            compare(self.ledger.picture(), self.shop.picture())

    def teardown(self) -> None:
        if not hasattr(self, "ledger"):
            return
        try:
            self.prove()  # also with questions that are open
            self.end()
            self.prove()
        finally:
            self.ledger.close()

    def prove(self) -> None:
        """Every amount follows from facts, and every fact from what was said."""
        shown = audited(self.ledger, Path(FOLDER.name) / "log.db")
        assert shown.ok, shown.findings
        # the bytes of Digiflazz' callbacks come without the header that signs them
        assert {each.reason for each in shown.unproved} <= {"signature_not_kept"}

    def end(self) -> None:
        """Everything is announced and delivered, and every question is answered truthfully."""
        self.midtrans.finish()
        for name in TOPUPS:
            self.announce(name)
        self.tell([said for said in self.midtrans.genuine() if said not in self.delivered])
        for _ in range(6):
            for order, attempt in sorted(self.shop.questions()):
                self.answer(order, attempt, self.midtrans.answer(order, attempt))
            self.time_passes(4000)
        picture = self.ledger.picture()
        assert not picture.asked
        compare(picture, self.shop.picture())
        if self.shop.policy == "never":  # nobody was asked, so nobody knows
            return
        for name in TOPUPS:
            moved, _ = self.shop.moved(ORDERS[name], self.shop.facts(name))
            assert moved == self.midtrans.worth(name), f"{name} moved {moved}, truth {self.midtrans.worth(name)}"


def compare(found: Picture, model: Picture) -> None:
    assert found.wallets == model.wallets
    assert {user: held for user, held in found.held.items() if held} == {
        user: held for user, held in model.held.items() if held
    }
    assert found.asked == model.asked
    for order, shown in found.shown.items():
        assert shown <= model.shown[order], (order, shown, model.shown[order])
    assert found.alerts == model.alerts


Machine.TestCase.settings = settings(
    max_examples=5000 if LONG else 60, stateful_step_count=30 if LONG else 15, deadline=None
)


@pytest.mark.timeout(7200 if LONG else 600)  # a counter-example takes minutes to become a short one
class TestTheLedgerEndsAsTheModelSays(Machine.TestCase):  # type: ignore[valid-type,misc] # hypothesis makes it
    pass
