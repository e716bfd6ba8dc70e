"""Telegram is told where our server is, and what it says of deliveries becomes what to mend."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from app.core.config import Settings
from app.core.errors import ExternalAPIError, FieldError, StartRefused
from app.operate import telegram_setup as verbs
from app.providers.telegram_setup import MENU, UPDATE_KINDS
from tests.fakes import chat_api as fake
from tests.fakes.chat_api import TOKEN
from tests.fakes.setup_api import SetupApi, setup_api

SECRET = "a-secret_of-the-tests-0123456789"
NOW = 1_800_000_000_000_000
OURS = "/callbacks/webhook/telegram"


@pytest.fixture
def api() -> Iterator[SetupApi]:
    with setup_api() as running:
        yield running


def settings(api: SetupApi | None = None, **more: Any) -> Settings:
    values = {
        "telegram_api_url": api.url if api else "https://api.telegram.org",
        "telegram_bot_token": TOKEN,
        "telegram_webhook_secret": SECRET,
        "callback_lang": "en",
    }
    return Settings.model_validate(values | more)


def set_webhook(
    found: Settings, url: str = "https://shop.example", *, drop: bool = False
) -> verbs.TelegramWebhookShown:
    return asyncio.run(verbs.set_webhook(found, url, drop_pending=drop))


def show(found: Settings) -> verbs.TelegramShown:
    return asyncio.run(verbs.show(found, at=NOW))


def test_telegram_is_given_the_address_the_first_secret_every_kind_and_the_menu(api: SetupApi) -> None:
    told = set_webhook(settings(api, telegram_webhook_secret=f"{SECRET},old!"))
    assert (told.username, told.url) == ("toko_pulsa_bot", f"https://shop.example{OURS}")
    assert api.webhook == {
        "url": f"https://shop.example{OURS}",
        "secret_token": SECRET,
        "allowed_updates": list(UPDATE_KINDS),
        "max_connections": 40,
        "drop_pending_updates": False,
    }
    assert {lang: [each["command"] for each in menu] for lang, menu in api.menus.items()} == {
        "": list(MENU),
        "id": list(MENU),
    }
    assert show(settings(api)).findings == []


def test_what_waits_at_telegram_is_dropped_only_when_asked(api: SetupApi) -> None:
    api.fails(NOW // 1_000_000, "x", pending=7)
    set_webhook(settings(api))
    assert show(settings(api)).pending_update_count == 7
    assert set_webhook(settings(api), drop=True).pending_dropped
    assert show(settings(api)).pending_update_count == 0
    asyncio.run(verbs.delete_webhook(settings(api), drop_pending=True))
    assert api.asked[-1].fields == {"drop_pending_updates": True}
    assert show(settings(api)).url == ""


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"telegram_bot_token": None}, "TELEGRAM_BOT_TOKEN is not set"),
        ({"telegram_webhook_secret": None}, "`openssl rand -hex 32`"),
        ({"telegram_webhook_secret": " , "}, "TELEGRAM_WEBHOOK_SECRET is not set"),
        ({"telegram_webhook_secret": "geheim!"}, "a character that Telegram does not take"),
        ({"telegram_webhook_secret": "x" * 257}, "257 characters"),
    ],
)
def test_what_is_not_set_up_is_told_before_telegram_is_asked(api: SetupApi, more: dict[str, Any], told: str) -> None:
    with pytest.raises(StartRefused) as refused:
        set_webhook(settings(api, **more))
    assert told in str(refused.value)
    assert not any(value and value in str(refused.value) for value in more.values() if value != " , ")
    assert api.asked == []


def test_telegram_itself_is_given_https_alone_and_another_bot_api_http_too(api: SetupApi) -> None:
    with pytest.raises(FieldError):
        set_webhook(settings(), "http://127.0.0.1:8000")
    assert set_webhook(settings(api), " http://127.0.0.1:8000 ").url == f"http://127.0.0.1:8000{OURS}"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (fake.refused(400, "Bad Request: bad webhook: Failed to resolve host"), "Failed to resolve host"),
        (fake.refused(401, "Unauthorized"), "TELEGRAM_BOT_TOKEN is wrong"),
        (fake.too_many(5), "try again in 5 s"),
        (fake.failing(500), "nothing is known to have changed"),
        (fake.cut(), "nothing is known to have changed"),
        (fake.refused(400, f"{TOKEN} {SECRET}"), "*** ***"),
    ],
)
def test_telegrams_no_is_told_in_its_words_without_token_or_secret(
    api: SetupApi, answer: fake.Answer, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.say("setWebhook", answer)
    with pytest.raises(ExternalAPIError) as refused:
        set_webhook(settings(api))
    assert str(refused.value).startswith("Telegram: ")
    assert told in str(refused.value)
    for text in (repr(refused.value), caplog.text):
        assert TOKEN not in text
        assert SECRET not in text


def test_a_menu_that_telegram_refuses_is_told_beside_the_webhook_that_is_set(api: SetupApi) -> None:
    api.say("setMyCommands", fake.refused(400, "Bad Request: BOT_COMMAND_INVALID"))
    with pytest.raises(ExternalAPIError, match=r"the webhook is set, the menu is not: .*BOT_COMMAND_INVALID"):
        set_webhook(settings(api))
    assert api.webhook


def test_a_server_that_is_not_there_is_told(api: SetupApi) -> None:
    with pytest.raises(ExternalAPIError, match="cannot be reached"):
        show(settings(api, telegram_api_url="http://127.0.0.1:9"))


def test_where_no_webhook_is_set_the_command_is_told(api: SetupApi) -> None:
    (finding,) = show(settings(api)).findings
    assert (finding.state, finding.told) == ("warn", "Telegram sends updates nowhere")
    assert finding.to_do == "callbacks telegram set-webhook https://YOUR-HOST"


def test_a_webhook_of_somebody_else_is_told_and_a_token_in_its_address_is_hidden(api: SetupApi) -> None:
    api.info |= {"url": f"https://other.example/{TOKEN}", "allowed_updates": ["message"]}
    told = show(settings(api))
    assert told.url == "https://other.example/***"
    assert [each.what for each in told.findings] == ["webhook", "updates"]
    assert "callback_query" in told.findings[1].told
    assert TOKEN not in told.model_dump_json()


def test_the_list_that_telegram_chooses_itself_lacks_three_kinds(api: SetupApi) -> None:
    api.info |= {"url": f"https://shop.example{OURS}"}
    (finding,) = show(settings(api)).findings
    assert finding.told == "Telegram does not send: chat_member, message_reaction, message_reaction_count"


@pytest.mark.parametrize(
    ("words", "to_do"),
    [
        ("Wrong response from the webhook: 401 Unauthorized", "another TELEGRAM_WEBHOOK_SECRET"),
        ("Wrong response from the webhook: 404 Not Found", "the address is wrong"),
        ("Wrong response from the webhook: 503 Service Unavailable", "callbacks doctor"),
        ("Wrong response from the webhook: 500 Internal Server Error", "logs of server and proxy"),
        ("Connection refused", "reached from the internet"),
        ("SSL error {error:0A000086:SSL routines::certificate verify failed}", "valid certificate"),
    ],
)
def test_a_delivery_that_fails_says_what_to_mend(api: SetupApi, words: str, to_do: str) -> None:
    set_webhook(settings(api))
    api.fails(NOW // 1_000_000 - 60, words)
    told = show(settings(api))
    assert (told.last_error, told.last_error_at) == (words, "2027-01-15T07:59:00.000000Z")
    (finding,) = told.findings
    assert (finding.state, finding.told) == ("wrong", f"the last delivery failed: {words}")
    assert to_do in finding.to_do


def test_an_old_error_counts_only_while_updates_wait(api: SetupApi) -> None:
    set_webhook(settings(api))
    api.fails(NOW // 1_000_000 - 86_400, "Connection refused", pending=0)
    assert show(settings(api)).findings == []
    api.fails(NOW // 1_000_000 - 86_400, "Connection refused", pending=1)
    assert len(show(settings(api)).findings) == 1


@pytest.mark.parametrize(
    "info",
    [
        {"url": 5, "last_error_date": 10**30, "last_error_message": [], "pending_update_count": "x"},
        {"url": "https://[", "last_error_date": True, "allowed_updates": [5, None], "pending_update_count": None},
    ],
)
def test_nonsense_in_an_answer_is_shown_as_far_as_it_can_be_read(api: SetupApi, info: dict[str, Any]) -> None:
    api.info = info
    told = show(settings(api))
    assert (told.last_error_at, told.pending_update_count) == ("", 0)


def test_without_a_secret_the_bot_is_shown_with_a_warning(api: SetupApi) -> None:
    set_webhook(settings(api))
    (finding,) = show(settings(api, telegram_webhook_secret=None)).findings
    assert finding.what == "secret"
