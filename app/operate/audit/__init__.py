"""Proves the books: every amount is what facts mean, every fact was told by something that can be shown, now.

The state is read as it was at one moment, then the log, which only grows: whatever the state knows of is in the log by
then, and what came later is not looked at. So a worker that goes on makes no false findings.
"""

from sqlalchemy import Engine

from app.core.database import snapshot
from app.core.errors import LogUnavailable
from app.core.language import Lang
from app.engine.callback import Handlers
from app.engine.log import Log
from app.operate.audit.orders import check_accounts, check_orders
from app.operate.audit.proof import Finding, Wrong
from app.operate.audit.rows import Tables
from app.operate.audit.shapes import misshapen
from app.operate.audit.shown import AuditShown, FindingShown, UnprovedShown
from app.operate.audit.sources import Sources
from app.operate.audit.tally import Tally
from app.operate.audit.texts import unproved_text, wrong_text
from app.operate.exporting import Progress, no_progress
from app.operate.shown import amount_text, time_text

_SIZES = (
    "SELECT (SELECT count(*) FROM callback_orders)"
    " + (SELECT coalesce(sum(value), 0) FROM callback_counters WHERE name = 'decided')"
)


def audit(
    engine: Engine,
    callbacks: Log,
    handlers: Handlers,
    *,
    lang: Lang,
    since: int | None = None,
    progress: Progress = no_progress,
) -> AuditShown:
    """Prove the books, or what happened since a moment (microseconds); writes nothing.

    `progress` gets how much is done, of how much. Raises LogUnavailable when another log took the place of this one.
    """
    tally = Tally()
    callbacks.last_id()  # whichever log the path leads to now
    epoch = callbacks.epoch
    bar = _Bar(progress)
    with snapshot(engine, pulse=bar.pulse) as connection:
        bar.of = 0 if since is not None else int(connection.execute(_SIZES).fetchone()[0])
        try:
            tables = Tables(connection, since)
            check_orders(tables, tally, bar.move)
            Sources(tables, callbacks, handlers, tally).check(bar.move)
            check_accounts(tables, tally)
        except Exception:
            tally.find(misshapen(connection))
            if not tally.wrong[Wrong.SHAPE]:
                raise
    if callbacks.epoch != epoch:
        raise LogUnavailable("another callback log took the place of this one meanwhile; start the audit anew")
    return _shown(tally, since, lang)


class _Bar:
    """How much is done; how much there is to do is not known beforehand for a part of the books."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.done = 0
        self.of = 0

    def move(self, rows: int) -> None:
        self.done += rows
        self.pulse()

    def pulse(self) -> None:
        if self.of:
            self._progress(self.done, self.of)


def _shown(tally: Tally, since: int | None, lang: Lang) -> AuditShown:
    return AuditShown(
        ok=not tally.wrong,
        since=None if since is None else time_text(since),
        orders=tally.orders,
        facts=tally.facts,
        journals=tally.journals,
        callbacks=tally.callbacks,
        accounts=tally.accounts,
        signatures=tally.signatures,
        wrong={str(kind): count for kind, count in tally.wrong.items()},
        findings=[_finding(each, lang) for each in tally.findings],
        unproved=[
            UnprovedShown(reason=reason, count=count, examples=tally.examples[reason], text=unproved_text(reason, lang))
            for reason, count in tally.unproved.most_common()
        ],
    )


def _finding(found: Finding, lang: Lang) -> FindingShown:
    return FindingShown(
        kind=found.kind,
        subject=found.subject,
        order_id=found.order_id,
        source_id=None if found.source_id is None else str(found.source_id),
        expected=_value(found.expected),
        found=_value(found.found),
        text=wrong_text(found.kind, lang),
    )


def _value(value: object) -> str:
    return str(amount_text(value)) if isinstance(value, int) else str(value or "")
