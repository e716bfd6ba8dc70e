"""A shop with its chats: real state, log, handlers and slow lane, Telegram, Discord and Snap on loopback."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from app.callbacks.callback_manager import CallbackManager
from app.callbacks.working import slow_lane
from app.core.clock import now_us
from app.core.config import Settings
from app.core.database import ensure_schema, make_engine, reading
from app.core.language import Lang
from app.engine.log import open_log
from app.engine.tables import dead, tasks
from app.engine.tasks.runner import Runner
from app.operate import orders, story, wallets
from app.operate.chats import channels
from app.operate.chats.channels_shown import ChannelShown
from app.operate.policy import policy_of
from app.operate.story_shown import CallbackToldShown
from tests.fakes.chat_api import BOT_TOKEN, TOKEN, ChatApi
from tests.fakes.snap_api import KEY

SECOND = 1_000_000
APPLICATION = "845027738276462632"


class Chats:
    """Customers write, the shop answers; the test moves the slow lane's clock."""

    def __init__(self, folder: Path, api: ChatApi, snap_url: str = "", **more: Any) -> None:
        self.api = api
        self.engine: Engine = make_engine(f"sqlite:///{folder}/state.db")
        ensure_schema(self.engine)
        keys = {"midtrans_server_key": KEY, "midtrans_api_url": snap_url} if snap_url else {}
        self.settings = Settings(
            callback_log_url=f"sqlite:///{folder}/log.db",
            database_url=f"sqlite:///{folder}/state.db",
            telegram_api_url=api.url,
            discord_api_url=f"{api.url}/api/v10",
            **{"telegram_bot_token": TOKEN, "discord_bot_token": BOT_TOKEN, **keys, **more},
        )
        self.manager = CallbackManager(self.engine, self.settings)
        self.now = 0
        self._update = 0

    async def telegram(
        self, text: str, *, user: int = 4711, chat: int | None = None, update: int | None = None, lang: str = "id"
    ) -> dict[str, Any]:
        """Somebody writes to the bot, in private or in a group."""
        self._update += 1
        place = {"id": user, "type": "private"} if chat is None else {"id": chat, "type": "supergroup"}
        sender = {"id": user, "is_bot": False, "first_name": "Ani", "language_code": lang}
        message = {"message_id": 1, "from": sender, "chat": place, "date": 1, "text": text}
        return await self.update({"update_id": update or self._update, "message": message})

    async def update(self, update: dict[str, Any]) -> dict[str, Any]:
        """An update of Telegram's."""
        told: dict[str, Any] = await self.manager.handlers["telegram"].handle(update, trusted=True)
        return told

    async def discord(self, kind: int, data: dict[str, Any], *, user: int = 77, **more: Any) -> dict[str, Any]:
        """An interaction of Discord's."""
        self._update += 1
        number = str(846462639134605312 + self._update)
        fields = {"id": number, "application_id": APPLICATION, "token": f"interaction-token-{self._update}"}
        interaction = {**fields, "type": kind, "locale": "id", "user": {"id": str(user)}, "data": data, **more}
        told: dict[str, Any] = await self.manager.handlers["discord"].handle(interaction, trusted=True)
        return told

    async def command(self, name: str, *values: Any, user: int = 77) -> dict[str, Any]:
        """A slash command."""
        options = [{"name": f"o{place}", "value": value} for place, value in enumerate(values)]
        return await self.discord(2, {"name": name, "options": options}, user=user)

    async def event(self, event_type: str, **data: Any) -> dict[str, Any]:
        """An event of a bot's."""
        told: dict[str, Any] = await self.manager.event_handlers["discord"].handle(
            {"event_type": event_type, **data}, trusted=True
        )
        return told

    async def form(self, code: str, *, user: int = 77) -> dict[str, Any]:
        """The filled-in form for a code."""
        field = {"type": 4, "custom_id": "code", "value": code}
        rows = [{"type": 1, "components": [field]}]
        return await self.discord(5, {"custom_id": "link-account", "components": rows}, user=user)

    async def carry_out(self, seconds: float = 0.0) -> int:
        """Let time pass, and carry out what is due, with what follows at once → how many tries were made."""
        with reading(self.engine) as connection:
            self.now = max([self.now, *connection.execute(select(tasks.c.created_at)).scalars()])
        self.now += int(seconds * SECOND)
        callbacks = open_log(self.settings.callback_log_url, server=False)
        runner: Runner = slow_lane(self.engine, self.manager, callbacks, clock=lambda: self.now)
        tries = 0
        try:
            while made := await runner.run_once(self.now):
                tries += made
                self.now += 10
        finally:
            await runner.close()
            callbacks.close()
        return tries

    def code(self, user_id: str = "ani") -> str:
        """A code for a user of the shop."""
        return channels.make_code(self.engine, user_id, at=self.at(), lang="id").code

    def link(self, user_id: str, service: str, address: str, lang: Lang = "id") -> ChannelShown:
        """A link made by hand."""
        known = ("telegram", "discord", "email")
        return channels.link_by_hand(
            self.engine, user_id, service, address, lang=lang, who="owner", at=self.at(), known=known
        )

    def end(self, channel: ChannelShown) -> None:
        """A channel ended by hand."""
        channels.end_channel(self.engine, int(channel.id), at=self.at())

    def tasks(self) -> list[tuple[str, str]]:
        """Kind and state of each task."""
        with reading(self.engine) as connection:
            return [(row.kind, row.state) for row in connection.execute(select(tasks.c.kind, tasks.c.state))]

    async def paid(self, order_id: str) -> None:
        """An order of ani's that is announced and paid."""
        self.announce(order_id)
        told = {"order_id": order_id, "transaction_status": "settlement"}
        await self.manager.handlers["midtrans"].handle(told)

    def resolve(self, order_id: str) -> None:
        """A person says that it is paid."""
        data = {"word": "paid", "reason": "a test"}
        policy = policy_of(self.settings)
        orders.resolve_order(self.engine, order_id, data, who="owner", at=self.at(), policy=policy, lang="id")

    def announce(
        self, order_id: str = "TU-1", user_id: str = "ani", amount: str = "100000.00", currency: str = "IDR"
    ) -> None:
        """An order of the shop's."""
        data = {"order_id": order_id, "user_id": user_id, "kind": "topup", "amount": amount, "currency": currency}
        orders.create_order(self.engine, data, at=self.at(), policy=policy_of(self.settings), lang="id")

    def give(self, user_id: str = "ani", amount: str = "+100000") -> None:
        """Money for a user."""
        wallets.adjust_wallet(
            self.engine, user_id, amount, who="owner", reason="a test", at=self.at(), policy=policy_of(self.settings)
        )

    def open_channels(self) -> list[tuple[str, str]]:
        """Service and address of what is linked."""
        return [
            (each.service, each.address) for each in channels.list_channels(self.engine, None, every=False).channels
        ]

    def reasons(self) -> list[str]:
        """Of the dead letters."""
        with reading(self.engine) as connection:
            return list(connection.execute(select(dead.c.reason)).scalars())

    def show(self, callback_id: str) -> CallbackToldShown:
        """What `callbacks show` tells of a callback."""
        callbacks = open_log(self.settings.callback_log_url, server=False)
        try:
            return story.show_callback(self.engine, callbacks, self.manager.lookup, int(callback_id), lang="id")
        finally:
            callbacks.close()

    def heard(self, to: str) -> list[str]:
        """What came to this place, the last word of each message that was edited or sent."""
        return [one.text for one in self.api.to(to)]

    @staticmethod
    def at() -> int:
        """Now."""
        return now_us()
