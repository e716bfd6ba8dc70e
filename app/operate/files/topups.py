"""Top-ups by hand: list and show the proofs that users sent; approve one, which credits it once, or reject it."""

from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, select, update

from app.core.config import Settings
from app.core.database import reading, writing
from app.core.ends import ID_MAX
from app.core.errors import FieldError, NotFound, ProcessingError
from app.core.money import Minor
from app.engine.outcomes import settle_alerts
from app.ledger.announce import NewOrder, announce
from app.ledger.effect import TOPUP
from app.ledger.persons import Resolution, resolve
from app.operate.announcement import amount_from
from app.operate.files.proofs import Content, others_with
from app.operate.files.tables import topups, uploads
from app.operate.files.topup_news import tell_rejected
from app.operate.files.topups_shown import TopupShown, TopupsShown
from app.operate.orders import WHO_CHARS_MAX, sentence_from
from app.operate.policy import policy_of
from app.operate.shown import amount_text, time_text

PAGE_MAX = 200
#: The sender of orders that a person vouches for: nobody calls us in its name.
PROVIDER = "manual"
_WHY = "proof of payment approved"
_JOINED = select(
    topups, uploads.c.original_filename, uploads.c.media_type, uploads.c.size, uploads.c.stored_as
).join_from(topups, uploads, topups.c.callback_id == uploads.c.callback_id, isouter=True)


def order_id_of(topup_id: int) -> str:
    """The order that credits this top-up."""
    return f"PROOF-{topup_id}"


def list_topups(
    engine: Engine, *, user_id: str = "", every: bool = False, before: int | None = None, rows_max: int = 50
) -> TopupsShown:
    """A page of top-ups, newest first: the open ones or `every` one, of a user or of all."""
    rows_max = max(1, min(rows_max, PAGE_MAX))
    found = _JOINED.where(topups.c.id < (ID_MAX if before is None else before)).order_by(topups.c.id.desc())
    if not every:
        found = found.where(topups.c.closed_at.is_(None))
    if user_id:
        found = found.where(topups.c.user_id == user_id)
    with reading(engine) as connection:
        rows = connection.execute(found.limit(rows_max + 1)).mappings().all()
        shown = [_shown(connection, row) for row in rows[:rows_max]]
    return TopupsShown(topups=shown, next_cursor=shown[-1].id if len(rows) > rows_max else None)


def show_topup(engine: Engine, topup_id: int) -> TopupShown:
    """One top-up. Raises NotFound."""
    with reading(engine) as connection:
        return _shown(connection, _row(connection, topup_id))


def proof_of(engine: Engine, topup_id: int) -> int:
    """The callback whose upload proves it. Raises NotFound."""
    with reading(engine) as connection:
        return int(_row(connection, topup_id)["callback_id"])


def approve(
    engine: Engine,
    topup_id: int,
    *,
    amount: Any = None,
    reason: str | None = None,
    who: str,
    at: int,
    settings: Settings,
) -> TopupShown:
    """Credit a top-up, once → it. `amount`: what was really paid, where the user said nothing or something else.

    Raises NotFound, FieldError, ProcessingError (it is closed already, by whom), OrderConflict.
    """
    by = sentence_from("who", who, chars_max=WHO_CHARS_MAX)
    why = sentence_from("reason", reason) if reason else _WHY
    with writing(engine) as connection:
        row = _open_row(connection, topup_id)
        credited = row["amount"] if amount is None else amount_from("amount", amount)
        if credited is None:
            raise FieldError("amount", "is missing: the user said none; say how much was paid")
        order_id = _credit(connection, row, credited, Resolution("paid", by, why), at, settings)
        _close(connection, topup_id, "approved", by, why, at, amount=credited, order_id=order_id)
        return _shown(connection, _row(connection, topup_id))


def _credit(
    connection: Connection, row: RowMapping, amount: Minor, word: Resolution, at: int, settings: Settings
) -> str:
    order_id, policy = order_id_of(row["id"]), policy_of(settings)
    order = NewOrder(order_id, row["user_id"], TOPUP, amount, PROVIDER)
    announce(connection, order, at=at, policy=policy)
    resolve(connection, order_id, word, at=at, policy=policy)
    return order_id


def reject(engine: Engine, topup_id: int, *, reason: str | None, who: str, at: int) -> TopupShown:
    """Close a top-up without crediting it, and tell its user why → it.

    Raises NotFound, FieldError, ProcessingError (it is closed already, by whom).
    """
    by, why = sentence_from("who", who, chars_max=WHO_CHARS_MAX), sentence_from("reason", reason)
    with writing(engine) as connection:
        row = _open_row(connection, topup_id)
        _close(connection, topup_id, "rejected", by, why, at)
        tell_rejected(connection, topup_id, row["user_id"], row["amount"], why, at)
        return _shown(connection, _row(connection, topup_id))


def _close(connection: Connection, topup_id: int, state: str, by: str, why: str, at: int, **more: Any) -> None:
    closed = {"state": state, "closed_at": at, "closed_by": by, "closed_reason": why, **more}
    connection.execute(update(topups).where(topups.c.id == topup_id).values(**closed))
    told = [(kind, f"topup:{topup_id}") for kind in ("topup_waits", "proof_used_twice")]
    settle_alerts(connection, told, by=by, at=at)


def _row(connection: Connection, topup_id: int) -> RowMapping:
    row = connection.execute(_JOINED.where(topups.c.id == topup_id)).mappings().first()
    if row is None:
        raise NotFound(f"there is no top-up {topup_id}; callbacks topups list --all shows them")
    return row


def _open_row(connection: Connection, topup_id: int) -> RowMapping:
    row = _row(connection, topup_id)
    if row["state"] == "open":
        return row
    told = f"the top-up {topup_id} was {row['state']} by {row['closed_by']} at {time_text(row['closed_at'])}"
    if row["state"] == "approved":
        raise ProcessingError(
            f"{told}; it is credited once, as order {row['order_id']}."
            f' To undo it: callbacks transactions resolve {row["order_id"]} failed --reason "…"'
        )
    raise ProcessingError(f"{told} ({row['closed_reason']}); have the user send the proof again")


def _shown(connection: Connection, row: RowMapping) -> TopupShown:
    return TopupShown(
        id=str(row["id"]),
        callback_id=str(row["callback_id"]),
        user_id=row["user_id"],
        amount=amount_text(row["amount"]),
        note=row["note"],
        state=row["state"],
        order_id=row["order_id"],
        filename=row["original_filename"] or "",
        media_type=row["media_type"] or "",
        size=row["size"] or 0,
        stored_as=row["stored_as"] or "",
        used_also_by=others_with(connection, Content(row["digest"], row["drawn"]), row["user_id"]),
        opened_at=time_text(row["opened_at"]),
        closed_at=None if row["closed_at"] is None else time_text(row["closed_at"]),
        closed_by=row["closed_by"],
        closed_reason=row["closed_reason"],
    )
