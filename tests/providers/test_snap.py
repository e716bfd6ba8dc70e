"""What each answer of Snap means for a payment page, from a real server on loopback and from a table."""

import json
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.config import Settings
from app.providers.outgoing import Reply, open_client
from app.providers.snap import Opened, open_payment, read_snap
from tests.fakes import snap_api as fake
from tests.fakes.snap_api import KEY, Answer, SnapApi, snap_api

PAGE = "https://app.sandbox.midtrans.com/snap/v4/redirection/66e4fa55"


@pytest.fixture(scope="module")
def api() -> Iterator[SnapApi]:
    with snap_api() as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with open_client(public_only=False) as opened:
        yield opened


async def test_a_page_is_opened_with_the_order_the_whole_rupiah_and_3d_secure(
    api: SnapApi, client: httpx2.AsyncClient
) -> None:
    opened = await open_payment(client, f"{api.url}/", KEY.encode(), "TU-1", 50_000)

    assert (opened.kind, opened.token) == ("opened", "token-of-TU-1")
    assert opened.redirect_url == f"{api.url}/snap/v4/redirection/token-of-TU-1"
    wished = api.wished[-1]
    assert (wished.path, wished.key) == ("/snap/v1/transactions", KEY)
    assert wished.fields == {
        "transaction_details": {"order_id": "TU-1", "gross_amount": 50_000},
        "credit_card": {"secure": True},
    }


async def test_the_same_order_opens_again_until_a_method_is_chosen(api: SnapApi, client: httpx2.AsyncClient) -> None:
    kinds = [(await open_payment(client, api.url, KEY.encode(), "TU-2", 1)).kind for _ in range(2)]
    api.choose("TU-2")
    kinds.append((await open_payment(client, api.url, KEY.encode(), "TU-2", 1)).kind)
    assert kinds == ["opened", "opened", "taken"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (fake.taken("id"), "taken"),
        (fake.taken("en"), "taken"),
        (fake.key_refused(), "key_refused"),
        (fake.refused(400, "transaction_details.gross_amount must be greater than or equal to 0.01"), "refused"),
        (fake.failing(500), "unavailable"),
        (fake.failing(503), "unavailable"),
        (fake.page(), "unavailable"),
        (fake.page(404), "unavailable"),
        (fake.cut(), "unavailable"),
        (Answer(302, b"", {"Location": PAGE}), "unavailable"),
        (fake.too_many("7"), "wait"),
    ],
)
async def test_snaps_answers(api: SnapApi, client: httpx2.AsyncClient, answer: Answer, kind: str) -> None:
    api.say("TU-3", answer)
    opened = await open_payment(client, api.url, KEY.encode(), "TU-3", 1)
    assert (opened.kind, opened.redirect_url, opened.token) == (kind, "", "")
    assert opened.retry_after_seconds == (7.0 if kind == "wait" else None)
    assert KEY not in repr(opened)


async def test_an_answer_that_comes_late_or_never_and_a_server_that_is_not_there_are_unavailable(
    api: SnapApi, client: httpx2.AsyncClient
) -> None:
    for answer in (fake.silent(), fake.slow(0.5)):
        api.say("TU-4", answer)
        opened = await open_payment(client, api.url, KEY.encode(), "TU-4", 1, total_seconds=0.1)
        assert opened == Opened("unavailable", "127.0.0.1: no answer in time")
    nowhere = await open_payment(client, "http://127.0.0.1:9", KEY.encode(), "TU-4", 1)
    assert nowhere == Opened("unavailable", "127.0.0.1: cannot be reached")


async def test_a_key_that_is_wrong_is_not_named(api: SnapApi, client: httpx2.AsyncClient) -> None:
    api.say("TU-5", fake.refused(400, "who is SB-Mid-server-wrong?"))
    wrong = await open_payment(client, api.url, b"SB-Mid-server-wrong", "TU-5", 1)
    assert (wrong.kind, "SB-Mid" in repr(wrong)) == ("key_refused", False)
    echoed = Reply(400, {}, json.dumps({"error_messages": [f"who is {KEY}?"]}).encode())
    assert read_snap(echoed).detail == f"HTTP 400: who is {KEY}?"
    api.say("TU-5", Answer(400, echoed.body))
    assert (await open_payment(client, api.url, KEY.encode(), "TU-5", 1)).detail == "HTTP 400: who is ***?"


@pytest.mark.parametrize(("order_id", "amount"), [("TU-\udcff", 1), ("TU-6", 10**5000)], ids=["id", "amount"])
async def test_what_cannot_be_written_is_refused_and_not_sent(
    api: SnapApi, client: httpx2.AsyncClient, order_id: str, amount: int
) -> None:
    before = len(api.wished)
    assert (await open_payment(client, api.url, KEY.encode(), order_id, amount)).kind == "refused"
    assert len(api.wished) == before


async def test_an_address_that_nobody_can_ask_is_unavailable(client: httpx2.AsyncClient) -> None:
    for address in ("", "nonsense", "http://[", "ftp://x", "http://\udcff"):
        assert (await open_payment(client, address, KEY.encode(), "TU-7", 1)).kind == "unavailable"


def told(**fields: object) -> bytes:
    return json.dumps({"token": "t", "redirect_url": PAGE} | fields).encode()


def no(*messages: object, **more: object) -> bytes:
    return json.dumps({"error_messages": list(messages)} | more).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (201, told(), "opened"),
        (200, told(), "opened"),
        (201, told(redirect_url="http://127.0.0.1:5/snap/x"), "opened"),
        (201, told(redirect_url="http://127.0.0.1:6/snap/x"), "unavailable"),
        (201, told(redirect_url="http://app.midtrans.com/x"), "unavailable"),
        (201, told(redirect_url="javascript:alert(1)"), "unavailable"),
        (201, told(redirect_url="https://user@app.midtrans.com/x"), "unavailable"),
        (201, told(redirect_url="https://app.midtrans.com/x y"), "unavailable"),
        (201, told(redirect_url="https://app.midtrans.com/\u202ex"), "unavailable"),
        (201, told(redirect_url="https://["), "unavailable"),
        (201, told(redirect_url="https://"), "unavailable"),
        (201, told(redirect_url="https://x/" + "x" * 3000), "unavailable"),
        (201, told(redirect_url=5), "unavailable"),
        (201, told(token=None), "unavailable"),
        (201, no("order_id sudah digunakan"), "unavailable"),
        (201, b'{"token": "t", "redir', "unavailable"),
        (201, b"[]", "unavailable"),
        (201, b"", "unavailable"),
        (400, no("transaction_details.order_id sudah digunakan"), "taken"),
        (400, no("transaction_details.order_id has already been taken"), "taken"),
        (400, no("x", "Transaction_details.ORDER_ID Sudah Digunakan"), "taken"),
        (406, no(status_message="order_id has been paid and utilized, please use another order ID"), "taken"),
        (400, no("voucher has already been taken"), "refused"),
        (400, no("transaction_details.order_id is required"), "refused"),
        (400, no(5, None), "refused"),
        (403, no("Forbidden"), "refused"),
        (400, b"<html>", "unavailable"),
        (404, b"", "unavailable"),
        (408, no("late"), "unavailable"),
        (500, no("transaction_details.order_id sudah digunakan"), "unavailable"),
        (502, b"<html>", "unavailable"),
        (301, b"", "unavailable"),
        (401, b"<html>", "key_refused"),
        (429, b"<html>", "wait"),
    ],
)
def test_the_table_of_answers(status: int, body: bytes, kind: str) -> None:
    opened = read_snap(Reply(status, {}, body), "http://127.0.0.1:5")
    assert opened.kind == kind
    assert bool(opened.redirect_url) == bool(opened.token) == (kind == "opened")
    assert opened.retry_after_seconds == (30.0 if kind == "wait" else None)


def test_midtrans_words_are_told_and_bounded() -> None:
    assert read_snap(Reply(400, {}, no("one", "two"))).detail == "HTTP 400: one; two"
    assert len(read_snap(Reply(400, {}, no("x" * 5000))).detail) < 400
    assert read_snap(Reply(503, {"retry-after": "9"}, b"")).retry_after_seconds == 9.0


@given(st.integers(100, 599), st.binary(max_size=200))
def test_no_answer_makes_it_raise(status: int, body: bytes) -> None:
    assert read_snap(Reply(status, {}, body)).kind in {"unavailable", "key_refused", "wait", "refused"}


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, "https://app.midtrans.com"),
        ({"midtrans_server_key": "SB-Mid-server-x"}, "https://app.sandbox.midtrans.com"),
        ({"midtrans_server_key": "Mid-server-x"}, "https://app.midtrans.com"),
        ({"midtrans_api_url": "https://API.midtrans.com/"}, "https://app.midtrans.com"),
        ({"midtrans_api_url": "http://127.0.0.1:9/"}, "http://127.0.0.1:9"),
        ({"midtrans_api_url": "https://api.shop.example"}, "https://api.shop.example"),
    ],
)
def test_snap_lies_beside_the_api(values: dict[str, str], address: str) -> None:
    assert Settings.model_validate(values).midtrans_snap() == address
