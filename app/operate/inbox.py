"""The callbacks of the log: show one with its bytes and everything that came of it, and explain it."""

from collections.abc import Mapping
from typing import Any

import msgspec
import orjson
from sqlalchemy import Engine

from app.core.database import reading
from app.core.errors import NotFound
from app.core.language import Lang
from app.core.money import format_amount
from app.engine.callback import Callback, Handlers, acts
from app.engine.log import Log
from app.ledger import books
from app.ledger.effect import effect
from app.ledger.facts import Fact, Level, Told, learn
from app.operate import outcomes, texts
from app.operate.advice import reason_text
from app.operate.books_shown import FactShown, PostingShown
from app.operate.callbacks_shown import CallbackShown, ExplanationShown
from app.operate.letters import letters_of
from app.operate.orders import cause_shown
from app.operate.shown import body_shown, time_text
from app.operate.tasks import tasks_of


def show_callback(engine: Engine, callbacks: Log, handlers: Handlers, callback_id: int, *, lang: Lang) -> CallbackShown:
    """One callback with its bytes, what proved it, and everything that came of it. Raises NotFound.

    Of one that was pruned, everything that came of it.
    """
    found = callbacks.get(callback_id)
    with reading(engine) as connection:
        row = outcomes.outcomes_of(connection, [callback_id]).get(callback_id)
        callback = found or _without_bytes(callback_id, row)
        order = books.order_no(connection, row.order_no) if row is not None and row.order_no is not None else None
        known = books.facts_of(connection, order.no) if order is not None else []
        order_id = order.order_id if order is not None else None
        line = outcomes.line(row, order_id, lang=lang) if row else outcomes.undecided(callback, lang=lang)
        body, body_base64 = body_shown(callback.body)
        decided_by = books.cause(connection, row.decided_by) if row is not None and row.decided_by else None
        found_tasks = tasks_of(connection, callback, order.no if order is not None else None)
        return CallbackShown(
            **line.model_dump(),
            kept=found is not None,
            event_key=callback.event_key,
            ordering_key=callback.ordering_key,
            verification=callback.verification,
            verified_how=texts.verification(callback.verification, lang),
            remote_addr=callback.remote_addr,
            headers=_headers(callback),
            body=body,
            body_base64=body_base64,
            detail=dict(row.detail) if row is not None else {},
            decided_at=time_text(row.decided_at) if row is not None else None,
            decided_by=cause_shown(decided_by) if decided_by is not None else None,
            explanation=explain(handlers, callback, order, known, lang=lang) if found else None,
            facts=[FactShown.of(fact) for fact in known if fact.source_id == callback_id],
            postings=[
                PostingShown.of(posting)
                for posting in (books.postings_of(connection, order, [callback_id]) if order else [])
            ],
            tasks=found_tasks,
            dead_letters=[
                *letters_of(connection, "callback", callback_id, lang=lang),
                *(each for task in found_tasks for each in letters_of(connection, "task", int(task.id), lang=lang)),
            ],
        )


def _without_bytes(callback_id: int, row: outcomes.OutcomeRow | None) -> Callback:
    """What the state still knows of a callback that is no longer in the log. Raises NotFound."""
    if row is None:
        raise NotFound(f"there is no callback {callback_id} in the log")
    return Callback(callback_id, 0, row.provider, row.event_type, "", "", row.received_at, "", b"", "pruned", "")


def _headers(callback: Callback) -> dict[str, str]:
    """Those that the log kept, but for signatures: they prove something to an audit, and say nothing to people."""
    kept = orjson.loads(callback.headers).items() if callback.headers else ()
    return {name: str(value) for name, value in kept if "signature" not in name}


#: Fields by which senders say what happened, at the top or below `data`; shown, never decided by.
_TELLING = ("transaction_status", "fraud_status", "status_code", "status", "rc", "event_type", "event", "type")


def explain(
    handlers: Handlers,
    callback: Callback,
    order: books.OrderRow | None,
    known: list[books.FactRow],
    *,
    lang: Lang,
) -> ExplanationShown | None:
    """What the sender's pure functions make of it, and what that moves today; None for handlers without facts."""
    handler = acts(handlers, callback)
    read = getattr(handler, "facts", None)
    if read is None:
        return None
    told: Told = read(callback)
    reason = told.refused or told.ignored
    moving = order is not None and order.announced_at is not None and not getattr(handler, "own_apply", False)
    return ExplanationShown(
        said=said(callback.body),
        facts=[fact_text(fact) for fact in told.facts],
        why_none=reason_text(reason, told.detail, lang) if reason else "",
        moves=_moves(told, order, known, lang) if moving and order is not None else "",
    )


def fact_text(fact: Fact) -> str:
    """`paid(T1)`, `refunded(T1, r1, 30000.00)`."""
    amount = "" if fact.amount is None else format_amount(fact.amount)
    return f"{fact.kind}({', '.join(part for part in (fact.attempt, fact.key, amount) if part)})"


def said(body: bytes) -> str:
    """What a body says happened, in one line; nothing where it says nothing of the kind."""
    try:
        data = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    fields: Mapping[str, Any] = data if isinstance(data, dict) else {}
    inner = fields.get("data")
    fields = {**fields, **(inner if isinstance(inner, dict) else {})}
    return ", ".join(f"{name} {str(fields[name])[:64]}" for name in _TELLING if isinstance(fields.get(name), str | int))


def _moves(told: Told, order: books.OrderRow, known: list[books.FactRow], lang: Lang) -> str:
    before = {row.fact: row.level for row in known}
    was = effect(order.kind, order.amount, before)
    becomes = effect(order.kind, order.amount, learn(before, told.facts, Level.SIGNED))
    moved = becomes.position.wallet - was.position.wallet
    parts = [] if not moved else [f"wallet:{order.user_id} {'+' if moved > 0 else ''}{format_amount(moved)}"]
    if becomes.status != was.status:
        parts.append(f"{texts.status(was.status, lang)} → {texts.status(becomes.status, lang)}")
    return ", ".join(parts)
