"""Discord is given the slash commands, and what it knows of the application becomes what to mend."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from app.callbacks.discord.commands import COMMANDS, as_json
from app.core.config import Settings
from app.core.errors import ExternalAPIError, StartRefused
from app.operate import discord_setup as verbs
from tests.fakes import chat_api as fake
from tests.fakes.chat_api import Answer
from tests.fakes.setup_api import APPLICATION_ID, BOT_TOKEN, VERIFY_KEY, SetupApi, setup_api

OURS = "https://shop.example/callbacks/webhook/discord"


@pytest.fixture
def api() -> Iterator[SetupApi]:
    with setup_api() as running:
        yield running


def settings(api: SetupApi, **more: Any) -> Settings:
    values = {
        "discord_api_url": api.discord_url,
        "discord_bot_token": f"{BOT_TOKEN},an-old-token",
        "discord_public_key": VERIFY_KEY,
        "callback_lang": "en",
    }
    return Settings.model_validate(values | more)


def test_our_commands_are_registered_at_the_tokens_application(api: SetupApi) -> None:
    sent = [as_json(command) for command in COMMANDS]
    told = asyncio.run(verbs.register(settings(api), sent))
    assert (told.name, told.application_id) == ("Toko Pulsa", APPLICATION_ID)
    assert told.commands == [command.name for command in COMMANDS]
    assert api.registered == sent


@pytest.mark.parametrize(
    ("key", "fits", "told"),
    [
        (VERIFY_KEY, True, []),
        (VERIFY_KEY.upper(), True, []),
        (f"{'0' * 64},{VERIFY_KEY}", True, []),
        ("0" * 64, False, ["DISCORD_PUBLIC_KEY belongs to another application: every interaction is answered 401"]),
        (None, False, ["DISCORD_PUBLIC_KEY is not set"]),
    ],
)
def test_the_key_is_compared_with_the_applications(api: SetupApi, key: str | None, fits: bool, told: list[str]) -> None:  # noqa: FBT001
    api.application["interactions_endpoint_url"] = OURS
    shown = asyncio.run(verbs.show(settings(api, discord_public_key=key)))
    assert (shown.public_key_fits, [each.told for each in shown.findings]) == (fits, told)
    assert all(f"DISCORD_PUBLIC_KEY={VERIFY_KEY}" in each.to_do for each in shown.findings)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (OURS, []),
        (f"{OURS}/", []),
        (None, ["Discord sends interactions to no address"]),
        ("", ["Discord sends interactions to no address"]),
        ("https://other.example/x", ["the address does not end in /callbacks/webhook/discord"]),
        ("https://[", ["the address does not end in /callbacks/webhook/discord"]),
    ],
)
def test_where_interactions_go_elsewhere_what_to_enter_is_told(api: SetupApi, url: str | None, told: list[str]) -> None:
    api.application["interactions_endpoint_url"] = url
    shown = asyncio.run(verbs.show(settings(api)))
    assert shown.interactions_endpoint_url == (url or "")
    assert [each.told for each in shown.findings] == told
    assert all("Interactions Endpoint URL" in each.to_do for each in shown.findings)


def test_without_a_token_discord_is_not_asked(api: SetupApi) -> None:
    for question in (verbs.show, lambda found: verbs.register(found, [])):
        with pytest.raises(StartRefused, match="DISCORD_BOT_TOKEN is not set"):
            asyncio.run(question(settings(api, discord_bot_token=" ,")))
    assert api.asked == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (fake.discord_no(401, 0, "401: Unauthorized"), "DISCORD_BOT_TOKEN is wrong"),
        (fake.discord_no(400, 50035, f"Invalid Form Body {BOT_TOKEN}"), "Invalid Form Body ***"),
        (fake.discord_too_many(2), "try again in 2 s"),
        (fake.discord_ban(), "try again later"),
        (fake.failing(503), "nothing is known to have changed"),
        (Answer(200, b"{}"), "nothing is known to have changed"),
    ],
)
def test_discords_no_is_told_in_its_words_without_the_token(
    api: SetupApi, answer: Answer, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.say(f"/applications/{APPLICATION_ID}/commands", answer)
    with pytest.raises(ExternalAPIError) as refused:
        asyncio.run(verbs.register(settings(api), []))
    assert told in str(refused.value)
    assert BOT_TOKEN not in repr(refused.value) + caplog.text
