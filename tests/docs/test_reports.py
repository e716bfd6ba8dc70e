"""docs/reports.md: its files are imported as they stand there, and every command says what the page says.

WRITE_DOCS=1 writes what the commands say into the page.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.clock import now_us
from app.core.config import get_settings
from app.core.database import get_engine
from app.operate.files.importing import CsvOutcome, import_csv
from app.operate.orders import create_order
from app.operate.policy import policy_of
from tests.cli.test_commands import Shell, shell, take

__all__ = ["shell"]

ORDERS = {
    "TU-1": "100000.00",
    "TU-2": "50000.00",
    "TU-3": "20000.00",
    "TU-4": "30000.00",
    "TU-5": "25000.00",
    "TU-6": "75000.00",
}
PAID = ("TU-1", "TU-3", "TU-4", "TU-6")

_BLOCK = re.compile(r"^```(csv|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CALLBACK_ID = re.compile(r"\b\d{16}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def shown(said: str) -> str:
    return _TIME.sub("2025-11-25T04:49:00.000000Z", _CALLBACK_ID.sub("1764046140000000", said))


def typed(shell: Shell, block: str) -> Iterator[str]:
    for line in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
        yield f"$ {line}\n"
        yield shown(shell(*line.split()[1:]).out)


def fill() -> None:
    for order_id, amount in ORDERS.items():
        order = {"order_id": order_id, "user_id": "ani", "kind": "topup", "amount": amount}
        create_order(get_engine(), order, at=now_us(), policy=policy_of(get_settings()), lang="en")
    for order_id in PAID:
        paid = {"order_id": order_id, "transaction_id": order_id.replace("U-", ""), "transaction_status": "settlement"}
        take({**paid, "status_code": "200", "gross_amount": ORDERS[order_id]})


def bring(content: str) -> CsvOutcome:
    return import_csv(get_engine(), content.encode(), filename="nov.csv", callback_id=1764046140000000, at=now_us())


def test_the_files_of_the_page_end_as_it_tells(root: Path, shell: Shell) -> None:
    path = root / "docs" / "reports.md"
    page, found, reasons = path.read_text(encoding="utf-8"), [], []
    fill()
    for kind, block in _BLOCK.findall(page):
        if kind == "csv":
            reasons.append(bring(block).reason)
            found.append(block)
        else:
            found.append("".join(typed(shell, block)))
    assert reasons == ["report_compared", "prices_imported", "prices_imported"]
    if os.environ.get("WRITE_DOCS"):
        rest = iter(found)
        path.write_text(_BLOCK.sub(lambda match: f"```{match[1]}\n{next(rest)}```", page), encoding="utf-8")
        return
    assert found == [block for _, block in _BLOCK.findall(page)]


@pytest.mark.parametrize("figure", ["200 columns", "64 KiB", "500,000 rows"])
def test_the_limits_on_the_page_are_those_of_the_code(root: Path, figure: str) -> None:
    from app.files import csv_table  # noqa: PLC0415 - the limits alone

    limits = {
        f"{csv_table.COLUMNS_MAX} columns",
        f"{csv_table.FIELD_CHARS_MAX // 1024} KiB",
        f"{csv_table.ROWS_MAX:,} rows",
    }
    assert figure in limits
    assert figure in (root / "docs" / "reports.md").read_text(encoding="utf-8")
