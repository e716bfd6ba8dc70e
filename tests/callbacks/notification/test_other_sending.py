"""From a notification for another channel to the mail that arrives: real transaction, runner, apprise and servers."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select

from app.callbacks.callback_manager import CallbackManager
from app.callbacks.notification.notification_callbacks import NotificationCallbackFactory, NotificationWebhookHandler
from app.callbacks.notification.other_sending import OtherSender
from app.core.config import Settings
from app.core.database import ensure_schema, make_engine, reading
from app.core.errors import StartRefused, UnknownProvider
from app.core.telemetry import configure
from app.engine.tables import dead, tasks
from app.engine.tasks.runner import Runner, Tempo
from app.operate.chats.messaging import CHANNEL
from tests.fakes import mail_server as fake
from tests.fakes.json_receiver import Receiver, json_receiver
from tests.fakes.mail_server import MailServer, mail_server

SECOND = 1_000_000
PASSWORD = "hunter22-of-the-mail"


class House:
    """A state, the handlers, and a slow lane whose clock the test moves."""

    def __init__(self, folder: Path, **channels: str) -> None:
        self.engine: Engine = make_engine(f"sqlite:///{folder}/state.db")
        ensure_schema(self.engine)
        self.settings = Settings(
            callback_log_url=f"sqlite:///{folder}/log.db",
            callback_lang="en",
            callback_channels=SecretStr(json.dumps(channels)),
        )
        self.now = 0

    async def ask(self, handler: NotificationWebhookHandler | None = None, **data: Any) -> dict[str, Any]:
        told: dict[str, Any] = await (handler or NotificationWebhookHandler(self.engine, self.settings)).handle(data)
        with reading(self.engine) as connection:
            self.now = max([self.now, *connection.execute(select(tasks.c.created_at)).scalars()])
        return told

    async def mail(self, address: str = "ani@example.com", **more: Any) -> dict[str, Any]:
        return await self.ask(webhook_type="email", data={"address": address, "message": "Saldo Rp100", **more})

    async def carry_out(self, seconds: float = 0.0) -> int:
        """Let the time pass, and carry out what is due → how many tries were made."""
        self.now += int(seconds * SECOND)
        return await self.runner().run_once(self.now)

    def runner(self, tempo: Tempo | None = None) -> Runner:
        performers = {CHANNEL: OtherSender(self.settings)}
        return Runner(self.engine, performers, tempo=tempo or Tempo(), clock=lambda: self.now, chance=lambda: 0.5)

    def rows(self) -> list[tuple[str, str, str, str]]:
        columns = (tasks.c.kind, tasks.c.destination, tasks.c.state, tasks.c.last_error)
        with reading(self.engine) as connection:
            return [tuple(row) for row in connection.execute(select(*columns))]

    def states(self) -> list[str]:
        return [state for _kind, _to, state, _error in self.rows()]

    def letters(self) -> list[Any]:
        with reading(self.engine) as connection:
            return list(connection.execute(select(dead)).mappings())


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with json_receiver() as made:
        yield made


@pytest.fixture
def house(tmp_path: Path, mails: MailServer, receiver: Receiver) -> Iterator[House]:
    made = House(
        tmp_path,
        email=f"mailto://shop:{PASSWORD}@127.0.0.1:{mails.port}?from=shop@example.com&to={{address}}&cto=1",
        hook=f"json://shop:{PASSWORD}@127.0.0.1:{receiver.port}/notify/{{address}}?rto=9",
    )
    yield made
    made.engine.dispose()


async def test_a_notification_of_a_channel_is_one_task_and_arrives(
    house: House, mails: MailServer, receiver: Receiver
) -> None:
    told = await house.mail(title="Halo")
    assert (told["success"], told["outcome"]) == (True, "applied")
    await house.ask(webhook_type="hook", data={"address": "+6281234567890", "message": "hi"})
    assert house.rows() == [(CHANNEL, "email", "ready", ""), (CHANNEL, "hook", "ready", "")]
    assert await house.carry_out() == 2
    assert house.states() == ["done", "done"]
    assert [(mail.to, mail.subject, mail.text.strip()) for mail in mails.mails] == [
        (["ani@example.com"], "Halo", "Saldo Rp100")
    ]
    assert [one.body["message"] for one in receiver.posted] == ["hi"]


async def test_the_same_id_is_sent_once(house: House, mails: MailServer) -> None:
    data = {"address": "ani@example.com", "message": "once"}
    told = [(await house.ask(webhook_type="email", id="order-1", data=data))["outcome"] for _ in range(2)]
    assert told == ["applied", "duplicate"]
    await house.carry_out()
    assert len(mails.mails) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"webhook_type": "fax", "data": {}}, "webhook_type: is 'fax'; known are telegram, discord, email, hook"),
        ({"webhook_type": "email", "data": {"message": "x"}}, "address:"),
        ({"webhook_type": "email", "data": {"address": "x?smtp=10.0.0.1", "message": "x"}}, "address:"),
        ({"webhook_type": "email", "data": {"address": "a@example.com"}}, "message:"),
        ({"webhook_type": "email", "data": {"address": "a@example.com", "message": "x", "title": 5}}, "title:"),
    ],
)
async def test_what_cannot_be_sent_is_refused_by_its_field_and_nothing_is_kept(
    house: House, data: dict[str, Any], words: str
) -> None:
    told = await house.ask(**data)
    assert not told["success"]
    assert words in told["message"]
    assert "10.0.0.1" not in told["message"]
    assert house.rows() == []


async def test_a_server_that_is_busy_is_tried_again_until_it_takes_the_mail(house: House, mails: MailServer) -> None:
    mails.say(fake.busy(), fake.busy(), fake.takes())
    await house.mail()
    assert [await house.carry_out(seconds) for seconds in (0, 5, 10)] == [1, 1, 1]
    assert (house.states(), len(mails.mails)) == (["done"], 1)


async def test_a_server_that_is_always_busy_makes_a_dead_letter_with_what_it_said(
    house: House, mails: MailServer
) -> None:
    mails.say(fake.busy())
    await house.mail()
    made = [await house.carry_out(3_600) for _ in range(13)]
    assert made == [1] * 12 + [0]
    (letter,) = house.letters()
    assert letter["reason"] == "tries_used_up"
    assert "not sent; see the provider's own log" in letter["detail"]
    assert "421" in letter["detail"]


async def test_a_recipient_that_the_mail_server_does_not_know_is_a_dead_letter_at_once(
    house: House, mails: MailServer
) -> None:
    mails.say(fake.refuses_recipient())
    await house.mail()
    await house.carry_out()
    (letter,) = house.letters()
    assert letter["reason"] == "message_refused"
    assert "no such user" in letter["detail"]
    assert "ani@example.com" not in letter["detail"]


@pytest.mark.parametrize(("repeatable", "states", "sent"), [(False, ["dead"], 1), (True, ["done"], 2)])
async def test_a_mail_that_was_cut_is_sent_again_only_where_it_says_so(
    house: House, mails: MailServer, *, repeatable: bool, states: list[str], sent: int
) -> None:
    mails.say(fake.hangs_up(), fake.takes())
    await house.mail(repeatable=repeatable)
    await house.carry_out()
    await house.carry_out(5)
    assert (house.states(), len(mails.mails)) == (states, sent)
    assert [letter["reason"] for letter in house.letters()] == ([] if repeatable else ["perhaps_sent"])


async def test_a_text_that_is_no_recipient_is_a_dead_letter_at_once(house: House, mails: MailServer) -> None:
    await house.mail("nobody")
    assert await house.carry_out() == 1
    assert [letter["reason"] for letter in house.letters()] == ["message_refused"]
    assert mails.mails == []


async def test_a_channel_that_is_not_configured_any_more_waits_and_says_so(house: House, mails: MailServer) -> None:
    await house.mail()
    settings, house.settings = house.settings, house.settings.model_copy(update={"callback_channels": None})
    await house.carry_out()
    assert house.rows() == [(CHANNEL, "email", "ready", "channel email is not set in CALLBACK_CHANNELS")]
    house.settings = settings
    await house.carry_out(5)
    assert (house.states(), len(mails.mails)) == (["done"], 1)


async def test_a_server_that_is_down_rests_for_all_its_recipients_and_no_other_channel_waits(
    house: House, mails: MailServer, receiver: Receiver
) -> None:
    mails.say(fake.busy())
    for number in range(8):
        await house.mail(f"user{number}@example.com")
    await house.ask(webhook_type="hook", data={"address": "ani", "message": "hi"})
    sender = OtherSender(house.settings)
    assert (sender.circuit is not None, sender.rate_of(""), sender.rate_in_all_per_second) == (True, None, None)
    stop = asyncio.Event()
    running = asyncio.create_task(house.runner().run(stop))
    await asyncio.to_thread(receiver.until, lambda: receiver.posted)
    stop.set()
    await running
    assert {to for _kind, to, state, _error in house.rows() if state == "done"} == {"hook"}


async def test_a_service_that_hangs_holds_neither_the_end_of_the_process_nor_its_stop(
    house: House, receiver: Receiver
) -> None:
    receiver.silent = True
    await house.ask(webhook_type="hook", data={"address": "ani", "message": "hi"})
    stop = asyncio.Event()
    running = asyncio.create_task(house.runner(Tempo(grace_seconds=0.1)).run(stop))
    await asyncio.to_thread(receiver.until, lambda: receiver.posted)
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "channel")
    stop.set()
    await asyncio.wait_for(running, 5)
    assert [letter["reason"] for letter in house.letters()] == ["perhaps_sent"]


async def test_no_password_is_in_log_lines_dead_letters_or_errors(
    house: House, mails: MailServer, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("debug", settings=house.settings, for_people=False)
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # the fake's own
    CallbackManager(house.engine, house.settings)
    mails.say(fake.hangs_up())
    receiver.cuts = True
    await house.mail()
    await house.ask(webhook_type="hook", data={"address": "ani", "message": "hi"})
    await house.carry_out()
    told = capsys.readouterr().err + repr(house.letters()) + repr(house.rows())
    assert house.states() == ["dead", "dead"]
    for secret in (PASSWORD, "mailto://", "json://", "%40example"):
        assert secret not in told


async def test_a_handler_of_a_channel_is_made_by_its_name_and_registered(house: House, mails: MailServer) -> None:
    channels = house.settings.callback_channels
    made = NotificationCallbackFactory.create_webhook_handler(
        "email", house.engine, callback_channels=channels, callback_log_url=house.settings.callback_log_url
    )
    told = await house.ask(made, address="ani@example.com", message="hi")
    assert told["outcome"] == "applied"
    await house.carry_out()
    assert [mail.to for mail in mails.mails] == [["ani@example.com"]]
    assert {"notification_email", "notification_hook"} <= set(CallbackManager(house.engine, house.settings).handlers)
    with pytest.raises(UnknownProvider):
        NotificationCallbackFactory.create_webhook_handler("fax", house.engine, callback_channels=channels)


def test_a_setting_that_is_wrong_refuses_the_start() -> None:
    with pytest.raises(StartRefused, match="CALLBACK_CHANNELS is not JSON"):
        CallbackManager(settings=Settings(callback_channels=SecretStr("email")))
    with pytest.raises(StartRefused, match="channel 'email'"):
        OtherSender(Settings(callback_channels=SecretStr('{"email": "bogus://x/{address}"}')))
