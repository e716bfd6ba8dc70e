"""From a notification that is asked for to the message that arrives: real transaction, runner and HTTP."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from app.callbacks.notification.discord_sending import DiscordSender
from app.callbacks.notification.notification_callbacks import (
    DiscordWebhookHandler,
    NotificationCallbackFactory,
    NotificationWebhookHandler,
    TelegramWebhookHandler,
)
from app.callbacks.notification.telegram_sending import TelegramSender
from app.core.config import Settings
from app.core.database import ensure_schema, make_engine, reading
from app.core.errors import UnknownProvider
from app.core.telemetry import hide_settings
from app.engine.log import open_log
from app.engine.tables import alerts, dead, tasks, tries
from app.engine.tasks import Performer
from app.engine.tasks.runner import Runner
from app.operate.inbox import show_callback
from app.providers.outgoing import open_client
from tests.fakes import chat_api as fake
from tests.fakes.chat_api import TOKEN, ChatApi

SECOND = 1_000_000


class House:
    """A state, the handlers, and a slow lane whose clock the test moves."""

    def __init__(self, folder: Path, api: ChatApi, **more: Any) -> None:
        self.api = api
        self.engine: Engine = make_engine(f"sqlite:///{folder}/state.db")
        ensure_schema(self.engine)
        self.settings = Settings(
            callback_log_url=f"sqlite:///{folder}/log.db",
            telegram_api_url=api.url,
            discord_api_url=f"{api.url}/api/v10",
            **{"telegram_bot_token": TOKEN, "callback_lang": "en", **more},
        )
        self.now = 0

    async def ask(self, kind: str = "", **data: Any) -> dict[str, Any]:
        """Ask for a message by a direct call."""
        handler = NotificationCallbackFactory.MAKERS[kind or "notification"](self.engine, self.settings)
        told: dict[str, Any] = await handler.handle(data)
        with reading(self.engine) as connection:
            self.now = max([self.now, *connection.execute(select(tasks.c.created_at)).scalars()])
        return told

    async def carry_out(self, seconds: float = 0.0) -> int:
        """Let the time pass, and carry out what is due → how many tries were made."""
        self.now += int(seconds * SECOND)
        client = open_client(public_only=False)
        performers: dict[str, Performer] = {
            "telegram": TelegramSender(self.settings, client),
            "discord": DiscordSender(self.settings, client, client),
        }
        runner = Runner(self.engine, performers, clock=lambda: self.now, chance=lambda: 0.5, closing=[client.aclose])
        tries = await runner.run_once(self.now)
        await client.aclose()
        return tries

    def states(self) -> list[tuple[str, str]]:
        with reading(self.engine) as connection:
            return [tuple(row) for row in connection.execute(select(tasks.c.destination, tasks.c.state))]

    def reasons(self) -> list[str]:
        with reading(self.engine) as connection:
            return list(connection.execute(select(dead.c.reason)).scalars())


@pytest.fixture
def house(tmp_path: Path, api: ChatApi) -> Iterator[House]:
    made = House(tmp_path, api)
    yield made
    made.engine.dispose()


async def test_the_router_sends_to_the_service_that_is_named(house: House) -> None:
    told = await house.ask(webhook_type="telegram", data={"chat_id": 7, "message": "halo"})
    assert (told["success"], told["outcome"]) == (True, "applied")
    webhook = house.api.webhook("shop")
    assert (await house.ask(webhook_type="discord", data={"webhook_url": webhook, "message": "hi"}))["success"]
    assert await house.carry_out() == 2
    assert sorted((one.service, one.to, one.text) for one in house.api.sent) == [
        ("discord", "shop", "hi"),
        ("telegram", "7", "halo"),
    ]
    assert house.states() == [("7", "done"), ("shop", "done")]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"webhook_type": "fax", "data": {}}, "webhook_type"),
        ({"data": {}}, "webhook_type"),
        ({"webhook_type": "telegram"}, "chat_id"),
        ({"webhook_type": "discord", "data": {"webhook_url": "http://10.0.0.1/x", "message": "x"}}, "webhook_url"),
    ],
)
async def test_what_cannot_be_sent_is_refused_by_its_field_and_nothing_is_kept(
    house: House, data: dict[str, Any], field: str
) -> None:
    told = await house.ask(**data)
    assert not told["success"]
    assert field in told["message"]
    assert "10.0.0.1" not in told["message"]
    assert house.states() == []


async def test_the_same_id_is_sent_once(house: House) -> None:
    for _ in range(2):
        await house.ask("telegram", chat_id=7, message="once", id="order-1")
    assert (await house.ask("telegram", chat_id=7, message="once", id="order-1"))["outcome"] == "duplicate"
    await house.ask("telegram", chat_id=7, message="once")
    assert await house.carry_out() == 1
    assert await house.carry_out(1) == 1
    assert [one.text for one in house.api.sent] == ["once", "once"]


async def test_a_long_text_arrives_in_order_one_part_a_second_in_a_chat(house: House) -> None:
    text = "\n".join(f"line {n} " + "x" * 90 for n in range(100))
    await house.ask("telegram", chat_id=7, message=text)
    made = [await house.carry_out(1) for _ in range(4)]
    assert made == [1, 1, 1, 0]
    assert "\n".join(one.text for one in house.api.sent) == "\n".join(line.rstrip() for line in text.split("\n"))


async def test_a_part_that_fails_is_tried_again_and_those_before_it_are_not(house: House) -> None:
    house.api.say("7", fake.ok(), fake.failing(500), fake.ok())
    await house.ask("telegram", chat_id=7, message="a" * 4_096 + "b" * 10)
    await house.carry_out()
    await house.carry_out(1)
    await house.carry_out(5)
    assert [one.text[0] for one in house.api.sent] == ["a", "b", "b"]
    assert house.states() == [("7", "done")]


async def test_a_429_is_obeyed_to_the_second(house: House) -> None:
    house.api.say("7", fake.too_many(30), fake.ok())
    await house.ask("telegram", chat_id=7, message="x")
    await house.ask("telegram", chat_id=7, message="y")
    assert [await house.carry_out(seconds) for seconds in (0, 1, 28.9)] == [1, 0, 0]
    await house.carry_out(3)
    await house.carry_out(3)
    assert len(house.api.sent) == 3
    assert {state for _, state in house.states()} == {"done"}


async def test_a_ban_by_discord_rests_all_webhooks(house: House) -> None:
    house.api.say("one", fake.discord_ban(), fake.ok())
    await house.ask("discord", webhook_url=house.api.webhook("one"), message="x")
    await house.carry_out()
    await house.ask("discord", webhook_url=house.api.webhook("two"), message="y")
    assert [await house.carry_out(seconds) for seconds in (1, 250)] == [0, 0]
    await house.carry_out(60)
    assert sorted(one.to for one in house.api.sent) == ["one", "one", "two"]


async def test_a_group_that_became_a_supergroup_is_followed(house: House) -> None:
    house.api.say("-5", fake.refused(400, "group chat was upgraded", migrate_to_chat_id=-1005))
    await house.ask("telegram", chat_id=-5, message="x")
    await house.carry_out()
    await house.carry_out(3)
    assert [one.to for one in house.api.sent] == ["-5", "-1005"]
    assert house.states() == [("-1005", "done")]


async def test_markup_that_cannot_be_read_is_sent_once_as_plain_text(house: House) -> None:
    house.api.say("7", fake.refused(400, "Bad Request: can't parse entities: x"), fake.ok())
    await house.ask("telegram", chat_id=7, message="<b>x", parse_mode="HTML")
    await house.carry_out()
    await house.carry_out(1)
    assert [one.fields.get("parse_mode") for one in house.api.sent] == ["HTML", None]
    assert house.states() == [("7", "done")]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (fake.refused(403, "Forbidden: bot was blocked by the user"), "message_blocked"),
        (fake.refused(400, "Bad Request: chat not found"), "message_gone"),
        (fake.refused(400, "Bad Request: nonsense"), "message_refused"),
        (fake.cut(), "perhaps_sent"),
        (fake.nonsense(), "perhaps_sent"),
    ],
)
async def test_what_no_repetition_helps_is_a_dead_letter_at_once(
    house: House, answer: fake.Answer, reason: str
) -> None:
    house.api.say("7", answer)
    await house.ask("telegram", chat_id=7, message="x")
    assert await house.carry_out() == 1
    assert house.reasons() == [reason]


async def test_a_lost_answer_is_sent_again_where_the_message_says_so(house: House) -> None:
    house.api.say("7", fake.cut(), fake.ok())
    await house.ask("telegram", chat_id=7, message="x", repeatable=True)
    await house.carry_out()
    await house.carry_out(5)
    assert (len(house.api.sent), house.states(), house.reasons()) == (2, [("7", "done")], [])


async def test_a_token_that_is_wrong_alerts_and_nothing_is_given_up(tmp_path: Path, api: ChatApi) -> None:
    house = House(tmp_path, api, telegram_bot_token="1:wrong")
    await house.ask("telegram", chat_id=7, message="x")
    await house.ask("telegram", chat_id=8, message="y")
    await house.carry_out()
    with reading(house.engine) as connection:
        row = connection.execute(select(alerts.c.kind, alerts.c.subject)).one()
    assert tuple(row) == ("key_refused", "provider:telegram")
    house.settings = house.settings.model_copy(update={"telegram_bot_token": TOKEN})
    assert await house.carry_out(30) == 0
    await house.carry_out(40)
    await house.carry_out(10)
    assert house.states() == [("7", "done"), ("8", "done")]
    house.engine.dispose()


async def test_no_row_but_the_task_itself_holds_a_webhooks_address(house: House) -> None:
    house.api.say("shop", fake.discord_no(404, 10015, "Unknown Webhook"))
    await house.ask("discord", webhook_url=house.api.webhook("shop"), message="x")
    await house.carry_out()
    with reading(house.engine) as connection:
        for table in (dead, alerts):
            assert "wh-secret" not in repr(connection.execute(select(table)).all())
        assert "wh-secret" not in repr(
            connection.execute(select(tasks.c.key, tasks.c.destination, tasks.c.last_error)).all()
        )
    assert house.reasons() == ["message_gone"]


async def test_whoever_tells_our_secrets_back_is_not_repeated(house: House) -> None:
    hide_settings(house.settings)
    webhook = house.api.webhook("shop")
    house.api.say("7", fake.refused(400, f"Bad Request: cannot POST /bot{TOKEN}/sendMessage"))
    house.api.say("shop", fake.discord_no(400, 50_006, f"no {webhook.rpartition('/')[2]} here"))
    await house.ask("telegram", chat_id=7, message="halo")
    await house.ask("discord", webhook_url=webhook, message="hi")
    assert await house.carry_out() == 2
    with reading(house.engine) as connection:
        told = [
            *connection.execute(select(dead.c.detail)).scalars(),
            *connection.execute(select(tries.c.error)).scalars(),
        ]
    assert len(told) == 4
    assert [text for text in told if TOKEN in text or "wh-secret" in text] == []
    assert [text for text in told if "Bad Request" in text or "here" in text] == told  # what else they say is told


@pytest.mark.parametrize("more", [{}, {"id": "receipt-1"}])
async def test_a_callback_shows_its_message_with_each_try_and_its_dead_letter(
    house: House, more: dict[str, Any]
) -> None:
    house.api.say("7", fake.failing(500), fake.refused(400, "Bad Request: chat not found"))
    told = await house.ask("telegram", chat_id=7, message="x", **more)
    await house.carry_out()
    await house.carry_out(5)
    with closing(open_log(house.settings.callback_log_url, server=False)) as log:
        shown = show_callback(house.engine, log, {}, int(told["callback_id"]), lang="en")
    (task,) = shown.tasks
    assert (task.kind, task.destination, task.state, task.tries) == ("telegram", "7", "dead", 2)
    assert [(one.result, one.error) for one in task.history] == [
        ("failed", "HTTP 500"),
        ("failed", "HTTP 400: Bad Request: chat not found"),
    ]
    assert [letter.reason for letter in shown.dead_letters] == ["message_gone"]


def test_the_factory_makes_them_by_name() -> None:
    made = NotificationCallbackFactory.create_webhook_handler("telegram", telegram_bot_token="1:x")
    assert type(made) is TelegramWebhookHandler
    assert type(NotificationCallbackFactory.create_webhook_handler("Discord")) is DiscordWebhookHandler
    assert type(NotificationCallbackFactory.create_webhook_handler("notification")) is NotificationWebhookHandler
    with pytest.raises(UnknownProvider):
        NotificationCallbackFactory.create_webhook_handler("fax")


@pytest.mark.parametrize("token", ["12345:wrong", ""])
async def test_a_wrong_or_missing_token_never_gives_a_message_up(tmp_path: Path, api: ChatApi, token: str) -> None:
    house = House(tmp_path, api, telegram_bot_token=token)
    await house.ask("telegram", chat_id=7, message="x")
    for _ in range(30):
        await house.carry_out(70)
    assert house.states() == [("7", "ready")]
    assert house.reasons() == []
    house.settings = house.settings.model_copy(update={"telegram_bot_token": TOKEN})
    await house.carry_out(70)
    assert house.states() == [("7", "done")]
    house.engine.dispose()


@pytest.mark.parametrize(
    ("api_url", "address", "ours"),
    [
        ("https://discord.com/api/v10", "https://discord.com/api/webhooks/1/x", False),
        ("https://discord.internal/api/v10", "https://discord.internal/api/webhooks/1/x", True),
        ("https://discord.internal/api/v10", "https://ptb.discord.com/api/webhooks/1/x", False),
        ("http://127.0.0.1:9/api/v10", "http://127.0.0.1:9/api/webhooks/1/x", True),
        ("http://127.0.0.1:9/api/v10", "http://127.0.0.1:99/api/webhooks/1/x", False),
    ],
)
async def test_only_where_the_operator_put_discord_is_a_private_address_reached(
    api_url: str,
    address: str,
    ours: bool,  # noqa: FBT001
) -> None:
    client, public = open_client(public_only=False), open_client(public_only=True)
    sender = DiscordSender(Settings(discord_api_url=api_url), client, public)
    assert sender.is_at_our_api(address) is ours
    await client.aclose()
    await public.aclose()
