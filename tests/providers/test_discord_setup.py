"""What Discord is asked about an application, and what each answer means."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import httpx2
import pytest

from app.providers.bot_setup import SetupAnswer
from app.providers.discord_setup import application, invitation, register
from app.providers.outgoing import open_client
from tests.fakes import chat_api as fake
from tests.fakes.chat_api import Answer
from tests.fakes.setup_api import APPLICATION_ID, BOT_TOKEN, VERIFY_KEY, SetupApi, setup_api

COMMANDS = [{"type": 1, "name": "saldo", "description": "Show your balance"}]


@pytest.fixture
def api() -> Iterator[SetupApi]:
    with setup_api() as running:
        yield running


def ask(question: Callable[[httpx2.AsyncClient], Awaitable[SetupAnswer]]) -> SetupAnswer:
    async def run() -> SetupAnswer:
        async with open_client(public_only=False) as client:
            return await question(client)

    return asyncio.run(run())


def test_the_application_is_asked_for_by_the_bots_token(api: SetupApi) -> None:
    heard = ask(lambda client: application(client, f"{api.discord_url}/", BOT_TOKEN))
    assert (heard.kind, heard.told["id"], heard.told["verify_key"]) == ("told", APPLICATION_ID, VERIFY_KEY)
    assert api.asked[0].headers["user-agent"].startswith("DiscordBot (")


def test_commands_replace_those_that_there_were(api: SetupApi) -> None:
    api.registered = [{"name": "old"}]
    heard = ask(lambda client: register(client, api.discord_url, BOT_TOKEN, APPLICATION_ID, COMMANDS))
    assert heard.kind == "told"
    assert api.registered == COMMANDS
    assert (api.asked[0].method, api.asked[0].path) == ("PUT", f"/applications/{APPLICATION_ID}/commands")


def test_the_invitation_asks_for_the_bot_and_its_commands() -> None:
    assert invitation("7") == (
        "https://discord.com/oauth2/authorize?client_id=7&scope=bot+applications.commands&permissions=19456"
    )


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (fake.discord_no(401, 0, "401: Unauthorized"), "key_refused"),
        (fake.discord_no(403, 20001, "Bots cannot use this endpoint"), "refused"),
        (fake.discord_no(404, 10002, "Unknown Application"), "refused"),
        (fake.discord_too_many(1.5), "wait"),
        (fake.discord_ban(), "wait"),
        (fake.failing(503), "unavailable"),
        (fake.nonsense(), "unavailable"),
        (fake.cut(), "unavailable"),
        (Answer(200, b'{"id": "../x"}'), "unavailable"),
        (Answer(200, b'"x"'), "unavailable"),
    ],
)
def test_discords_answers(api: SetupApi, answer: Answer, kind: str) -> None:
    api.say("/applications/@me", answer)
    api.say(f"/applications/{APPLICATION_ID}/commands", answer)
    for heard in (
        ask(lambda client: application(client, api.discord_url, BOT_TOKEN)),
        ask(lambda client: register(client, api.discord_url, BOT_TOKEN, APPLICATION_ID, COMMANDS)),
    ):
        assert heard.kind == kind
        assert BOT_TOKEN not in repr(heard)
