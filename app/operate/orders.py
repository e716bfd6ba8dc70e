"""Orders: announce one, show one with all that was told and moved, put down a person's word about one."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, text

from app.core.database import reading, writing
from app.core.errors import FieldError, NotFound
from app.core.language import Lang
from app.ledger import books
from app.ledger.announce import announce
from app.ledger.book import Policy
from app.ledger.effect import believed_word, effect
from app.ledger.facts import FactKind, Known
from app.ledger.persons import WORDS, Resolution, resolve
from app.operate import texts
from app.operate.announcement import amount_from, order_from
from app.operate.books_shown import CauseShown, FactShown, PostingShown
from app.operate.chats.messaging import notice_keys
from app.operate.orders_shown import NoticeShown, TransactionShown
from app.operate.outcomes import alerts_about, callbacks_of_order, subjects_of
from app.operate.shown import amount_text, time_text

WHO_CHARS_MAX = 128
REASON_CHARS_MAX = 1_000


def create_order(
    engine: Engine, data: Mapping[str, Any], *, at: int, policy: Policy, lang: Lang
) -> tuple[TransactionShown, bool]:
    """Announce an order → it, and whether it is new.

    Raises FieldError, OrderConflict (announced with other contents), BalanceTooSmall; nothing has happened then.
    """
    order = order_from(data)
    with writing(engine) as connection:
        announced = announce(connection, order, at=at, policy=policy)
        return show_order(connection, order.order_id, lang=lang), announced.created


def show(engine: Engine, order_id: str, *, lang: Lang) -> TransactionShown:
    """An announced order. Raises NotFound."""
    with reading(engine) as connection:
        return show_order(connection, order_id, lang=lang)


def show_order(connection: Connection, order_id: str, *, lang: Lang) -> TransactionShown:
    """An announced order, read on this connection. Raises NotFound."""
    order = books.order_of(connection, order_id)
    if order is None or order.announced_at is None:
        raise NotFound(f"no order {order_id[:140]!r} is announced; announce it with POST /transactions")
    facts = books.facts_of(connection, order.no)
    causes = books.causes_of(connection, order.no)
    sources = {fact.source_id for fact in facts} | {cause.id for cause in causes}
    known = {row.fact: row.level for row in facts}
    status = effect(order.kind, order.amount, known).status
    serial = serial_number(known, status)
    values = texts.order_values(order, serial or "", lang)
    sent = _sent(connection, order)
    return TransactionShown(
        order_id=order.order_id,
        user_id=order.user_id,
        kind=order.kind,
        amount=amount_text(order.amount),
        currency=order.currency,
        provider=order.provider,
        product=order.product,
        customer_no=order.customer_no,
        status=status,
        text=texts.status(status, lang),
        serial_number=serial,
        cost=amount_text(order.cost),
        fee=amount_text(order.fee),
        announced_at=time_text(order.announced_at),
        facts=[FactShown.of(fact) for fact in facts],
        postings=[PostingShown.of(row) for row in books.postings_of(connection, order, sources)],
        notices=[
            NoticeShown(
                at=time_text(notice.at),
                status=notice.status,
                text=texts.notice(order.kind, notice.status, values, lang),
                sent=sent.get((notice.source_id, notice.status), []),
            )
            for notice in books.notices_of(connection, order.no, sources)
        ],
        callbacks=callbacks_of_order(connection, order, lang=lang),
        causes=[cause_shown(cause) for cause in causes],
        alerts=alerts_about(connection, [*subjects_of(order.order_id), f"wallet:{order.user_id}"], lang=lang),
    )


def _sent(connection: Connection, order: books.OrderRow) -> dict[tuple[int, str], list[str]]:
    """Where each notice, by its source and status, was sent, and how that stands."""
    begins = notice_keys(order.no)
    rows = connection.execute(
        text("SELECT key, kind, destination, state FROM callback_tasks WHERE key >= :first AND key < :end ORDER BY id"),
        {"first": begins, "end": f"{begins[:-1]};"},
    )
    found: dict[tuple[int, str], list[str]] = {}
    for key, kind, destination, state in rows:
        source_id, status, _ = key.removeprefix(begins).split(":", 2)
        found.setdefault((int(source_id), status), []).append(f"{kind} {destination}: {state}")
    return found


def cause_shown(cause: books.CauseRow) -> CauseShown:
    """What changed an order and is no callback."""
    return CauseShown(
        id=str(cause.id),
        kind=cause.kind,
        at=time_text(cause.at),
        who=cause.who,
        reason=cause.reason,
        callback_id=None if cause.callback_id is None else str(cause.callback_id),
    )


def standing(connection: Connection, order: books.OrderRow) -> tuple[str, str]:
    """An order's status, and its serial number where there is one."""
    known = {row.fact: row.level for row in books.facts_of(connection, order.no)}
    status = effect(order.kind, order.amount, known).status
    return status, serial_number(known, status) or ""


def serial_number(known: Known, status: str) -> str | None:
    """The serial number of a purchase that succeeded, as its sender told it."""
    if status != FactKind.SUCCEEDED or believed_word(known) is not FactKind.SUCCEEDED:
        return None
    return next((fact.key for fact in known if fact.kind is FactKind.SUCCEEDED and fact.key), None)


_WORDS = frozenset(word for words in WORDS.values() for word in words)


def resolve_order(
    engine: Engine, order_id: str, data: Mapping[str, Any], *, who: str, at: int, policy: Policy, lang: Lang
) -> TransactionShown:
    """Put down a person's word about an order → the order after it.

    `data`: `word` and `reason`; for a refund `amount`, optionally `key` and `attempt`. Raises FieldError, NotFound,
    ResolutionRefused, BalanceTooSmall.
    """
    resolution = resolution_from(data, who=who)
    with writing(engine) as connection:
        resolve(connection, order_id, resolution, at=at, policy=policy)
        return show_order(connection, order_id, lang=lang)


def resolution_from(data: Mapping[str, Any], *, who: str) -> Resolution:
    """A person's word, checked. Raises FieldError."""
    word = data.get("word")
    if not isinstance(word, str) or word not in _WORDS:
        raise FieldError("word", "must be paid, failed or refund for a topup; succeeded, failed or returned for a ppob")
    amount = data.get("amount")
    return Resolution(
        word=word,
        who=sentence_from("who", who, chars_max=WHO_CHARS_MAX),
        reason=sentence_from("reason", data.get("reason")),
        amount=None if amount is None else amount_from("amount", amount),
        key=_name_from("key", data.get("key")),
        attempt=_name_from("attempt", data.get("attempt")),
    )


def sentence_from(field: str, value: Any, *, chars_max: int = REASON_CHARS_MAX) -> str:
    """A person's words on one line; they are kept, so they must be there. Raises FieldError."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text:
        raise FieldError(field, "is missing; it is kept with who and when")
    if len(text) > chars_max or not text.isprintable():
        raise FieldError(field, f"must be printable text of at most {chars_max} characters")
    return text


def _name_from(field: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > WHO_CHARS_MAX or not value.isprintable():
        raise FieldError(field, f"must be printable text of at most {WHO_CHARS_MAX} characters")
    return value
