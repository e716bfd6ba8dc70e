"""What each answer of Telegram and Discord means for a message, from a real server on loopback."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from app.providers.chat_api import Said, read_discord, send_discord, send_telegram
from app.providers.outgoing import Reply, open_client
from tests.fakes import chat_api as fake
from tests.fakes.chat_api import TOKEN, Answer, ChatApi, chat_api


@pytest.fixture(scope="module")
def api() -> Iterator[ChatApi]:
    with chat_api() as running:
        yield running


def telegram(api: ChatApi, answer: Answer, *, token: str = TOKEN, seconds: float = 5.0) -> Said:
    api.say("7", answer)

    async def send() -> Said:
        async with open_client(public_only=False) as client:
            return await send_telegram(client, api.url, token, {"chat_id": "7", "text": "x"}, total_seconds=seconds)

    return asyncio.run(send())


def discord(api: ChatApi, answer: Answer, *, public_only: bool = False, url: str = "") -> Said:
    api.say("shop", answer)

    async def send() -> Said:
        async with open_client(public_only=public_only) as client:
            return await send_discord(client, url or api.webhook("shop"), {"content": "x"})

    return asyncio.run(send())


def test_a_message_that_was_sent_has_the_id_that_the_service_gave_it(api: ChatApi) -> None:
    said = telegram(api, fake.ok())
    assert (said.kind, said.message_id) == ("sent", str(len(api.sent)))
    said = discord(api, fake.ok())
    assert (said.kind, said.message_id) == ("sent", str(len(api.sent)))


@pytest.mark.parametrize(
    ("answer", "kind", "more"),
    [
        (fake.too_many(7), "wait", {"retry_after_seconds": 7.0}),
        (fake.refused(429, "slow down"), "wait", {"retry_after_seconds": 30.0}),
        (Answer(429, b"<html>", {"retry-after": "9"}), "wait", {"retry_after_seconds": 9.0}),
        (fake.refused(403, "Forbidden: bot was blocked by the user"), "blocked", {}),
        (fake.refused(400, "Bad Request: chat not found"), "gone", {}),
        (fake.refused(400, "Bad Request: message is too long"), "refused", {}),
        (fake.refused(400, "Bad Request: can't parse entities: Unsupported start tag"), "markup", {}),
        (
            fake.refused(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-100123),
            "moved",
            {"moved_to": "-100123"},
        ),
        (fake.refused(401, "Unauthorized"), "key_refused", {}),
        (fake.failing(500), "unavailable", {}),
        (fake.failing(502), "lost", {}),
        (fake.nonsense(), "lost", {}),
        (fake.cut(), "lost", {}),
        (Answer(302, b"", {"location": "http://127.0.0.1:1/"}), "refused", {}),
    ],
)
def test_telegrams_answers(api: ChatApi, answer: Answer, kind: str, more: dict[str, Any]) -> None:
    said = telegram(api, answer)
    assert {name: getattr(said, name) for name in ("kind", *more)} == {"kind": kind, **more}
    assert TOKEN not in repr(said)


def test_an_answer_that_does_not_come_is_lost_and_a_server_that_is_not_there_is_not(api: ChatApi) -> None:
    assert telegram(api, fake.silent(), seconds=0.1).kind == "lost"

    async def nowhere() -> Said:
        async with open_client(public_only=False) as client:
            return await send_telegram(client, "http://127.0.0.1:9", TOKEN, {"chat_id": "7", "text": "x"})

    said = asyncio.run(nowhere())
    assert said == Said("unavailable", "127.0.0.1: cannot be reached")


def test_a_token_that_is_wrong_is_no_fault_of_the_message(api: ChatApi) -> None:
    assert telegram(api, fake.ok(), token="1:wrong").kind == "key_refused"


@pytest.mark.parametrize(
    ("answer", "kind", "more"),
    [
        (fake.discord_too_many(1.5), "wait", {"retry_after_seconds": 1.5, "everywhere": False}),
        (fake.discord_too_many(2, everywhere=True), "wait", {"retry_after_seconds": 2.0, "everywhere": True}),
        (fake.discord_ban(), "wait", {"retry_after_seconds": 300.0, "everywhere": True}),
        (fake.discord_no(404, 10015, "Unknown Webhook"), "gone", {}),
        (fake.discord_no(401, 50027, "Invalid Webhook Token"), "gone", {}),
        (fake.discord_no(400, 50035, "Invalid Form Body"), "refused", {}),
        (Answer(204, b""), "sent", {}),
        (fake.failing(503), "unavailable", {}),
        (fake.failing(504), "lost", {}),
        (fake.cut(), "lost", {}),
    ],
)
def test_discords_answers(api: ChatApi, answer: Answer, kind: str, more: dict[str, Any]) -> None:
    said = discord(api, answer)
    assert {name: getattr(said, name) for name in ("kind", *more)} == {"kind": kind, **more}
    assert "wh-secret" not in repr(said)


def test_a_webhook_into_a_private_network_is_refused_and_nothing_is_sent(api: ChatApi) -> None:
    before = len(api.sent)
    said = discord(api, fake.ok(), public_only=True)
    assert (said.kind, len(api.sent)) == ("refused", before)
    assert "wh-secret" not in said.detail


def test_a_message_is_asked_for_whatever_the_address_says(api: ChatApi) -> None:
    assert discord(api, fake.ok(), url=api.webhook("shop") + "?thread_id=5&wait=false#x").message_id


def test_a_limit_without_sense_waits_a_while() -> None:
    said = read_discord(Reply(429, {"x-ratelimit-limit": "5"}, b'{"retry_after": "soon"}'))
    assert said.retry_after_seconds == 30.0
