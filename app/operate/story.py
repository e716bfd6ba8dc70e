"""`callbacks show`: what happened about an order on one line of time: words, answers, persons, money, notices."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, Engine, text

from app.core.database import reading
from app.core.ends import ID_MAX
from app.core.errors import NotFound
from app.core.language import Lang, Text
from app.core.money import Minor, format_amount
from app.engine.callback import Handlers
from app.engine.log import Log
from app.ledger import books
from app.ledger.effect import effect
from app.operate import inbox, outcomes, texts
from app.operate.advice import outcome_text
from app.operate.chats.messaging import notice_keys
from app.operate.endpoints.fan_out import forwarded_keys
from app.operate.shown import time_text
from app.operate.story_shown import CallbackToldShown, MovedShown, StoryLine, StoryShown

#: An order of which more is told is shown by its beginning and its end.
LINES_MAX = 1_000

_ANNOUNCED = Text("diumumkan: {kind} {amount} untuk {user}", "announced: {kind} of {amount} for {user}")
_ANSWERED = Text("API pengirim menjawab: {said}", "the sender's API answered: {said}")
_TRIES = Text("{kind} ke {destination}: {state}, {tries} percobaan", "{kind} to {destination}: {state}, {tries} tries")


class _Line(NamedTuple):
    """Sorted by its first three: what is caused at one moment stands below its cause."""

    at: int
    rank: int
    number: int
    what: str
    text: str
    outcome: str = ""
    moved: tuple[books.PostingRow, ...] = ()
    balance: Minor | None = None


def show(
    engine: Engine, callbacks: Log, handlers: Handlers, which: str, *, lang: Lang
) -> CallbackToldShown | StoryShown:
    """The callback of this id with its order's story, or the story of the order of this id. Raises NotFound."""
    number = int(which) if which.isascii() and which.isdigit() and len(which) <= len(str(ID_MAX)) else 0
    if 0 < number <= ID_MAX:
        try:
            return show_callback(engine, callbacks, handlers, number, lang=lang)
        except NotFound:
            pass  # an order's id may be a number as well
    with reading(engine) as connection:
        order = _order_named(connection, which)
        if order is None:
            raise NotFound(f"there is no callback {which[:140]!r}, and no order of this id; see: callbacks log")
        return story_of(connection, order, lang=lang)


def show_callback(
    engine: Engine, callbacks: Log, handlers: Handlers, callback_id: int, *, lang: Lang
) -> CallbackToldShown:
    """One callback, and the story of its order. Raises NotFound."""
    shown = inbox.show_callback(engine, callbacks, handlers, callback_id, lang=lang)
    with reading(engine) as connection:
        row = outcomes.outcomes_of(connection, [callback_id]).get(callback_id)
        order = books.order_no(connection, row.order_no) if row is not None and row.order_no is not None else None
        story = story_of(connection, order, this=callback_id, lang=lang) if order is not None else None
    return CallbackToldShown(**shown.model_dump(), story=story)


def story_of(connection: Connection, order: books.OrderRow, *, this: int = 0, lang: Lang) -> StoryShown:
    """What happened about an order, oldest first; `this` is the callback to be marked."""
    facts = books.facts_of(connection, order.no)
    causes = books.causes_of(connection, order.no)
    sources = {fact.source_id for fact in facts} | {cause.id for cause in causes}
    status = ""
    if order.announced_at is not None:
        status = effect(order.kind, order.amount, {fact.fact: fact.level for fact in facts}).status
    lines = sorted(
        (
            *_announcement(order, causes, lang),
            *_callbacks(connection, order, lang),
            *_causes(causes, lang),
            *_journals(connection, order, sources),
            *_notices(connection, order, sources, lang),
            *_tasks(connection, order, sources, lang),
        ),
        key=lambda line: line[:3],
    )
    kept = [
        line
        for place, line in enumerate(lines)
        if place < LINES_MAX // 2 or place >= len(lines) - LINES_MAX // 2 or _is(line, this)
    ]
    return StoryShown(
        order_id=order.order_id,
        provider=order.provider,
        kind=order.kind,
        user_id=order.user_id,
        amount=format_amount(order.amount),
        currency=order.currency,
        status=status,
        text=texts.status(status, lang) if status else "",
        lines=[_shown(line, this=_is(line, this)) for line in kept],
        omitted=len(lines) - len(kept),
    )


def _order_named(connection: Connection, order_id: str) -> books.OrderRow | None:
    """The announced order of this id, else the one that callbacks told of."""
    announced = books.order_of(connection, order_id)
    numbers = [] if announced is not None else books.numbers_of(connection, order_id)
    return announced if not numbers else books.order_no(connection, numbers[-1])


def _is(line: _Line, callback_id: int) -> bool:
    return line.what == "callback" and line.number == callback_id


def _shown(line: _Line, *, this: bool) -> StoryLine:
    return StoryLine(
        at=time_text(line.at),
        what=line.what,
        ref=str(line.number),
        text=line.text,
        outcome=line.outcome,
        moved=[MovedShown(account=posting.account, amount=format_amount(posting.amount)) for posting in line.moved],
        balance=None if line.balance is None else format_amount(line.balance),
        this=this,
    )


def _announcement(order: books.OrderRow, causes: Iterable[books.CauseRow], lang: Lang) -> Iterator[_Line]:
    if order.announced_at is not None:
        number = next((cause.id for cause in causes if cause.kind == "announcement"), 0)
        values = {
            "kind": order.kind,
            "amount": texts.money(order.amount, order.currency, lang),
            "user": order.user_id,
        }
        yield _Line(order.announced_at, 0, number, "announcement", texts.fill(_ANNOUNCED, values, lang))


def _callbacks(connection: Connection, order: books.OrderRow, lang: Lang) -> Iterator[_Line]:
    for row in outcomes.of_order(connection, order.no):
        told = outcome_text(row.outcome, row.reason, row.detail, lang)
        said = f"{row.provider} {row.event_type}: {told}"
        yield _Line(row.received_at, 1, row.callback_id, "callback", said, row.outcome)


def _causes(causes: Iterable[books.CauseRow], lang: Lang) -> Iterator[_Line]:
    for cause in causes:
        if cause.kind == "answer":
            said = inbox.said(cause.body or b"") or texts.MISSING
            yield _Line(cause.at, 2, cause.id, cause.kind, texts.fill(_ANSWERED, {"said": said}, lang))
        elif cause.kind != "announcement":
            yield _Line(cause.at, 2, cause.id, cause.kind, f"{cause.who}: {cause.reason}")


def _journals(connection: Connection, order: books.OrderRow, sources: Iterable[int]) -> Iterator[_Line]:
    postings = books.postings_of(connection, order, sources)
    for (at, journal_id), group in groupby(postings, key=lambda posting: (posting.at, posting.journal_id)):
        moved = tuple(group)
        name = f"wallet:{order.user_id}"
        balance = next((posting.balance for posting in moved if posting.account == name), None)
        yield _Line(at, 3, journal_id, "journal", "", moved=moved, balance=balance)


def _notices(connection: Connection, order: books.OrderRow, sources: Iterable[int], lang: Lang) -> Iterator[_Line]:
    for notice in books.notices_of(connection, order.no, sources):
        told = texts.notice(order.kind, notice.status, texts.order_values(order, "", lang), lang)
        yield _Line(notice.at, 4, notice.source_id, "notice", told)


def _tasks(connection: Connection, order: books.OrderRow, sources: Iterable[int], lang: Lang) -> Iterator[_Line]:
    # By key: there is no index from orders to tasks.
    questions, notices = f"ask:{order.no}", notice_keys(order.no).removesuffix(":")
    rows = connection.execute(
        text(
            "SELECT id, kind, destination, state, tries, last_error, created_at FROM callback_tasks"
            " WHERE (key >= :asked AND key < :asked_end) OR (key >= :told AND key < :told_end)"
            " OR key IN (SELECT value FROM json_each(:forwarded))"
        ),
        {
            "asked": f"{questions}:",
            "asked_end": f"{questions};",
            "told": f"{notices}:",
            "told_end": f"{notices};",
            "forwarded": orjson.dumps(forwarded_keys(connection, sources, order.no)).decode(),
        },
    )
    for number, kind, destination, state, tries, last_error, at in rows:
        values = {"kind": kind, "destination": destination, "state": state, "tries": tries}
        told = texts.fill(_TRIES, values, lang) + (f"; {last_error}" if last_error else "")
        yield _Line(at, 5, number, "task", told)
