"""What customers ask for in a chat, answered inside the caller's transaction: balance, orders, linking, a top-up.

A face (Telegram, Discord) says who speaks and whether others hear the answer; nobody sees another one's money.
"""

from collections.abc import Callable, Mapping

import msgspec
from sqlalchemy import Connection, Engine

from app.core.config import Settings
from app.core.database import reading
from app.core.language import Lang
from app.ledger import books
from app.ledger.effect import TOPUP
from app.operate import texts
from app.operate.chats import links
from app.operate.chats.links import Channel, TooManyGuesses, WrongCode
from app.operate.chats.texts import say
from app.operate.chats.topups import CURRENCY, Payment, top_up
from app.operate.orders import standing
from app.providers.chat_messages import DISCORD, Button

#: What pressing a button sends: a top-up has its rupiah behind it, at Discord the other one opens the form for a code.
TOPUP_BUTTON, LINK_BUTTON = "topup:", "link"
_NEWEST, _RECENT = 5, 200
_SUGGESTED_MAX = 25
_BUTTONS = (2_000_000, 5_000_000, 10_000_000)


class Speaker(msgspec.Struct, frozen=True):
    """Who asks."""

    service: str  # `telegram`, `discord`
    address: str  # the user's number there
    lang: Lang  # what their app speaks, where they have not chosen
    private: bool  # nobody else hears the answer


class Asked(msgspec.Struct, frozen=True):
    """A command as it was given: `saldo`, and what stands after it."""

    command: str
    arguments: str = ""
    #: what an order is called that is announced by it: the same again for the same callback
    order_id: str = ""
    #: when it was written, microseconds; None: now
    given_at: int | None = None


class Reply(msgspec.Struct, frozen=True):
    """The answer: a text, or a payment to be opened, which then gives the text."""

    text: str = ""
    #: others may hear it
    public: bool = False
    buttons: tuple[Button, ...] = ()
    payment: Payment | None = None
    order_no: int | None = None
    #: says nothing but how to begin: once is enough, whoever asks how often
    hint: bool = False


class _Turn(msgspec.Struct, frozen=True):
    """One command of somebody who is linked."""

    connection: Connection
    channel: Channel
    asked: Asked
    at: int
    settings: Settings

    @property
    def lang(self) -> Lang:
        """What the user reads."""
        return self.channel.lang


def answer(connection: Connection, speaker: Speaker, asked: Asked, *, at: int, settings: Settings) -> Reply:
    """Do what is asked and say what came of it; runs in a writing transaction."""
    channel = links.channel_of(connection, speaker.service, speaker.address)
    if asked.command in LINKING and asked.arguments:
        return _link(connection, speaker, asked, channel, at)
    if channel is None:
        return _not_linked(speaker)
    links.listen(connection, channel)
    return COMMANDS.get(asked.command, _unknown)(_Turn(connection, channel, asked, at, settings))


def _not_linked(speaker: Speaker) -> Reply:
    lang = speaker.lang
    how = "/start KODE" if lang == "id" else "/start CODE"
    word = "not_linked" if speaker.private else "not_linked_in_public"
    if speaker.service != DISCORD:
        return Reply(say(word, lang, how=how), public=True, hint=True)
    buttons = (Button(say("link_button", lang), LINK_BUTTON),)
    return Reply(say("not_linked_at_discord", lang), public=True, buttons=buttons, hint=True)


def _link(connection: Connection, speaker: Speaker, asked: Asked, before: Channel | None, at: int) -> Reply:
    lang = speaker.lang if before is None else before.lang
    if not speaker.private:
        voided = links.void(connection, asked.arguments)
        return Reply(say("code_in_public", lang), public=True, hint=True) if voided else _not_linked(speaker)
    if before is not None:
        # Somebody may have sent them the link: another account is not theirs because they touched it.
        return Reply(say("linked_already", lang, user_id=before.user_id))
    code, given_at = asked.arguments, asked.given_at
    match links.redeem(connection, code, speaker.service, speaker.address, lang, at, given_at=given_at):
        case WrongCode():
            return Reply(say("wrong_code", lang))
        case TooManyGuesses():
            return Reply(say("too_many_guesses", lang), hint=True)
        case Channel() as opened:
            told = say("linked", opened.lang, user_id=opened.user_id)
            return Reply(f"{told}\n\n{say('help', opened.lang)}")


def _balance(turn: _Turn) -> Reply:
    wallet = books.wallet_of(turn.connection, turn.channel.user_id)
    balance, held, currency = (wallet.balance, wallet.held, wallet.currency) if wallet else (0, 0, CURRENCY)
    lang = turn.lang
    values = {"balance": texts.money(balance, currency, lang), "held": texts.money(held, currency, lang)}
    buttons = tuple(Button(texts.money(each, CURRENCY, "id"), f"{TOPUP_BUTTON}{each // 100}") for each in _BUTTONS)
    told = say("balance_held" if held else "balance", lang, values)
    return Reply(told, buttons=buttons if currency == CURRENCY else ())


def _status(turn: _Turn) -> Reply:
    order_id = turn.asked.arguments
    if not order_id:
        return _newest(turn)
    order = books.order_of(turn.connection, order_id) or _own(turn, order_id)
    if order is None or order.user_id != turn.channel.user_id:
        return Reply(say("no_such_order", turn.lang, order_id=order_id))
    status, serial = standing(turn.connection, order)
    return Reply(texts.notice(order.kind, status, texts.order_values(order, serial, turn.lang), turn.lang))


def _own(turn: _Turn, typed: str) -> books.OrderRow | None:
    """An order of theirs whose id was typed in other letters."""
    numbers = books.numbers_of_user(turn.connection, turn.channel.user_id, rows_max=_RECENT)
    found = (no for no, each in books.order_ids(turn.connection, numbers).items() if each.lower() == typed.lower())
    number = next(found, None)
    return None if number is None else books.order_no(turn.connection, number)


def _newest(turn: _Turn) -> Reply:
    numbers = books.numbers_of_user(turn.connection, turn.channel.user_id, rows_max=_NEWEST)
    orders = [order for number in numbers if (order := books.order_no(turn.connection, number)) is not None]
    return Reply("\n".join(_line(turn, order) for order in orders) or say("no_orders", turn.lang))


def _line(turn: _Turn, order: books.OrderRow) -> str:
    status, _ = standing(turn.connection, order)
    unpaid = order.kind == TOPUP and status == "waiting"
    values = {
        "order_id": order.order_id,
        "status": say("unpaid", turn.lang) if unpaid else texts.status(status, turn.lang),
        "amount": texts.money(order.amount, order.currency, turn.lang),
    }
    return say("order_line", turn.lang, values)


def _topup(turn: _Turn) -> Reply:
    made = top_up(turn.connection, turn.channel, turn.asked.arguments, turn.asked.order_id, turn.at, turn.settings)
    return Reply(made.text, payment=made.payment, order_no=made.order_no)


def _unlink(turn: _Turn) -> Reply:
    links.end_address(turn.connection, turn.channel.service, turn.channel.address, "user", turn.at)
    return Reply(say("unlinked", turn.lang, user_id=turn.channel.user_id))


def _language(turn: _Turn) -> Reply:
    lang = _LANGUAGES.get(turn.asked.arguments.strip().lower())
    if lang is None:
        return Reply(say("which_language", turn.lang))
    links.speak(turn.connection, turn.channel, lang)
    return Reply(say("language", lang))


_LANGUAGES: Mapping[str, Lang] = {"id": "id", "en": "en"}


def _help(turn: _Turn) -> Reply:
    return Reply(say("help", turn.lang), public=True)


def _unknown(turn: _Turn) -> Reply:
    told = say("unknown_command", turn.lang, command=turn.asked.command)
    return Reply(f"{told}\n\n{say('help', turn.lang)}", public=True)


LINKING = frozenset({"start", "link"})
COMMANDS: Mapping[str, Callable[[_Turn], Reply]] = {
    "saldo": _balance,
    "status": _status,
    "topup": _topup,
    "unlink": _unlink,
    "bahasa": _language,
    "start": _help,
    "link": _help,
    "help": _help,
    "bantuan": _help,
}


def suggestions(engine: Engine, service: str, address: str, typed: str) -> list[str]:
    """The newest orders of whoever is linked with this address whose ids hold what was typed."""
    with reading(engine) as connection:
        channel = links.channel_of(connection, service, address)
        if channel is None:
            return []
        numbers = books.numbers_of_user(connection, channel.user_id, rows_max=_RECENT)
        ids = books.order_ids(connection, numbers)
    wanted = typed.strip().lower()
    return [ids[number] for number in numbers if wanted in ids[number].lower()][:_SUGGESTED_MAX]
