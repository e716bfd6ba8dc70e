"""Linking a chat with a wallet's user by a one-time code, inside the caller's transaction.

A code is told to the user where the shop knows who that is (its site, its counter), and typed into the chat.
"""

import hashlib
import re
import secrets

import msgspec
from sqlalchemy import Connection, RowMapping, delete, insert, select, text, update

from app.core.errors import FieldError
from app.core.language import Lang
from app.operate.chats.tables import channels, link_codes, link_guesses
from app.operate.codes import ALPHABET, LETTERS, codes_in, letters_of
from app.providers.chat_messages import DISCORD, TELEGRAM

CODE_SECONDS = 900
_SEEN_CHARS_MAX = 4_096  # of what people write, no service takes more
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
    quiet: int = 0  # 1: notices are not sent there, until the user is heard of


class TooManyGuesses(msgspec.Struct, frozen=True):
    """Nobody may guess on from this address for a while."""


class WrongCode(msgspec.Struct, frozen=True):
    """No such code, or it was used, or it is too old."""


def new_code(connection: Connection, user_id: str, at: int) -> tuple[str, int]:
    """A code for this user, in the place of one that was not used → it, and when it ends (microseconds)."""
    letters = ""
    while not any(sign.isdigit() for sign in letters):  # a word, such as `sama-sama`, is never a code
        letters = "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))
    expires_at = at + CODE_SECONDS * _SECOND
    connection.execute(delete(link_codes).where((link_codes.c.user_id == user_id) | (link_codes.c.expires_at <= at)))
    connection.execute(insert(link_codes).values(hash=_hash(letters), user_id=user_id, expires_at=expires_at))
    return f"{letters[:4]}-{letters[4:]}", expires_at


def redeem(
    connection: Connection, code: str, service: str, address: str, lang: Lang, at: int, *, given_at: int | None = None
) -> Channel | WrongCode | TooManyGuesses:
    """Use a code up, and link this address with its user. `given_at`: when it was typed, by default now."""
    place = (link_guesses.c.service == service) & (link_guesses.c.address == address)
    since, count = connection.execute(select(link_guesses.c.since, link_guesses.c.count).where(place)).first() or (0, 0)
    if since + _GUESS_SECONDS * _SECOND <= at:
        connection.execute(delete(link_guesses).where(place))
    elif count >= GUESSES_MAX:
        void(connection, code)  # whoever reads the callback could use it
        return TooManyGuesses()
    user_id = _take(connection, code, at if given_at is None else given_at)
    if user_id is None:
        connection.execute(_GUESSED, {"service": service, "address": address, "at": at})
        return WrongCode()
    return link(connection, user_id, service, address, lang, at, by="code")


_GUESSED = text(
    "INSERT INTO callback_link_guesses (service, address, since, count) VALUES (:service, :address, :at, 1)"
    " ON CONFLICT (service, address) DO UPDATE SET count = count + 1"
)


def void(connection: Connection, text: str) -> bool:
    """End all codes in a text that others have seen → whether anything in it could be one."""
    found = {_hash(letters_of(code)) for code in codes_in(text[:_SEEN_CHARS_MAX])}
    if found:
        connection.execute(delete(link_codes).where(link_codes.c.hash.in_(found)))
    return bool(found)


def _take(connection: Connection, code: str, at: int) -> str | None:
    """The code's user; the code is gone. None where there is none that is still good."""
    row = connection.execute(
        delete(link_codes)
        .where(link_codes.c.hash == _hash(letters_of(code)))
        .returning(link_codes.c.user_id, link_codes.c.expires_at)
    ).first()
    return str(row.user_id) if row is not None and row.expires_at > at else None


def _hash(letters: str) -> str:
    return hashlib.sha256(letters.encode()).hexdigest()


#: What an address is at services that know people by numbers; elsewhere whatever the operator's channel takes.
_NUMBERS = {
    TELEGRAM: re.compile(r"-?[1-9][0-9]{0,19}", re.ASCII),
    DISCORD: re.compile(r"[1-9][0-9]{0,19}", re.ASCII),
}


def fits(service: str, address: str) -> bool:
    """Whether this can be an address there. Pure."""
    pattern = _NUMBERS.get(service)
    return pattern is None or pattern.fullmatch(address) is not None


def link(connection: Connection, user_id: str, service: str, address: str, lang: Lang, at: int, *, by: str) -> Channel:
    """Open a channel; one that this address has for another user ends, one for the same user stays.

    Raises FieldError for an address that the service does not have.
    """
    if not fits(service, address):
        raise FieldError("address", f"must be the number of a {'chat' if service == TELEGRAM else 'user'} at {service}")
    before = channel_of(connection, service, address)
    if before is not None and before.user_id == user_id:
        listen(connection, before)
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


def end_address(
    connection: Connection, service: str, address: str, why: str, at: int, *, linked_before: int | None = None
) -> bool:
    """End the open channel of this address, and take back the notices that wait for it → whether there was one.

    `linked_before`: only one that was linked before this moment (microseconds).
    """
    open_one = [channels.c.service == service, channels.c.address == address, channels.c.ended_at.is_(None)]
    if linked_before is not None:
        open_one.append(channels.c.since < linked_before)
    ended = update(channels).where(*open_one).values(ended_at=at, ended_why=why).returning(channels.c.id)
    numbers = list(connection.execute(ended).scalars())
    for number in numbers:
        _take_back(connection, number, at)
    return bool(numbers)


def _take_back(connection: Connection, channel_id: int, at: int) -> None:
    """Have the notices that wait for this channel not sent."""
    connection.execute(_TAKEN_BACK, {"channel": f"%:{channel_id}", "at": at})


_TAKEN_BACK = text(
    "UPDATE callback_tasks SET state = 'done', finished_at = :at, last_error = 'the channel has ended' WHERE id IN"
    " (SELECT id FROM callback_tasks INDEXED BY callback_tasks_due WHERE state IN ('ready', 'running')"
    "  AND due_at >= 0 AND state = 'ready' AND substr(key, 1, 7) = 'notice:' AND key LIKE :channel)"
)


def is_wanted(connection: Connection, task_key: str) -> bool:
    """Whether a message is still to be sent: one that is no notice, or a notice whose channel is open and not quiet."""
    if not task_key.startswith("notice:"):
        return True
    number = task_key.rpartition(":")[2]
    there = select(channels.c.id).where(
        channels.c.id == int(number), channels.c.ended_at.is_(None), channels.c.quiet == 0
    )
    return connection.execute(there).first() is not None


def hush(connection: Connection, service: str, address: str, at: int) -> None:
    """Send no notices there until the user is heard of again: they take no messages at the moment."""
    _set_quiet(connection, service, address, 1)
    found = channel_of(connection, service, address)
    if found is not None:
        _take_back(connection, found.id, at)


def listen(connection: Connection, channel: Channel) -> None:
    """The user of this channel was heard of."""
    if channel.quiet:
        _set_quiet(connection, channel.service, channel.address, 0)


def _set_quiet(connection: Connection, service: str, address: str, quiet: int) -> None:
    connection.execute(
        update(channels)
        .where(channels.c.service == service, channels.c.address == address, channels.c.ended_at.is_(None))
        .values(quiet=quiet)
    )


def move_address(connection: Connection, service: str, address: str, to: str, at: int) -> None:
    """Follow a chat that has another number now."""
    found = channel_of(connection, service, address)
    if found is None or to == address or not fits(service, to):
        return
    end_address(connection, service, to, "replaced", at)
    connection.execute(update(channels).where(channels.c.id == found.id).values(address=to))


def speak(connection: Connection, channel: Channel, lang: Lang) -> None:
    """Choose a channel's language."""
    connection.execute(update(channels).where(channels.c.id == channel.id).values(lang=lang))
