"""How the ledger treats doubts and who carries its notices on, made from the settings."""

from app.core.config import Settings, secrets_of
from app.ledger.book import Policy
from app.operate.chats.notifying import notify

_SECOND = 1_000_000

#: Where there is nobody to ask.
UNASKED = Policy(confirm="off", notify=notify)


def policy_of(settings: Settings) -> Policy:
    """How doubts are treated: as set, and not at all where no key of Midtrans is set (nothing is verified then)."""
    return Policy(
        confirm=settings.midtrans_confirm if secrets_of(settings.midtrans_server_key) else "off",
        unknown_after=int(settings.midtrans_unknown_after * _SECOND),
        notify=notify,
    )
