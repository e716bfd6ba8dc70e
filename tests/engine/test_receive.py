"""What becomes of one request, without any transport."""

import json
import time

import pytest

from app.engine.callback import Answer, Identity, Request
from app.engine.counters import Counters
from app.engine.nesting import too_deep
from app.engine.receive import Receiver
from tests.engine.doors import HandAppender, Shop, a_request


class Desk:
    """A receiver with what it told."""

    def __init__(self, handler: Shop | None = None, **appender: bool | int) -> None:
        self.appender = HandAppender(commits=False)
        self.appender.rows_max = int(appender.get("rows_max", 100))
        self.counters = Counters()
        self.handlers = {"shop": handler or Shop()}
        self.receiver = Receiver(self.handlers, self.appender, counters=self.counters)
        self.answers: list[Answer] = []

    def ask(self, request: Request) -> Answer | None:
        return self.receiver.receive(request, self.answers.append)


def refused(desk: Desk, request: Request) -> int:
    answer = desk.ask(request)
    assert answer is not None
    assert answer.content_type == b"application/problem+json"
    problem = json.loads(answer.body)
    assert problem["success"] is False
    assert problem["status"] == answer.status
    assert not desk.appender.waiting, "nothing is kept of what is refused"
    return answer.status


def test_a_callback_is_answered_only_after_its_commit_with_its_id_as_text() -> None:
    desk = Desk()
    assert desk.ask(a_request()) is None
    assert desk.answers == []
    desk.appender.commit()
    (answer,) = desk.answers
    assert answer.status == 200
    told = json.loads(answer.body)
    assert told == {"success": True, "message": "callback received", "callback_id": "1"}


def test_the_row_holds_what_came_and_only_the_headers_that_matter() -> None:
    desk = Desk()
    desk.ask(a_request(b'{"id":"7","pin":"hidden"}', x_sign="good", cookie="c=1"))
    (row, _), *_ = desk.appender.waiting
    body = b'{"id":"7","pin":"******"}'
    assert row == (
        0, "shop", "paid", "7", "7", 1_000_000, '{"x-sign":"good"}', body, "signature", "203.0.113.9",
    )  # fmt: skip


def test_a_family_of_addresses_marks_its_rows() -> None:
    desk = Desk()
    events = Receiver(desk.handlers, desk.appender, counters=desk.counters, prefix="event/")
    assert events.receive(a_request(), desk.answers.append) is None
    assert desk.appender.waiting[0][0][1] == "event/shop"


def test_an_unknown_name_is_404_and_a_handler_registered_late_counts_at_once() -> None:
    desk = Desk()
    assert refused(desk, a_request(provider="late")) == 404
    desk.handlers["late"] = Shop()
    assert desk.ask(a_request(provider="late")) is None
    assert desk.counters.refused == {("unknown", "unknown_provider"): 1}


def test_a_thousand_unknown_names_are_one_counter() -> None:
    desk = Desk()
    for number in range(1000):
        refused(desk, a_request(provider=f"x{number}"))
    assert desk.counters.refused == {("unknown", "unknown_provider"): 1000}


def test_a_wrong_signature_is_401_and_leaves_only_a_counter() -> None:
    desk = Desk()
    assert refused(desk, a_request(x_sign="bad")) == 401
    assert desk.counters.refused == {("shop", "signature_wrong"): 1}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no json", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"\xff\xfe{", 400),
        (b'{"id": "\\ud800"}', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 100_000, 400),
        (b"[" * 65 + b"]" * 65, 400),
        (b'{"boom": 1}', 500),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_bad_body_gets_the_right_answer(body: bytes, status: int) -> None:
    assert refused(Desk(), a_request(body)) == status


def test_brackets_in_strings_and_many_flat_ones_are_no_depth() -> None:
    desk = Desk()
    assert desk.ask(a_request(b'{"id": "' + b"[" * 500 + b'"}')) is None
    assert desk.ask(a_request(b'{"id": "\\"[[' + b"[" * 500 + b'"}')) is None
    assert desk.ask(a_request(b'{"id": "1", "list": [' + b"[]," * 500 + b"{}]}")) is None


def test_depth_is_told_exactly() -> None:
    assert not too_deep(b"[" * 64 + b"{},[],1" + b"]" * 64, 65)
    assert too_deep(b"[" * 64 + b"{},[],1" + b"]" * 64, 64)
    assert not too_deep(b"plain text " + b"[" * 1000, 64)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * (1 << 20),
        b"[]" * (1 << 19),
        b'["' + b'\\"' * (1 << 19),
        b'[["' + b'"\\"[' * (1 << 18),
        b"[{" * (1 << 19),
        (b"[" * 64 + b"]" * 63) * 8000,
    ],
    ids=["open", "flat", "escapes", "quotes", "mixed", "waves"],
)
def test_no_megabyte_makes_the_depth_check_slow(body: bytes) -> None:
    began = time.process_time()
    too_deep(body, 64)
    assert time.process_time() - began < 0.5


def test_an_encoded_body_is_415_and_identity_is_not() -> None:
    desk = Desk()
    assert refused(desk, a_request(content_encoding="gzip")) == 415
    assert desk.ask(a_request(content_encoding="Identity")) is None


def test_a_full_queue_is_503_with_retry_after() -> None:
    desk = Desk(rows_max=1)
    assert desk.ask(a_request()) is None
    answer = desk.ask(a_request())
    assert answer is not None
    assert answer.status == 503
    assert (b"retry-after", b"1") in answer.headers


def test_a_failed_write_is_503_and_never_200() -> None:
    desk = Desk()
    desk.appender.fails = True
    assert desk.ask(a_request()) is None
    desk.appender.commit()
    assert [answer.status for answer in desk.answers] == [503]
    assert (b"retry-after", b"1") in desk.answers[0].headers


def test_while_stopping_new_callbacks_are_503_and_taken_ones_are_answered() -> None:
    desk = Desk()
    assert desk.ask(a_request()) is None
    desk.receiver.draining = True
    answer = desk.ask(a_request())
    assert answer is not None
    assert answer.status == 503
    desk.appender.commit()
    assert [answer.status for answer in desk.answers] == [200]


def test_a_probe_is_answered_and_forgotten_and_a_reply_of_its_own_comes_after_the_commit() -> None:
    desk = Desk()
    answer = desk.ask(a_request(b'{"ping": 1}'))
    assert answer == Answer(200, b'{"type":1}')
    assert desk.appender.waiting == []
    assert desk.ask(a_request(b'{"own": 1}')) is None
    assert desk.answers == []
    desk.appender.commit()
    assert desk.answers == [Answer(200, b'{"type":1}')]


class Odd(Shop):
    """A handler of somebody's own with every kind of fault."""

    identity: object = Identity("a", "b", "c")
    body: object = b"{}"

    def identify(self, request: Request) -> Identity:
        del request
        return self.identity  # type: ignore[return-value]

    def kept_body(self, request: Request) -> bytes:
        del request
        return self.body  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("identity", "body"),
    [(None, b"{}"), (Identity("a", None, ""), b"{}"), (Identity("a", 1, ""), b"{}"), (Identity("a", "b", ""), "text")],  # type: ignore[arg-type]
)
def test_a_handler_that_gives_nonsense_is_500_and_its_row_never_reaches_the_others(
    identity: object, body: object
) -> None:
    odd = Odd()
    odd.identity, odd.body = identity, body
    assert refused(Desk(odd), a_request()) == 500


def test_a_fault_is_logged_by_kind_and_place_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    refused(Desk(), a_request(b'{"boom": 1}'))
    assert "RuntimeError" in caplog.text
    assert "doors.py" in caplog.text
    assert "secret" not in caplog.text


def test_a_flood_of_refusals_is_one_line_a_second(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    for number in range(1000):
        refused(desk, a_request(x_sign="bad", at=5_000_000 + number))
    refused(desk, a_request(x_sign="bad", at=7_000_000))
    assert caplog.text.count("receive.refused") == 2
    assert "1000" in caplog.text


def test_reasons_from_a_handler_cannot_fill_the_memory() -> None:
    counters = Counters()
    for number in range(3000):
        counters.refuse("shop", f"reason {number} " + "x" * 1000, at=0)
    assert len(counters.refused) <= 1001
    assert all(len(reason) <= 64 for _, reason in counters.refused)
    assert sum(counters.refused.values()) == 3000


def test_the_clock_may_jump_back(caplog: pytest.LogCaptureFixture) -> None:
    counters = Counters()
    counters.refuse("shop", "r", at=10**15)
    counters.refuse("shop", "r", at=10**12)
    assert caplog.text.count("receive.refused") == 2
