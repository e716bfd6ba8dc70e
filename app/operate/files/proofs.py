"""Proofs of payment: each opens a top-up that a person decides on, unless the same user sent it before."""

from sqlalchemy import Connection, insert, select, text

from app.engine.outcomes import Alert, raise_alerts
from app.operate.files.tables import topups
from app.operate.files.upload_told import UploadTold


def open_topup(connection: Connection, told: UploadTold, digest: str, callback_id: int, at: int) -> int | None:
    """Open a top-up for this proof → its number; None where the same one of this user stands. In a writing transaction.

    The same picture of another user is opened too, with an alert: one of them did not pay.
    """
    if standing(connection, told.user_id, digest) is not None:
        return None
    others = others_with(connection, digest, told.user_id)
    number: int = connection.execute(
        insert(topups)
        .values(
            callback_id=callback_id,
            user_id=told.user_id,
            amount=told.amount,
            note=told.note,
            digest=digest,
            opened_at=at,
        )
        .returning(topups.c.id)
    ).scalar_one()
    if others:
        detail = {"topup_id": str(number), "user": told.user_id, "others": ", ".join(others)}
        raise_alerts(connection, [Alert("proof_used_twice", f"topup:{number}", detail)], at=at)
    return number


def opened_by(connection: Connection, callback_id: int) -> int | None:
    """The top-up that this upload opened."""
    found: int | None = connection.execute(select(topups.c.id).where(topups.c.callback_id == callback_id)).scalar()
    return found


def standing(connection: Connection, user_id: str, digest: str) -> int | None:
    """The first top-up of this user with this proof that is open or approved."""
    found: int | None = connection.execute(_STANDING, {"content": digest, "user": user_id}).scalar()
    return found


def others_with(connection: Connection, digest: str, user_id: str) -> list[str]:
    """Top-ups of other users with the same proof: `3 (budi, approved)`."""
    rows = connection.execute(_OTHERS, {"content": digest, "user": user_id})
    return [f"{row.id} ({row.user_id}, {row.state})" for row in rows]


_STANDING = text(
    "SELECT min(id) FROM callback_topups WHERE digest = :content AND user_id = :user AND state IN ('open', 'approved')"
)
_OTHERS = text(
    "SELECT id, user_id, state FROM callback_topups WHERE digest = :content AND user_id <> :user ORDER BY id LIMIT 5"
)
