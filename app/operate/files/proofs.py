"""Proofs of payment: each opens a top-up that a person decides on, unless the same user sent it before."""

import msgspec
from sqlalchemy import Connection, insert, select, text

from app.engine.outcomes import Alert, raise_alerts
from app.operate.files.tables import topups
from app.operate.files.upload_told import UploadTold


class Content(msgspec.Struct, frozen=True):
    """What a proof is known by: its bytes, or what a person sees.

    A byte behind a picture's end or a word among its metadata makes another file, and nobody sees it; what was kept of
    one may itself be sent. Bytes are compared with bytes as well: another version of the library may draw the same
    picture in other ones.
    """

    digest: str
    drawn: str


def open_topup(connection: Connection, told: UploadTold, content: Content, callback_id: int, at: int) -> int | None:
    """Open a top-up for this proof → its number; None where the same one of this user stands. In a writing transaction.

    The same picture of another user is opened too, with an alert: one of them did not pay.
    """
    if standing(connection, told.user_id, content) is not None:
        return None
    others = others_with(connection, content, told.user_id)
    number: int = connection.execute(
        insert(topups)
        .values(
            callback_id=callback_id,
            user_id=told.user_id,
            amount=told.amount,
            note=told.note,
            digest=content.digest,
            drawn=content.drawn,
            opened_at=at,
        )
        .returning(topups.c.id)
    ).scalar_one()
    waits = {"topup_id": str(number), "user": told.user_id}
    raise_alerts(connection, [Alert("topup_waits", f"topup:{number}", waits)], at=at)
    if others:
        detail = {"topup_id": str(number), "user": told.user_id, "others": ", ".join(others)}
        raise_alerts(connection, [Alert("proof_used_twice", f"topup:{number}", detail)], at=at)
    return number


def opened_by(connection: Connection, callback_id: int) -> int | None:
    """The top-up that this upload opened."""
    found: int | None = connection.execute(select(topups.c.id).where(topups.c.callback_id == callback_id)).scalar()
    return found


def standing(connection: Connection, user_id: str, content: Content) -> int | None:
    """The first top-up of this user with this proof that is open or approved."""
    found: int | None = connection.execute(_STANDING, _of(content, user_id)).scalar()
    return found


def others_with(connection: Connection, content: Content, user_id: str) -> list[str]:
    """Top-ups of other users with the same proof: `3 (budi, approved)`."""
    rows = connection.execute(_OTHERS, _of(content, user_id))
    return [f"{row.id} ({row.user_id}, {row.state})" for row in rows]


def _of(content: Content, user_id: str) -> dict[str, str]:
    return {"bytes": content.digest, "drawn": content.drawn, "user": user_id}


_STANDING = text(
    "SELECT min(id) FROM callback_topups WHERE (digest = :bytes OR drawn IN (:bytes, :drawn)) AND user_id = :user"
    " AND state IN ('open', 'approved')"
)
_OTHERS = text(
    "SELECT id, user_id, state FROM callback_topups WHERE (digest = :bytes OR drawn IN (:bytes, :drawn))"
    " AND user_id <> :user ORDER BY id LIMIT 5"
)
