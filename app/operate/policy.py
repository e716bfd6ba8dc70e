"""How the ledger treats doubts and who carries its notices on, made from the settings."""

from collections.abc import Sequence

from sqlalchemy import Connection

from app.core.config import Settings, secrets_of
from app.engine.outcomes import driver
from app.ledger.book import Noticed, Policy
from app.operate.chats.notifying import notify
from app.operate.endpoints.events import publish

_SECOND = 1_000_000


_ANYBODY = (
    "SELECT EXISTS (SELECT 1 FROM callback_channels WHERE ended_at IS NULL),"
    " EXISTS (SELECT 1 FROM callback_endpoints WHERE events <> '')"
)


def tell(connection: Connection, notices: Sequence[Noticed]) -> None:
    """Carry news on: to the users' chats, and as domain events to whoever listens.

    Costs one small question a batch where there is neither.
    """
    linked, listened = driver(connection).execute(_ANYBODY).fetchone()
    if linked:
        notify(connection, notices)
    if listened:
        publish(connection, notices)


#: Where there is nobody to ask.
UNASKED = Policy(confirm="off", notify=tell)


def policy_of(settings: Settings) -> Policy:
    """How doubts are treated: as set, and not at all where no key of Midtrans is set (nothing is verified then)."""
    return Policy(
        confirm=settings.midtrans_confirm if secrets_of(settings.midtrans_server_key) else "off",
        unknown_after=int(settings.midtrans_unknown_after * _SECOND),
        notify=tell,
    )
