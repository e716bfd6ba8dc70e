"""The story of an order: everything that happened, oldest first, with the money it moved."""

import pytest

from app.core.database import writing
from app.core.errors import NotFound
from app.operate import orders, story
from app.operate.policy import UNASKED
from app.operate.story_shown import CallbackToldShown, StoryShown
from tests.operate.arrivals import Arrivals


def told(arrivals: Arrivals, which: str) -> CallbackToldShown | StoryShown:
    return story.show(arrivals.shop.engine, arrivals.log, arrivals.handlers, which, lang="en")


def of_order(arrivals: Arrivals, order_id: str) -> StoryShown:
    shown = told(arrivals, order_id)
    assert isinstance(shown, StoryShown)
    return shown


def test_a_story_goes_from_the_announcement_to_a_persons_word_with_every_balance(arrivals: Arrivals) -> None:
    arrivals.shop.announce("TU-1", "ani")
    paid, again = arrivals.receive("TU-1"), arrivals.receive("TU-1")
    arrivals.decide()
    refund = {"word": "refund", "amount": "30000", "reason": "asked for it"}
    orders.resolve_order(
        arrivals.shop.engine, "TU-1", refund, who="budi", at=arrivals.shop.tick(), policy=UNASKED, lang="en"
    )
    shown = of_order(arrivals, "TU-1")
    assert [line.what for line in shown.lines] == [
        "announcement",
        "callback",
        "callback",
        "journal",
        "notice",
        "person",
        "journal",
        "notice",
    ]
    assert [line.ref for line in shown.lines if line.what == "callback"] == [str(paid), str(again)]
    assert [line.balance for line in shown.lines if line.what == "journal"] == ["100000.00", "70000.00"]
    assert [(each.account, each.amount) for each in shown.lines[6].moved] == [
        ("wallet:ani", "-30000.00"),
        ("clearing:midtrans", "30000.00"),
    ]
    assert shown.lines[0].text == "announced: topup of IDR 100,000.00 for ani"
    assert shown.lines[5].text == "budi: asked for it"
    assert (shown.status, shown.omitted) == ("partially_refunded", 0)
    assert [line.at for line in shown.lines] == sorted(line.at for line in shown.lines)


def test_a_callback_is_marked_in_the_story_of_its_order(arrivals: Arrivals) -> None:
    arrivals.shop.announce("TU-1")
    arrivals.receive("TU-1")
    second = arrivals.receive("TU-1")
    arrivals.decide()
    shown = told(arrivals, str(second))
    assert isinstance(shown, CallbackToldShown)
    assert shown.story is not None
    assert [line.ref for line in shown.story.lines if line.this] == [str(second)]
    assert shown.outcome == "duplicate"


def test_an_order_that_nobody_announced_has_a_story_too(arrivals: Arrivals) -> None:
    parked = arrivals.receive("TU-9")
    arrivals.decide()
    shown = of_order(arrivals, "TU-9")
    assert [(line.what, line.ref, line.outcome) for line in shown.lines] == [("callback", str(parked), "parked")]
    assert (shown.kind, shown.status) == ("", "")


def test_an_order_whose_id_is_a_number_is_found_where_no_callback_has_it(arrivals: Arrivals) -> None:
    arrivals.shop.announce("123")
    assert of_order(arrivals, "123").order_id == "123"
    for nothing in ("7", "9" * 30, "nothing", "²"):
        with pytest.raises(NotFound, match="no order of this id"):
            told(arrivals, nothing)


def test_an_answer_and_the_question_before_it_are_told(arrivals: Arrivals) -> None:
    arrivals.shop.announce("TU-1")
    with writing(arrivals.shop.engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO callback_tasks (key, kind, destination, due_at, tries, last_error, created_at, state)"
            " VALUES ('ask:1:T1', 'midtrans_status', 'api', 1, 2, 'HTTP 503', ?, 'ready')",
            (arrivals.shop.tick(),),
        )
        connection.exec_driver_sql(
            "INSERT INTO callback_causes (kind, order_no, callback_id, body, at) VALUES ('answer', 1, 5, ?, ?)",
            (b'{"transaction_status": "settlement", "status_code": "200"}', arrivals.shop.tick()),
        )
    assert [(line.what, line.text) for line in of_order(arrivals, "TU-1").lines[1:]] == [
        ("task", "midtrans_status to api: ready, 2 tries; HTTP 503"),
        ("answer", "the sender's API answered: transaction_status settlement, status_code 200"),
    ]


def test_of_a_long_story_the_middle_is_left_out_but_never_what_was_asked_for(
    arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story, "LINES_MAX", 4)
    arrivals.shop.announce("TU-1")
    ids = [arrivals.receive("TU-1") for _ in range(9)]
    arrivals.decide()
    shown = told(arrivals, str(ids[5]))
    assert isinstance(shown, CallbackToldShown)
    assert shown.story is not None
    assert [line.ref for line in shown.story.lines if line.what == "callback"] == [str(ids[0]), str(ids[5])]
    assert (len(shown.story.lines), shown.story.omitted) == (5, 7)
