"""What the status API's answers mean, in every mode of a real server that plays it."""

import json
import time
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.providers.outgoing import Reply, open_client
from app.providers.status_api import StatusAnswer, ask, read
from tests.fakes.midtrans_api import (
    KEY,
    MidtransApi,
    Sayable,
    expired,
    failing,
    found,
    key_refused,
    midtrans_api,
    nonsense,
    page,
    silent,
    slow,
    too_many,
    unknown,
)


@pytest.fixture
def api() -> Iterator[MidtransApi]:
    with midtrans_api() as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with open_client(public_only=False) as opened:
        yield opened


async def test_a_payment_is_found_by_its_order_with_one_question(api: MidtransApi, client: httpx2.AsyncClient) -> None:
    notice = api.knows(order_id="TU-1", transaction_id="T1")

    answer = await ask(client, api.url, KEY.encode(), "TU-1", "T1")

    assert (answer.kind, answer.by, answer.order_unknown) == ("found", "order", False)
    assert json.loads(answer.body) == notice
    assert answer.asked == f"{api.url}/v2/TU-1/status"
    assert api.asked == ["TU-1"]
    assert api.keys == [KEY]


async def test_another_attempt_of_the_order_is_asked_for_by_its_transaction(
    api: MidtransApi, client: httpx2.AsyncClient
) -> None:
    api.knows(order_id="TU-1", transaction_id="T1", transaction_status="deny", status_code="202")
    api.knows(order_id="TU-1", transaction_id="T2")

    answer = await ask(client, api.url, KEY.encode(), "TU-1", "T1")

    assert (answer.kind, answer.by, answer.order_unknown) == ("found", "transaction", False)
    assert json.loads(answer.body)["transaction_status"] == "deny"
    assert api.asked == ["TU-1", "T1"]


async def test_without_an_attempt_the_orders_answer_stands(api: MidtransApi, client: httpx2.AsyncClient) -> None:
    api.knows(order_id="TU-1", transaction_id="T1")

    assert (await ask(client, api.url, KEY.encode(), "TU-1", "")).kind == "found"
    assert api.asked == ["TU-1"]


@pytest.mark.parametrize("http", [404, 200])
async def test_an_order_that_is_unknown_there_is_asked_for_by_its_transaction(
    api: MidtransApi, client: httpx2.AsyncClient, http: int
) -> None:
    api.say("TU-1", unknown(http))
    api.say("T-dana", found(order_id="T-dana", transaction_id="T-dana", payment_type="dana"))

    answer = await ask(client, api.url, KEY.encode(), "TU-1", "T-dana")

    assert (answer.kind, answer.by, answer.order_unknown) == ("found", "transaction", True)


@pytest.mark.parametrize("http", [404, 200])
async def test_what_is_known_under_neither_name_is_unknown(
    api: MidtransApi, client: httpx2.AsyncClient, http: int
) -> None:
    api.otherwise(unknown(http))

    answer = await ask(client, api.url, KEY.encode(), "TU-1", "T1")

    assert (answer.kind, answer.by, answer.order_unknown) == ("unknown", "transaction", True)
    assert api.asked == ["TU-1", "T1"]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (found(), "found"),
        (expired(), "found"),
        (slow(found(), 0.05), "found"),
        (found(status_code=200), "found"),
        (key_refused(401), "key_refused"),
        (key_refused(200), "key_refused"),
        (failing(500), "unavailable"),
        (failing(503), "unavailable"),
        (failing(404)._replace(body=b"<html>"), "unavailable"),
        (found(status_code="500"), "unavailable"),
        (found(status_code="429"), "unavailable"),
        (found(status_code="20"), "unavailable"),
        (found(transaction_status=None), "unavailable"),
        ({"status_code": "200"}, "unavailable"),
        (found() | {"status_code": ""}, "unavailable"),
        (too_many(), "unavailable"),
        (page(200), "unavailable"),
        (page(502), "unavailable"),
        (page(404), "unavailable"),
        (nonsense(), "unavailable"),
        (nonsense(b""), "unavailable"),
        (nonsense(b"[]"), "unavailable"),
        (nonsense(b"[" * 100_000), "unavailable"),
        (nonsense(b"\xff\xfe"), "unavailable"),
        (nonsense(b'{"status_code":"200","transaction_status":"settlement"}', http=400), "unavailable"),
        (Reply(302, {}, b""), "unavailable"),
        (nonsense(b"", http=404), "unknown"),
        (nonsense(b"{}", http=404), "unknown"),
    ],
)
async def test_every_answer_has_one_meaning(
    api: MidtransApi, client: httpx2.AsyncClient, said: Sayable, kind: str
) -> None:
    if isinstance(said, Reply):
        assert read(said)[0] == kind
        return
    api.say("TU-1", said)

    answer = await ask(client, api.url, KEY.encode(), "TU-1", "")

    assert answer.kind == kind, answer
    assert api.count() == 1


async def test_a_wrong_key_is_refused_and_the_answer_names_the_address_but_no_key(
    api: MidtransApi, client: httpx2.AsyncClient
) -> None:
    answer = await ask(client, api.url, b"SB-Mid-server-WRONG", "TU-1", "T1")

    assert answer.kind == "key_refused"
    assert answer.asked.startswith(api.url)
    assert "WRONG" not in repr(answer)
    assert api.count() == 1


async def test_how_long_to_wait_is_kept(api: MidtransApi, client: httpx2.AsyncClient) -> None:
    api.say("TU-1", too_many(retry_after="17"))

    assert (await ask(client, api.url, KEY.encode(), "TU-1", "T1")).retry_after_seconds == 17.0


async def test_who_never_answers_is_unavailable_in_time(api: MidtransApi, client: httpx2.AsyncClient) -> None:
    api.say("TU-1", silent())
    before = time.monotonic()

    answer = await ask(client, api.url, KEY.encode(), "TU-1", "T1", total_seconds=0.2)

    assert (answer.kind, answer.detail) == ("unavailable", "127.0.0.1: no answer in time")
    assert time.monotonic() - before < 2


async def test_nobody_at_the_address_is_unavailable(client: httpx2.AsyncClient) -> None:
    with midtrans_api() as gone:
        url = gone.url

    answer = await ask(client, url, KEY.encode(), "TU-1", "T1")

    assert (answer.kind, answer.detail) == ("unavailable", "127.0.0.1: cannot be reached")


@pytest.mark.parametrize("name", ["a/../b", "?x=1", "#f", "100%", "spasi di sini", "é✓", "a\nb", "%2e%2e", "-_~."])
async def test_an_id_is_one_segment_of_the_address_whatever_it_holds(
    api: MidtransApi, client: httpx2.AsyncClient, name: str
) -> None:
    api.say(name, found(order_id=name))

    assert (await ask(client, api.url, KEY.encode(), name, "")).kind == "found"
    assert api.asked == [name]


@pytest.mark.parametrize("name", ["", ".", "..", "x" * 129, "\ud800"])
async def test_an_id_that_no_payment_can_have_is_unknown_without_a_question(
    api: MidtransApi, client: httpx2.AsyncClient, name: str
) -> None:
    assert (await ask(client, api.url, KEY.encode(), name, "")).kind == "unknown"
    assert api.asked == []


async def test_a_user_in_the_configured_address_is_not_told(client: httpx2.AsyncClient) -> None:
    answer = await ask(client, "http://user:hemmelig@127.0.0.1:1/", KEY.encode(), "TU-1", "")

    assert answer.asked == "http://127.0.0.1:1/v2/TU-1/status"
    assert "hemmelig" not in repr(answer)


@given(status=st.integers(200, 599), body=st.binary(max_size=60))
def test_no_bytes_make_reading_raise(status: int, body: bytes) -> None:
    kind, words = read(Reply(status, {}, body))

    assert kind in {"unknown", "key_refused", "unavailable"}
    assert StatusAnswer(kind, "", body, words, by="order").detail
