"""Compares the rows of a settlement report with the ledger; what disagrees becomes alert rows, and nothing else."""

import json
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection

from app.engine.outcomes import Alert, driver, raise_alerts, settle_alerts
from app.ledger.cases import Cases
from app.operate.files.recognising import Read, Recognised
from app.operate.files.rows_once import Import, Work
from app.operate.files.settlement import PROVIDER, Difference, Report, What, compare, report_of, standing_of
from app.providers.columns import Unread
from app.providers.midtrans_report import TAKES_BACK, ReportRow, Says

ALERTS_MAX = 1_000
_FILENAME_CHARS = 160
#: A row that agrees about a payment says nothing of its refund.
_REFUND, _PAYMENT = "refund", "payment"


def comparing(recognised: Recognised) -> Work:
    """What is done with the rows of this report."""
    report = report_of(recognised.rows())

    def take(connection: Connection, state: Import, rows: Sequence[Read]) -> None:
        _take(connection, state, rows, report)

    return Work(("agree", "differ", "unreadable"), take, _end)


def _take(connection: Connection, state: Import, rows: Sequence[Read], report: Report) -> None:
    readable = [row for row in rows if isinstance(row, ReportRow)]
    found = _compared(connection, readable, report)
    differing = {(row.order_id, _about(row)) for row, difference in found if difference is not None}
    agreeing = [row for row, _ in found if (row.order_id, _about(row)) not in differing]
    tally = state.tally
    for row in rows:
        if isinstance(row, Unread):
            tally.unreadable(row)
    _settle(connection, state, agreeing)
    alerts = []
    for row, difference in found:
        tally.add("agree" if difference is None else "differ")
        if difference is None:
            continue
        tally.add(f"differ:{difference.what}")
        if tally.counts.get("alerts", 0) < ALERTS_MAX:
            tally.add("alerts")
            alerts.append(_alert(state, row, difference))
    raise_alerts(connection, alerts, at=state.began_at)


def _compared(
    connection: Connection, rows: Iterable[ReportRow], report: Report
) -> list[tuple[ReportRow, Difference | None]]:
    rows = list(rows)
    cases = Cases(connection)
    cases.open_orders((PROVIDER, row.order_id) for row in rows)
    found = []
    for row in rows:
        case = cases.owner_of(row.order_id)
        found.append((row, compare(row, None if case is None else standing_of(case), report)))
    return found


def _alert(state: Import, row: ReportRow, difference: Difference) -> Alert:
    detail = {
        "what": str(difference.what),
        "report": difference.report,
        "ledger": difference.books,
        "file": state.filename[:_FILENAME_CHARS],
        "line": row.line,
        "about": _about(row),
        "transaction_id": row.transaction_id,
        "import": state.no,
        **({"row": msgspec.to_builtins(row)} if row.says is Says.PAID else {}),
    }
    return Alert("report_differs", _subject(row), detail)


def _subject(row: ReportRow) -> str:
    """A payment and a refund of one order may both differ: an alert each, and each is closed by its own."""
    return f"{'refund' if _about(row) == _REFUND else 'order'}:{row.order_id}"


def _about(row: ReportRow) -> str:
    return _REFUND if row.says in TAKES_BACK else _PAYMENT


def _settle(connection: Connection, state: Import, agreeing: Iterable[ReportRow]) -> None:
    """Close what another report said of these payments: this one agrees with the books.

    Of another payment of the same order it says nothing. Nor does an older report, dropped in late, in which a payment
    was still pending, say anything against a newer one in which it is paid.
    """
    driver(connection).executemany(
        "UPDATE callback_alerts SET closed_at = ?1, closed_by = 'report' WHERE kind = 'report_differs'"
        " AND subject IN (?2, ?8) AND closed_at IS NULL AND json_extract(detail, '$.about') = ?3"
        " AND json_extract(detail, '$.import') <> ?4 AND (?5 OR json_extract(detail, '$.what') = ?6)"
        " AND (?7 = '' OR lower(json_extract(detail, '$.transaction_id')) IN ('', lower(?7)))",
        [
            (
                state.began_at,
                _subject(row),
                _about(row),
                state.no,
                row.says is Says.PAID or row.says in TAKES_BACK,
                str(What.NOT_PAID_THERE),
                row.transaction_id,
                f"order:{row.order_id}",  # refunds stood there, too, before they had a subject of their own
            )
            for row in agreeing
        ],
    )


def compare_again(connection: Connection, at: int) -> None:
    """Close what differed about payments and agrees by now: a late callback came, or a person decided."""
    told = driver(connection).execute(
        "SELECT subject, json_extract(detail, '$.row') FROM callback_alerts WHERE kind = 'report_differs'"
        " AND closed_at IS NULL AND json_extract(detail, '$.row') IS NOT NULL ORDER BY id DESC LIMIT ?",
        (2 * ALERTS_MAX,),
    )
    subjects, rows = [], []
    for subject, row in told:
        subjects.append(subject)
        rows.append(msgspec.convert(json.loads(row), ReportRow))
    found = _compared(connection, rows, Report())
    over = [("report_differs", subject) for subject, (_, differs) in zip(subjects, found, strict=True) if not differs]
    settle_alerts(connection, over, by="books", at=at)


def _end(connection: Connection, state: Import) -> None:
    """One alert for all differences that have none of their own."""
    untold = state.tally.counts.get("differ", 0) - state.tally.counts.get("alerts", 0)
    if untold:
        filename = state.filename[:_FILENAME_CHARS]
        detail = {"what": "more", "untold": untold, "file": filename, "import": state.no}
        raise_alerts(connection, [Alert("report_differs", f"report:{filename}", detail)], at=state.began_at)
