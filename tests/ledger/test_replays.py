"""Replays, retries and drops, at any moment and in any split, end with the same money as without them."""

import itertools
import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.core.database import reading
from app.engine.callback import Callback, OutcomeWord
from app.operate import letters, many, replay
from app.operate.many import Tally
from app.operate.selection import Selection
from tests.ledger.law import Order
from tests.ledger.model import Refused
from tests.ledger.sayings import Bought, Said
from tests.ledger.truth import AMOUNT, FORGED_WORDS, HISTORIES, Attempt, Midtrans, forged_from
from tests.ledger.world import START, Ledger, make_template

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
FOLDER = tempfile.TemporaryDirectory(prefix="ledger-replays-")  # removed when the process ends
NUMBERS = itertools.count()

TOPUPS = {name: Order(name, "ani", AMOUNT, "topup", "midtrans") for name in ("T-1", "T-2")}
PURCHASES = {name: Order(name, "budi", 4_000_000, "ppob", "digiflazz") for name in ("P-1", "P-2")}
ORDERS = TOPUPS | PURCHASES
# contradictions, too: of a success and a failure the first one stands, whatever is replayed
SUPPLIER = (
    Bought("P-1", "Pending", "03"),
    Bought("P-1", "Sukses", "00", "SN"),
    Bought("P-1", "Gagal", "02"),
    Bought("P-1", "Sukses", "02", "SN"),
    Bought("P-2", "Gagal", "54"),
    Bought("P-2", "Gagal", "74"),
    Bought("P-2", "Sukses", None, "SN"),
)

#: One thing that happens: ("hear", what is told in one batch), ("announce", order), ("answer", which), ("wait", s).
Step: TypeAlias = tuple[str, Any]


@cache
def template() -> Path:
    return make_template(Path(FOLDER.name))


class KeptLog:
    """The callbacks that a ledger of a test was told, found as in a log."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def get(self, callback_id: int) -> Callback | None:
        number = callback_id - START
        return self.ledger.callbacks[number] if 0 <= number < len(self.ledger.callbacks) else None


class Mender:
    """A person who replays, retries and drops."""

    def __init__(self, ledger: Ledger, batch_rows: int) -> None:
        self.ledger = ledger
        self.batch_rows = batch_rows
        log: Any = KeptLog(ledger)
        self.room = replay.Room(ledger.engine, log, ledger.senders)

    def mend(self, how: str, which: int) -> None:
        if how == "replay many":
            word = (*OutcomeWord, "")[which % 8]
            self.many(Selection(outcome=word), dry_run=False)
        elif how == "foresee":
            before = self.everything()
            self.many(Selection(), dry_run=True)
            assert self.everything() == before
        elif self.ledger.callbacks and how in {"replay", "explain"}:
            number = START + which % len(self.ledger.callbacks)
            if how == "replay":
                replay.replay_one(self.room, number, who="siti", reason="a test", at=self.ledger.now, lang="en")
            else:
                before = self.everything()
                replay.explain_one(self.room, number, at=self.ledger.now, lang="en")
                assert self.everything() == before
        elif how in {"retry", "drop"} and (dead := self.letters()):
            self.end(how, dead[which % len(dead)])

    def many(self, selection: Selection, *, dry_run: bool) -> None:
        tally = Tally(dry_run=dry_run)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(many, "BATCH_ROWS", self.batch_rows)
            replay.replay_many(
                self.room,
                selection,
                who="siti",
                reason="a test",
                clock=lambda: self.ledger.now,
                tally=tally,
                progress=lambda _: None,
            )
        assert tally.failures == []

    def letters(self) -> list[int]:
        return [int(letter.id) for letter in letters.list_dead(self.ledger.engine, lang="en").dead_letters]

    def end(self, how: str, dead_id: int) -> None:
        if how == "drop":
            letters.drop_dead(self.ledger.engine, dead_id, who="siti", reason="a test", at=self.ledger.now, lang="en")
            return
        letters.retry_dead(
            self.ledger.engine,
            self.room.callbacks,
            self.room.handlers,
            dead_id,
            who="siti",
            at=self.ledger.now,
            lang="en",
        )

    def everything(self) -> list[Any]:
        with reading(self.ledger.engine) as connection:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
            return [(name, connection.exec_driver_sql(f'SELECT * FROM "{name}"').all()) for name in sorted(names)]


def play(ledger: Ledger, midtrans: Midtrans, step: Step, *, split: bool = False) -> None:
    what, value = step
    if what == "hear" and split:
        for said in value:
            ledger.hear(said)
    elif what == "hear":
        ledger.hear_all(value)
    elif what == "announce":
        try:
            ledger.announce(ORDERS[value])
        except Refused:
            assert value in PURCHASES
    elif what == "wait":
        ledger.wait(value)
    else:
        asked = sorted(ledger.picture().asked)
        for order, attempt in asked[value % len(asked) :][:1] if asked else ():
            ledger.answer(order, attempt, midtrans.answer(order, attempt))


def end(ledger: Ledger, midtrans: Midtrans) -> None:
    """Everything is announced, every question is answered truthfully; unasked ones are retried by a person."""
    for name in ORDERS:
        play(ledger, midtrans, ("announce", name))
    ledger.hear_all(midtrans.genuine())
    for _ in range(4):
        for order, attempt in sorted(ledger.picture().asked):
            ledger.answer(order, attempt, midtrans.answer(order, attempt))
        if ledger.policy.confirm == "never":  # the law: balances do not depend on arrival once dead letters are retried
            ledger.retry()
        ledger.wait(4000)


@st.composite
def courses(draw: st.DrawFn) -> tuple[Midtrans, list[Step]]:
    tries = draw(
        st.lists(st.tuples(st.sampled_from(sorted(TOPUPS)), st.sampled_from(sorted(HISTORIES))), min_size=1, max_size=3)
    )
    midtrans = Midtrans([Attempt(order, f"T{n}", history) for n, (order, history) in enumerate(tries, 1)])
    midtrans.finish()
    genuine: Sequence[Said] = midtrans.genuine()
    forged = st.builds(
        forged_from,
        st.sampled_from(genuine),
        st.integers(0, len(FORGED_WORDS) - 1),
        st.sampled_from(("T1", "T2", "T9")),
    )
    said: st.SearchStrategy[Any] = st.one_of(st.sampled_from(genuine), forged, st.sampled_from(SUPPLIER))
    steps: st.SearchStrategy[Step] = st.one_of(
        st.tuples(st.just("hear"), st.lists(said, min_size=1, max_size=4)),
        st.tuples(st.just("announce"), st.sampled_from(sorted(ORDERS))),
        st.tuples(st.just("answer"), st.integers(0, 3)),
        st.tuples(st.just("wait"), st.sampled_from([60, 400, 4000])),
    )
    return midtrans, draw(st.lists(steps, min_size=1, max_size=12))


mends = st.lists(
    st.tuples(
        st.integers(0, 12),  # after which step
        st.sampled_from(["replay", "replay many", "retry", "drop", "foresee", "explain"]),
        st.integers(0, 40),
    ),
    min_size=1,
    max_size=10,
)


def the_ledger(policy: str) -> Ledger:
    ledger = Ledger(template(), Path(FOLDER.name) / f"{next(NUMBERS) % 4}.db", policy)
    ledger.adjust("budi", 10_000_000)
    return ledger


@pytest.mark.timeout(7200 if LONG else 600)  # a counter-example takes minutes to become a short one
@given(
    course=courses(),
    mending=mends,
    policy=st.sampled_from(["doubt", "doubt", "always", "never", "unverified"]),
    batch_rows=st.integers(0, 3).map(lambda one: one or many.BATCH_ROWS),
)
@settings(max_examples=5000 if LONG else 100, deadline=None)
def test_whatever_is_replayed_retried_or_dropped_the_money_ends_the_same(
    course: tuple[Midtrans, list[Step]], mending: list[tuple[int, str, int]], policy: str, batch_rows: int
) -> None:
    midtrans, steps = course
    plain, mended = the_ledger(policy), the_ledger(policy)
    try:
        mender = Mender(mended, batch_rows)
        for number, step in enumerate(steps, 1):
            play(plain, midtrans, step)
            play(mended, midtrans, step, split=batch_rows < many.BATCH_ROWS)
            for after, how, which in mending:
                if after == number:
                    mender.mend(how, which)
                    mended.check_books()
        for ledger in (plain, mended):
            end(ledger, midtrans)
        for _, how, which in mending:
            mender.mend(how, which)
        end(mended, midtrans)
        mended.check_books()
        ends = plain.picture(), mended.picture()
        assert ends[1].wallets == ends[0].wallets
        assert {user: held for user, held in ends[1].held.items() if held} == {
            user: held for user, held in ends[0].held.items() if held
        }
        assert ends[1].shown == ends[0].shown
    finally:
        plain.close()
        mended.close()
