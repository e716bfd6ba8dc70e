"""Users' channels, for whoever runs the shop: make a code, list, link by hand, end."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, select

from app.core.config import Settings
from app.core.database import reading, writing
from app.core.errors import FieldError, NotFound
from app.core.language import Lang, Text
from app.operate.announcement import id_from
from app.operate.chats import links
from app.operate.chats.channels_shown import ChannelShown, ChannelsShown, CodeShown
from app.operate.chats.tables import channels
from app.operate.orders import WHO_CHARS_MAX, sentence_from
from app.operate.shown import time_text
from app.providers.chat_messages import DISCORD, TELEGRAM
from app.providers.other_channels import channels_of, recipient_of

ROWS_MAX = 200
_HOW = Text(
    "Kode berlaku 15 menit dan sekali pakai. Telegram: kirim /start {code} ke bot di chat pribadi."
    " Discord: ketik /link lalu isi kodenya.",
    "The code is good for 15 minutes and one use. Telegram: send /start {code} to the bot in a private chat."
    " Discord: type /link and fill in the code.",
)


def services(settings: Settings) -> tuple[str, ...]:
    """Where a user can be reached, as it is set up. Raises StartRefused for CALLBACK_CHANNELS that cannot be read."""
    return (TELEGRAM, DISCORD, *channels_of(settings.callback_channels))


def make_code(engine: Engine, user_id: Any, *, at: int, lang: Lang) -> CodeShown:
    """A one-time code for a user. Raises FieldError."""
    user = id_from("user_id", user_id)
    with writing(engine) as connection:
        code, expires_at = links.new_code(connection, user, at)
    text = getattr(_HOW, lang).format(code=code)
    return CodeShown(code=code, user_id=user, expires_at=time_text(expires_at), text=text)


def list_channels(engine: Engine, user_id: str | None, *, every: bool, rows_max: int = ROWS_MAX) -> ChannelsShown:
    """Channels, newest first: of a user or of all, the open ones or `every` one."""
    statement = select(channels).order_by(channels.c.id.desc()).limit(min(rows_max, ROWS_MAX))
    if user_id is not None:
        statement = statement.where(channels.c.user_id == user_id)
    if not every:
        statement = statement.where(channels.c.ended_at.is_(None))
    with reading(engine) as connection:
        return ChannelsShown(channels=[_shown(row) for row in connection.execute(statement).mappings()])


def link_by_hand(
    engine: Engine, user_id: Any, service: Any, address: Any, *, lang: Any, who: str, at: int, known: Sequence[str]
) -> ChannelShown:
    """Link a user with an address that a person vouches for (an e-mail address has no code).

    `known`: the services that there are. Raises FieldError.
    """
    user, by = id_from("user_id", user_id), sentence_from("who", who, chars_max=WHO_CHARS_MAX)
    if service not in known:
        raise FieldError("service", f"must be one of {', '.join(known)}")
    place = address if service in {TELEGRAM, DISCORD} and isinstance(address, str) else recipient_of(address)
    with writing(engine) as connection:
        opened = links.link(connection, user, service, place, _lang(lang), at, by=by)
        return _show(connection, opened.id)


def end_channel(engine: Engine, channel_id: int, *, at: int) -> ChannelShown:
    """End a channel: nothing is sent there any more. Raises NotFound."""
    with writing(engine) as connection:
        shown = _show(connection, channel_id)
        if shown.ended_at is None:
            links.end_address(connection, shown.service, shown.address, "person", at)
        return _show(connection, channel_id)


def _lang(value: Any) -> Lang:
    if value == "id":
        return "id"
    if value == "en":
        return "en"
    raise FieldError("lang", "must be id or en")


def _show(connection: Connection, channel_id: int) -> ChannelShown:
    row = connection.execute(select(channels).where(channels.c.id == channel_id)).mappings().first()
    if row is None:
        raise NotFound(f"there is no channel {channel_id}; callbacks channels list shows them")
    return _shown(row)


def _shown(row: RowMapping) -> ChannelShown:
    return ChannelShown(
        id=str(row["id"]),
        user_id=row["user_id"],
        service=row["service"],
        address=row["address"],
        lang=row["lang"],
        since=time_text(row["since"]),
        linked_by=row["linked_by"],
        quiet=bool(row["quiet"]),
        ended_at=None if row["ended_at"] is None else time_text(row["ended_at"]),
        ended_why=row["ended_why"],
    )
