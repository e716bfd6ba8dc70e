"""Which addresses and secrets Telegram takes, and what each answer to a question of set-up means."""

import asyncio
import json

import pytest

from app.core.errors import FieldError
from app.providers.bot_setup import Service, SetupAnswer, read
from app.providers.outgoing import Reply, open_client
from app.providers.telegram_setup import (
    MENU,
    TELEGRAM,
    UPDATE_KINDS,
    call,
    is_official,
    menu_fields,
    secret_trouble,
    webhook_address,
    webhook_fields,
)
from tests.fakes import chat_api as fake
from tests.fakes.chat_api import TOKEN, Answer
from tests.fakes.setup_api import setup_api

OURS = "/callbacks/webhook/telegram"


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("https://shop.example", f"https://shop.example{OURS}"),
        ("https://shop.example/", f"https://shop.example{OURS}"),
        ("HTTPS://shop.example:8443", f"https://shop.example:8443{OURS}"),
        ("https://shop.example:88/", f"https://shop.example:88{OURS}"),
        ("https://shop.example/tg?a=1", "https://shop.example/tg?a=1"),
        ("https://[2001:db8::1]:443", f"https://[2001:db8::1]:443{OURS}"),
    ],
)
def test_an_address_without_a_path_gets_ours(typed: str, address: str) -> None:
    assert webhook_address(typed, official=True) == address


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("http://shop.example", "must begin with https://"),
        ("shop.example", "must begin with https://"),
        ("", "must begin with https://"),
        ("https://", "must be a host's address"),
        ("https://ani@shop.example", "without user"),
        ("https://shop.example/#x", "fragment"),
        ("https://shop.example:8000", "443, 80, 88 and 8443 only, not 8000"),
        ("https://shop.example:0", "not 0"),
        ("https://shop.example:99999", "cannot be read"),
        ("https://[", "cannot be read"),
        ("https://shop.example/a b", "has a space"),
        ("https://shop.example/\x1b[31m", "has a space or a sign"),
    ],
)
def test_an_address_that_telegram_does_not_call_is_refused_with_the_reason(typed: str, reason: str) -> None:
    with pytest.raises(FieldError, match=r"^URL: ") as refused:
        webhook_address(typed, official=True)
    assert reason in str(refused.value)


def test_a_bot_api_server_of_ones_own_calls_http_and_any_port() -> None:
    assert webhook_address("http://127.0.0.1:8000", official=False) == f"http://127.0.0.1:8000{OURS}"
    with pytest.raises(FieldError):
        webhook_address("ftp://127.0.0.1", official=False)
    known = [is_official(url) for url in ("https://API.telegram.org/", "http://127.0.0.1:8081", "http://[")]
    assert known == [True, False, False]


@pytest.mark.parametrize(
    ("secret", "trouble"),
    [
        ("a", ""),
        ("Az09_-" * 42, ""),
        ("x" * 256, ""),
        ("x" * 257, "257 characters"),
        ("geheim!", "a character"),
        ("rahasia\u0660", "a character"),
        ("a\n", "a character"),
        ("", "a character"),
    ],
)
def test_a_secret_that_telegram_does_not_take_is_told_with_the_reason_and_not_shown(secret: str, trouble: str) -> None:
    told = secret_trouble(secret)
    assert bool(told) == bool(trouble)
    assert trouble in told
    assert not trouble or not secret or secret not in told


def test_every_kind_of_update_is_asked_for_by_name() -> None:
    fields = webhook_fields("https://x", "s", drop_pending=False)
    assert fields["allowed_updates"] == list(UPDATE_KINDS)
    assert {"chat_member", "message_reaction", "message_reaction_count"} < set(UPDATE_KINDS)
    assert len(set(UPDATE_KINDS)) == len(UPDATE_KINDS)
    assert (fields["max_connections"], fields["drop_pending_updates"]) == (40, False)


def test_the_menu_is_english_for_all_and_indonesian_for_indonesians() -> None:
    assert list(MENU) == ["start", "saldo", "status", "topup", "unlink", "bahasa"]
    english, indonesian = menu_fields("en"), menu_fields("id")
    assert "language_code" not in english
    assert indonesian["language_code"] == "id"
    assert english["commands"][1] == {"command": "saldo", "description": "Show your balance"}
    assert indonesian["commands"][1] == {"command": "saldo", "description": "Lihat saldo Anda"}
    for menu in (english, indonesian):
        assert menu["scope"] == {"type": "all_private_chats"}
        assert all(3 <= len(each["description"]) <= 256 for each in menu["commands"])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, b'{"ok": true, "result": {"username": "x"}}'), "told"),
        (Answer(200, b'{"ok": false}'), "unavailable"),
        (Answer(200, b"[]"), "unavailable"),
        (fake.nonsense(), "unavailable"),
        (fake.refused(400, "Bad Request: bad webhook"), "refused"),
        (fake.refused(401, "Unauthorized"), "key_refused"),
        (fake.refused(404, "Not Found"), "key_refused"),
        (fake.too_many(3), "wait"),
        (fake.failing(502), "unavailable"),
        (fake.cut(), "unavailable"),
        (Answer(302, b"", {"location": "http://127.0.0.1:1/"}), "unavailable"),
        (fake.refused(400, f"what is {TOKEN}?"), "refused"),
    ],
)
def test_the_bot_apis_answers(answer: Answer, kind: str) -> None:
    async def ask(url: str) -> SetupAnswer:
        async with open_client(public_only=False) as client:
            return await call(client, url, TOKEN, "getMe")

    with setup_api() as api:
        api.say("getMe", answer)
        heard = asyncio.run(ask(api.url))
    assert heard.kind == kind
    assert heard.told == ({"username": "x"} if kind == "told" else None)
    assert heard.retry_after_seconds == (3.0 if kind == "wait" else None)
    assert TOKEN not in repr(heard)


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({}, {"retry_after": 1.5}, 1.5),
        ({}, {"parameters": {"retry_after": 7}}, 7.0),
        ({"retry-after": "9"}, {"retry_after": True}, 9.0),
        ({}, {"parameters": 5}, None),
        ({}, [], None),
    ],
)
def test_how_long_to_wait_is_read_where_each_service_tells_it(
    headers: dict[str, str], body: object, seconds: float | None
) -> None:
    heard = read(TELEGRAM, Reply(429, headers, json.dumps(body).encode()))
    assert (heard.kind, heard.retry_after_seconds) == ("wait", seconds)


def test_words_are_bounded() -> None:
    service = Service("X", "message", frozenset())
    assert len(read(service, Reply(400, {}, json.dumps({"message": "x" * 5000}).encode())).detail) < 400
