"""The audit of a told history: its callbacks are put into a log, with the ids that they had."""

from pathlib import Path

from app.engine.callback import Callback
from app.engine.log.sqlite import SqliteLog
from app.operate.audit import audit
from app.operate.audit.shown import AuditShown
from tests.ledger.world import START, Ledger


def audited(ledger: Ledger, path: Path) -> AuditShown:
    """What an audit says of this ledger; `path` is where the log is made."""
    for leftover in ("", "-wal", "-shm"):
        Path(f"{path}{leftover}").unlink(missing_ok=True)
    log = SqliteLog(str(path), server=False, floor=START - 1, clock=lambda: START)
    try:
        rows = [_row(callback) for callback in ledger.callbacks]
        assert not rows or log.write_batch(rows) == START
        return audit(ledger.engine, log, ledger.senders, lang="en")
    finally:
        log.close()


def _row(callback: Callback) -> tuple[int, str, str, str, str, int, str, bytes, str, str]:
    return (
        callback.partition,
        callback.provider,
        callback.event_type,
        callback.event_key,
        callback.ordering_key,
        callback.received_at,
        callback.headers,
        callback.body,
        callback.verification,
        callback.remote_addr,
    )


__all__ = ["audited"]
