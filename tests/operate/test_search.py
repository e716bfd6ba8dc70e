"""What a search of the callbacks finds, in which order, and what it says when it had to stop."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.database import reading, writing
from app.core.errors import FieldError
from app.engine.tables import LATE
from app.operate import candidates, fitting, orders
from app.operate.fitting import needles
from app.operate.looking import Page, look
from app.operate.policy import UNASKED
from app.operate.shown import time_text
from tests.operate.arrivals import Arrivals

HOUR = 3_600_000_000


def test_callbacks_are_found_by_whatever_is_known_of_them(arrivals: Arrivals) -> None:
    arrivals.shop.announce("TU-1", "ani")
    arrivals.shop.announce("TU-2", "budi")
    paid, again = arrivals.receive("TU-1"), arrivals.receive("TU-1")
    other, strange = arrivals.receive("TU-2", bank="BNI"), arrivals.receive("TU-9")
    purchase = arrivals.receive("X", provider="digiflazz")
    arrivals.decide()
    assert arrivals.found() == [purchase, strange, other, again, paid]
    assert arrivals.found(order_id="TU-1") == [again, paid]
    assert arrivals.found(user_id="budi") == [other]
    assert arrivals.found(user_id="ani", outcome="duplicate") == [again]
    assert arrivals.found(user_id="ani", order_id="TU-2") == []
    assert arrivals.found(provider="digiflazz") == [purchase]
    assert arrivals.found(outcome="applied") == [other, paid]
    assert arrivals.found(outcome="parked") == [strange]
    assert arrivals.found(outcome="parked", provider="digiflazz") == []
    assert arrivals.found(text="bni") == [other]
    assert arrivals.found(text="bni", outcome="applied", user_id="budi", provider="midtrans") == [other]
    assert arrivals.found(text="bni", outcome="duplicate") == []
    assert arrivals.found(text="settlement", order_id="TU-1") == [again, paid]
    assert arrivals.found(user_id="nobody") == []


def test_what_is_not_decided_yet_is_found_as_undecided(arrivals: Arrivals) -> None:
    arrivals.shop.announce("TU-1", "ani")
    paid = arrivals.receive("TU-1")
    arrivals.decide()
    waiting, other = arrivals.receive("TU-1", bank="BNI"), arrivals.receive("TU-2")
    assert [line.outcome for line in arrivals.page().callbacks] == ["", "", "applied"]
    assert arrivals.found(order_id="TU-1") == [waiting, paid]
    assert arrivals.found(user_id="ani") == [waiting, paid]
    assert arrivals.found(user_id="ani", order_id="TU-2") == []
    assert arrivals.found(provider="midtrans") == [other, waiting, paid]
    assert arrivals.found(text="bni") == [waiting]
    assert arrivals.found(outcome="applied") == [paid]


def test_pages_follow_each_other_without_a_gap_or_a_repetition(arrivals: Arrivals) -> None:
    arrivals.shop.announce("TU-1", "ani")
    ids = [arrivals.receive("TU-1") for _ in range(5)]
    arrivals.decide()
    ids += [arrivals.receive("TU-1") for _ in range(4)]
    asked: list[dict[str, str]] = [
        {},
        {"order_id": "TU-1"},
        {"user_id": "ani"},
        {"provider": "midtrans"},
        {"text": "TU-1"},
    ]
    for sought in asked:
        found: list[int] = []
        cursor: str | None = str(2**63 - 1)
        while cursor is not None:
            page = arrivals.page(sought, before=int(cursor), rows_max=2)
            found += [int(line.callback_id) for line in page.callbacks]
            cursor = page.next_cursor
        assert found == ids[::-1], sought


def test_a_user_of_many_orders_is_found_as_well(arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "USER_ORDERS_MAX", 2)
    ids = []
    for number in range(4):
        arrivals.shop.announce(f"TU-{number}", "ani")
        arrivals.shop.announce(f"OTHER-{number}", "budi")
        ids.append(arrivals.receive(f"TU-{number}"))
        arrivals.receive(f"OTHER-{number}")
    arrivals.decide()
    ids.append(arrivals.receive("TU-0"))
    assert arrivals.found(user_id="ani") == ids[::-1]
    assert arrivals.found(user_id="ani", text="TU-2") == [ids[2]]


def test_a_span_of_time_holds_its_beginning_and_not_its_end(arrivals: Arrivals) -> None:
    arrivals.shop.announce("TU-1")
    begun = arrivals.shop.now
    ids = [arrivals.receive("TU-1", at=begun + number * HOUR) for number in range(6)]
    arrivals.shop.now = begun + 6 * HOUR
    arrivals.decide()
    undecided = arrivals.receive("TU-1", at=begun + 7 * HOUR)
    moments = [time_text(begun + number * HOUR) for number in range(8)]
    assert arrivals.found(since=moments[2], until=moments[4]) == ids[3:1:-1]
    assert arrivals.found(since=moments[5]) == [undecided, ids[5]]
    assert arrivals.found(since=moments[6]) == [undecided]
    assert arrivals.found(until=moments[1], provider="midtrans") == [ids[0]]
    assert arrivals.found(since=moments[1], until=moments[3], text="TU-1") == ids[2:0:-1]
    assert arrivals.found(since=moments[1], until=moments[3], order_id="TU-1", outcome="duplicate") == ids[2:0:-1]
    assert arrivals.found(since="90m") == [undecided, ids[5]]


def test_a_callback_that_was_decided_late_is_not_passed_over(arrivals: Arrivals) -> None:
    begun = arrivals.shop.now
    parked = arrivals.receive("TU-1", at=begun + HOUR)
    arrivals.decide()
    later = arrivals.receive("TU-2", at=begun + 2 * HOUR)
    arrivals.decide()
    arrivals.shop.now = begun + 9 * HOUR
    arrivals.shop.announce("TU-1")
    assert arrivals.found(since=time_text(begun + HOUR), until=time_text(begun + 3 * HOUR)) == [later, parked]


def test_what_was_imported_is_found_by_the_time_it_first_came(arrivals: Arrivals) -> None:
    begun = arrivals.shop.now
    early = [arrivals.receive("TU-1", at=begun + number * HOUR) for number in range(4)]
    arrivals.shop.now = begun + 5 * HOUR
    arrivals.decide()
    older = [arrivals.receive("TU-2", at=begun - number * 24 * HOUR, bank="BNI") for number in (3, 2, 1)]
    late = arrivals.receive("TU-1", at=begun + 6 * HOUR)
    arrivals.shop.now = begun + 6 * HOUR
    arrivals.decide()
    undecided = arrivals.receive("TU-3", at=begun - 24 * HOUR, provider="digiflazz")
    until = time_text(begun + HOUR)
    wanted = [undecided, *reversed(older), early[0]]
    assert arrivals.found(until=until) == wanted
    assert arrivals.found(until=until, text="BNI") == older[::-1]
    assert arrivals.found(until=until, outcome="parked") == [*reversed(older), early[0]]
    assert arrivals.found(until=until, order_id="TU-2") == older[::-1]
    assert arrivals.found(since=time_text(begun - 50 * HOUR), until=time_text(begun - 30 * HOUR)) == [older[1]]
    assert late in arrivals.found(since=time_text(begun + HOUR))
    pages, before = [], None
    for _ in range(len(wanted)):
        page = arrivals.page({"until": until}, before=before, rows_max=1)
        pages += [int(line.callback_id) for line in page.callbacks]
        before = int(page.next_cursor) if page.next_cursor else None
    assert (pages, before) == (wanted, None)


def test_late_callbacks_are_read_by_their_index(arrivals: Arrivals) -> None:
    query = f"SELECT callback_id FROM callback_outcomes WHERE callback_id < 9 AND callback_id >= 1 AND {LATE}"
    with reading(arrivals.shop.engine) as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query} ORDER BY callback_id DESC LIMIT 9").all()
    assert "callback_outcomes_late" in str(plan)


def test_a_callback_that_an_answer_had_applied_is_found_by_its_order(arrivals: Arrivals) -> None:
    arrivals.shop.announce("TU-1")
    first = arrivals.receive("TU-1")
    arrivals.decide()
    with writing(arrivals.shop.engine) as connection:  # as an answer leaves it, that told the callback's facts first
        connection.exec_driver_sql("UPDATE callback_facts SET source_id = -1")
        connection.exec_driver_sql("UPDATE callback_outcomes SET decided_by = -1")
    assert arrivals.found(order_id="TU-1") == [first]
    assert [line.callback_id for line in orders.show(arrivals.shop.engine, "TU-1", lang="en").callbacks] == [str(first)]


def test_a_look_that_ran_out_of_time_says_how_far_it_came_and_goes_on_there(arrivals: Arrivals) -> None:
    arrivals.shop.announce("TU-1")
    ids = [arrivals.receive("TU-1", bank="BNI" if number == 0 else "BCA") for number in range(6)]
    arrivals.decide()
    page = arrivals.page({"text": "BNI"}, rows_max=1, seconds=0)
    assert (page.callbacks, page.looked_back_to, page.next_cursor) == ([], str(ids[4]), str(ids[4]))
    assert page.looked_back_at is not None
    looks = 1
    while page.next_cursor is not None and not page.callbacks:
        page = arrivals.page({"text": "BNI"}, rows_max=1, seconds=0, before=int(page.next_cursor))
        looks += 1
    assert ([line.callback_id for line in page.callbacks], looks) == ([str(ids[0])], 3)


@pytest.mark.parametrize("sought", [{"outcome": "lost"}, {"text": "x" * 201}, {"since": "yesterday"}, {"until": "2"}])
def test_what_cannot_be_looked_for_is_said(arrivals: Arrivals, sought: dict[str, str]) -> None:
    with pytest.raises(FieldError):
        arrivals.found(**sought)


def test_the_order_of_a_purchase_and_a_topup_of_one_user_are_both_theirs(arrivals: Arrivals) -> None:
    arrivals.shop.announce("TU-1", "ani")
    paid = arrivals.receive("TU-1")
    arrivals.decide()
    orders.create_order(
        arrivals.shop.engine,
        {"order_id": "P-1", "user_id": "ani", "kind": "ppob", "amount": "5000"},
        at=arrivals.shop.tick(),
        policy=UNASKED,
        lang="en",
    )
    bought = arrivals.receive("P-1", provider="digiflazz", data={"ref_id": "P-1", "status": "Sukses", "rc": "00"})
    arrivals.decide()
    assert arrivals.found(user_id="ani") == [bought, paid]


@pytest.mark.parametrize(
    ("sought", "body"),
    [
        ("BCA", b'{"bank":"bca"}'),
        ("Café", '{"name":"Café"}'.encode()),
        ("Café", rb'{"name":"Caf\u00e9"}'),
        ("😀", rb'{"name":"\ud83d\ude00"}'),
        ("a/b", rb'{"path":"a\/b"}'),
        ('say "no"', rb'{"text":"say \"no\""}'),
        ('"bank":"bca"', b'{"bank":"bca"}'),
    ],
)
def test_a_text_is_found_however_json_writes_it(sought: str, body: bytes) -> None:
    assert any(needle in body.lower() for needle in needles(sought))


class Row(NamedTuple):
    number: int
    fits: bool


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 10))
def test_looking_finds_exactly_what_fits_whatever_the_size_of_pages(fits: Sequence[bool], rows_max: int) -> None:
    rows = [Row(number, fit) for number, fit in enumerate(fits)][::-1]

    def source(before: int, size: int) -> Page[Row]:
        found = [row for row in rows if row.number < before][:size]
        return Page(found, found[-1].number if found else None)

    seen: list[Row] = []
    before: int | None = len(rows)
    while before is not None:
        found = look(
            source,
            lambda page: [row for row in page if row.fits],
            lambda row: row.number,
            before=before,
            rows_max=rows_max,
            seconds=0,
        )
        assert len(found.rows) <= rows_max
        seen += found.rows
        before = found.cursor
    assert seen == [row for row in rows if row.fits]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=40), st.integers(0, 45))
def test_no_bound_of_time_passes_over_what_came_here(steps: Sequence[tuple[int, int]], moment: int) -> None:
    """Numbers rise with a time that nobody keeps, between one that is kept and another: received, here, decided."""
    here, rows = 0, []
    for number, (step, late) in enumerate(steps):
        here += step % 3
        rows.append((number * 3 + 1, max(0, here - late), here + late))

    def since(column: int) -> int | None:
        def next_after(number: int) -> tuple[int, int] | None:
            return next(((row[0], row[column]) for row in rows if row[0] > number), None)

        return candidates.halve(next_after, moment, rows[-1][0] if rows else 0)

    below = since(2)
    assert not any(row[1] >= moment for row in rows if below is None or row[0] < below)
    above = since(1)
    assert above is None or all(row[2] >= moment for row in rows if row[0] >= above)
