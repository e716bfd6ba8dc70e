"""Linking a chat with a wallet's user by a one-time code, inside the caller's transaction.

A code is told to the user where the shop knows who that is (its site, its counter), and typed into the chat.
"""

import hashlib
import secrets

import msgspec
from sqlalchemy import Connection, RowMapping, delete, insert, select, text, update

from app.core.language import Lang
from app.operate.chats.tables import channels, link_codes, link_guesses

#: Without those that look alike; a code is read from one screen and typed into another.
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_LETTERS = 8  # of thirty: 39 bits, and five guesses an hour
CODE_SECONDS = 900
GUESSES_MAX = 5
_GUESS_SECONDS = 3_600
_SECOND = 1_000_000


class Channel(msgspec.Struct, frozen=True):
    """A linked channel that is open."""

    id: int
    user_id: str
    service: str
    address: str
    lang: Lang


class TooManyGuesses(msgspec.Struct, frozen=True):
    """Nobody may guess on from this address for a while."""


class WrongCode(msgspec.Struct, frozen=True):
    """No such code, or it was used, or it is too old."""


def new_code(connection: Connection, user_id: str, at: int) -> tuple[str, int]:
    """A code for this user, in the place of one that was not used → it, and when it ends (microseconds)."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))
    expires_at = at + CODE_SECONDS * _SECOND
    connection.execute(delete(link_codes).where((link_codes.c.user_id == user_id) | (link_codes.c.expires_at <= at)))
    connection.execute(insert(link_codes).values(hash=_hash(letters), user_id=user_id, expires_at=expires_at))
    return f"{letters[:4]}-{letters[4:]}", expires_at


def redeem(
    connection: Connection, code: str, service: str, address: str, lang: Lang, at: int
) -> Channel | WrongCode | TooManyGuesses:
    """Use a code up, and link this address with its user. An address that was another user's is theirs no more."""
    place = (link_guesses.c.service == service) & (link_guesses.c.address == address)
    since, count = connection.execute(select(link_guesses.c.since, link_guesses.c.count).where(place)).first() or (0, 0)
    if since + _GUESS_SECONDS * _SECOND <= at:
        connection.execute(delete(link_guesses).where(place))
    elif count >= GUESSES_MAX:
        return TooManyGuesses()
    user_id = _take(connection, code, at)
    if user_id is None:
        connection.execute(_GUESSED, {"service": service, "address": address, "at": at})
        return WrongCode()
    return link(connection, user_id, service, address, lang, at, by="code")


_GUESSED = text(
    "INSERT INTO callback_link_guesses (service, address, since, count) VALUES (:service, :address, :at, 1)"
    " ON CONFLICT (service, address) DO UPDATE SET count = count + 1"
)


def void(connection: Connection, code: str, at: int) -> None:
    """End a code that others have seen."""
    _take(connection, code, at)


def _take(connection: Connection, code: str, at: int) -> str | None:
    """The code's user; the code is gone. None where there is none that is still good."""
    letters = "".join(sign for sign in code.upper() if sign in _ALPHABET)
    row = connection.execute(
        delete(link_codes)
        .where(link_codes.c.hash == _hash(letters))
        .returning(link_codes.c.user_id, link_codes.c.expires_at)
    ).first()
    return str(row.user_id) if row is not None and row.expires_at > at else None


def _hash(letters: str) -> str:
    return hashlib.sha256(letters.encode()).hexdigest()


def link(connection: Connection, user_id: str, service: str, address: str, lang: Lang, at: int, *, by: str) -> Channel:
    """Open a channel; one that this address has for another user ends, one for the same user stays."""
    before = channel_of(connection, service, address)
    if before is not None and before.user_id == user_id:
        return before
    end_address(connection, service, address, "replaced", at)
    row = connection.execute(
        insert(channels)
        .values(user_id=user_id, service=service, address=address, lang=lang, since=at, linked_by=by)
        .returning(channels.c.id)
    ).one()
    return Channel(row.id, user_id, service, address, lang)


def channel_of(connection: Connection, service: str, address: str) -> Channel | None:
    """The open channel of this address."""
    row = (
        connection.execute(
            select(channels).where(
                channels.c.service == service, channels.c.address == address, channels.c.ended_at.is_(None)
            )
        )
        .mappings()
        .first()
    )
    return None if row is None else _channel(row)


def _channel(row: RowMapping) -> Channel:
    return Channel(*(row[name] for name in Channel.__struct_fields__))


def end_address(connection: Connection, service: str, address: str, why: str, at: int) -> int:
    """End the open channel of this address → how many were ended."""
    return connection.execute(
        update(channels)
        .where(channels.c.service == service, channels.c.address == address, channels.c.ended_at.is_(None))
        .values(ended_at=at, ended_why=why)
    ).rowcount


def move_address(connection: Connection, service: str, address: str, to: str, at: int) -> None:
    """Follow a chat that has another number now."""
    found = channel_of(connection, service, address)
    if found is None:
        return
    end_address(connection, service, to, "replaced", at)
    connection.execute(update(channels).where(channels.c.id == found.id).values(address=to))


def speak(connection: Connection, channel: Channel, lang: Lang) -> None:
    """Choose a channel's language."""
    connection.execute(update(channels).where(channels.c.id == channel.id).values(lang=lang))
