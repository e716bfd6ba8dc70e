import threading
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from app.callbacks.callback_manager import CallbackManager
from app.callbacks.discord import gateway_interactions
from app.callbacks.discord.commands import COMMANDS, LINK_FIELD, LINK_FORM, as_json
from app.callbacks.discord.gateway import setup_discord_handlers
from app.callbacks.discord.interactions import at_once
from app.core.clock import now_us
from app.core.database import get_engine, writing
from app.operate import orders
from app.operate.chats import links
from app.operate.chats.commands import LINK_BUTTON
from app.operate.policy import UNASKED
from tests.callbacks.discord.conftest import Offline, kept
from tests.fakes import discord_payloads as payloads

DEFERRED = {"type": 5, "data": {"flags": 64}}
ORDER = {"type": 3, "name": "order_id", "value": "ORDER-123"}


def refused(status: int, code: int) -> discord.HTTPException:
    class Response:
        reason = "no"

    Response.status = status  # type: ignore[attr-defined]
    kind = discord.NotFound if status == 404 else discord.HTTPException
    return kind(Response(), {"code": code, "message": "no"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "sent",
    [
        payloads.slash("saldo"),
        payloads.slash("saldo", private=True),
        payloads.slash("status", ORDER),
        payloads.slash("topup", {"type": 4, "name": "amount", "value": 50_000}),
        payloads.slash("bahasa", {"type": 3, "name": "lang", "value": "en"}, locale="en-US"),
        payloads.slash("unlink"),
        payloads.button("topup:50000"),
        payloads.form(LINK_FORM, LINK_FIELD, "123456"),
    ],
    ids=lambda sent: str(sent["data"].get("name") or sent["data"]["custom_id"]),
)
async def test_an_interaction_of_ours_is_acknowledged_and_kept_in_discords_own_shape(
    manager: CallbackManager, offline: Offline, sent: dict[str, Any]
) -> None:
    manager.setup_discord_handlers((await offline.connected()).bot)
    await offline.gets("INTERACTION_CREATE", sent)
    assert offline.asked == [("POST", f"/interactions/{sent['id']}/{sent['token']}/callback", DEFERRED)]
    (told,) = kept("discord")
    same = ("id", "application_id", "type", "token", "version", "locale", "data", "channel_id", "guild_id")
    assert {name: told.get(name) for name in same} == {name: sent.get(name) for name in same}
    user = told["user"] if "user" in sent else told["member"]["user"]
    assert user == {"id": payloads.ANI["id"], "username": "ani_99", "global_name": "Ani"}
    assert ("user" in told, "member" in told) == ("user" in sent, "member" in sent)
    assert kept() == []


@pytest.mark.parametrize("sent", [payloads.slash("link"), payloads.button(LINK_BUTTON)], ids=["command", "button"])
async def test_whoever_links_is_asked_for_the_code_in_a_form(
    manager: CallbackManager, offline: Offline, sent: dict[str, Any]
) -> None:
    manager.setup_discord_handlers((await offline.connected()).bot)
    await offline.gets("INTERACTION_CREATE", sent)
    ((_, _, answer),) = offline.asked
    asked = at_once(sent, default="id")  # what the interactions address answers
    assert (answer["type"], answer["data"]["title"]) == (asked["type"], asked["data"]["title"])
    assert answer["data"]["custom_id"] == asked["data"]["custom_id"] == LINK_FORM
    ((field,),) = (row["components"] for row in answer["data"]["components"])
    ((same,),) = (row["components"] for row in asked["data"]["components"])
    assert {name: field[name] for name in same} == same
    assert kept("discord") == []


async def test_the_applications_own_buttons_forms_and_commands_are_left_to_it(
    manager: CallbackManager, offline: Offline
) -> None:
    @offline.bot.tree.command(name="saldo")
    async def saldo(interaction: discord.Interaction) -> None:
        """Answer by itself."""
        await interaction.response.send_message("our own")

    manager.setup_discord_handlers((await offline.connected()).bot)
    for sent in (payloads.button("accept"), payloads.form("survey", "age", "7"), payloads.slash("saldo")):
        await offline.gets("INTERACTION_CREATE", sent)
    assert [answer["data"]["content"] for _, _, answer in offline.asked] == ["our own"]
    assert kept("discord") == []


@pytest.mark.parametrize("refusal", [refused(404, 10_062), refused(400, 40_060)], ids=["too late", "second"])
async def test_an_interaction_that_can_no_longer_be_answered_is_left(
    manager: CallbackManager, offline: Offline, refusal: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    manager.setup_discord_handlers((await offline.connected()).bot)
    offline.refusal = refusal
    for sent in (payloads.slash("saldo"), payloads.slash("link"), payloads.button("topup:50000")):
        await offline.gets("INTERACTION_CREATE", sent)
    assert caplog.text.count("bot.interaction_lost") == 3
    assert "Traceback" not in caplog.text
    assert kept("discord") == []


@pytest.mark.parametrize(("locale", "word"), [("id", "Maaf"), ("en-US", "Sorry"), ("de", "Maaf"), ("xx", "Maaf")])
@pytest.mark.parametrize("raises", [True, False])
async def test_whoever_asked_is_told_when_it_could_not_be_taken(
    manager: CallbackManager,
    offline: Offline,
    monkeypatch: pytest.MonkeyPatch,
    locale: str,
    word: str,
    *,
    raises: bool,
) -> None:
    async def failing(*_: Any, **__: Any) -> dict[str, Any]:
        if raises:
            raise OSError(28, "No space left on device")
        return {"success": False, "message": "no"}

    monkeypatch.setattr(manager.handlers["discord"], "handle", failing)
    manager.setup_discord_handlers((await offline.connected()).bot)
    sent = payloads.slash("saldo", locale=locale)
    await offline.gets("INTERACTION_CREATE", sent)
    (_, deferred), (method, path, apology) = offline.asked[0][1:], offline.asked[1]
    assert deferred == DEFERRED
    assert (method, path) == ("PATCH", f"/webhooks/{payloads.APPLICATION_ID}/{sent['token']}/messages/@original")
    assert apology["content"].startswith(word)


async def test_commands_are_registered_in_the_same_words_as_over_http(
    manager: CallbackManager, offline: Offline
) -> None:
    class Elsewhere(app_commands.Translator):
        async def translate(self, *_: Any) -> str:
            return "x"

    manager.setup_discord_handlers((await offline.connected()).bot)
    tree = offline.bot.tree
    for told in COMMANDS:
        command = tree.get_command(told.name)
        assert isinstance(command, app_commands.Command)
        payload = command.to_dict(tree)
        assert {name: payload[name] for name in as_json(told)} == as_json(told)
        assert payload["contexts"] is None
        assert await command.get_translated_payload(tree, Elsewhere()) == payload


async def test_an_order_is_completed_from_what_is_typed(manager: CallbackManager, offline: Offline) -> None:
    asked: list[tuple[str, str]] = []

    def suggestions(user_id: str, typed: str) -> list[str]:
        asked.append((user_id, typed))
        return ["x" * 101, *(f"ORDER-{number}" for number in range(40))]

    setup_discord_handlers((await offline.connected()).bot, manager, suggestions=suggestions)
    await offline.gets("INTERACTION_CREATE", payloads.typing("status", "order_id", "ORD"))
    assert asked == [(payloads.ANI["id"], "ORD")]
    ((_, _, answer),) = offline.asked
    assert answer["type"] == 8
    assert [each["value"] for each in answer["data"]["choices"]] == [f"ORDER-{number}" for number in range(25)]
    assert kept("discord") == []


async def test_without_more_the_orders_of_whoever_is_linked_are_offered(
    manager: CallbackManager, offline: Offline
) -> None:
    engine, order = get_engine(), {"kind": "topup", "amount": "50000.00"}
    for order_id, user_id in (("TU-1", "ani"), ("TU-2", "budi"), ("XY-3", "ani")):
        told = {"order_id": order_id, "user_id": user_id, **order}
        orders.create_order(engine, told, at=now_us(), policy=UNASKED, lang="en")
    with writing(engine) as connection:
        links.link(connection, "ani", "discord", str(payloads.ANI["id"]), "id", now_us(), by="code")
    manager.setup_discord_handlers((await offline.connected()).bot)
    await offline.gets("INTERACTION_CREATE", payloads.typing("status", "order_id", "tu"))
    assert [answer["data"]["choices"] for _, _, answer in offline.asked] == [[{"name": "TU-1", "value": "TU-1"}]]


async def test_completing_that_fails_or_takes_too_long_offers_nothing(
    manager: CallbackManager, offline: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    enough = threading.Event()

    def suggestions(_: str, typed: str) -> list[str]:
        if typed == "broken":
            raise OSError("locked")
        enough.wait(10)
        return ["ORDER-1"]

    monkeypatch.setattr(gateway_interactions, "_SUGGESTING_SECONDS", 0.05)
    setup_discord_handlers((await offline.connected()).bot, manager, suggestions=suggestions)
    for typed in ("broken", "slow"):
        await offline.gets("INTERACTION_CREATE", payloads.typing("status", "order_id", typed))
    enough.set()
    assert [answer["data"]["choices"] for _, _, answer in offline.asked] == [[], []]


async def test_a_button_that_somebody_answered_already_is_left(manager: CallbackManager, offline: Offline) -> None:
    class Shop(discord.ui.View):
        @discord.ui.button(custom_id="topup:50000")
        async def pressed(self, interaction: discord.Interaction, _: Any) -> None:
            await interaction.response.send_message("our own")

    bot: commands.Bot = (await offline.connected()).bot
    manager.setup_discord_handlers(bot)
    attached = setup_discord_handlers(bot, manager)
    sent = payloads.button("topup:50000")
    interaction: Any = discord.Interaction(data=sent, state=bot._connection)  # type: ignore[arg-type] # noqa: SLF001
    await interaction.response.send_message("our own")
    await attached.on_interaction(interaction)
    assert [answer["data"]["content"] for _, _, answer in offline.asked] == ["our own"]
    assert kept("discord") == []
