"""A program that imports the CSV files of its folder, in chunks so small that a few hundred rows are many writes."""

import sys
from pathlib import Path

from app.core.database import get_engine
from app.operate.files import rows_once
from app.operate.files.importing import import_csv
from tests.operate.files.csv_files import prices, report

CHUNK_ROWS = 20
ROWS = 90
AT = 1_764_046_140_000_000

#: Of the odd ones nobody heard: they differ, every tenth cannot be read; the price list names some products twice.
FILES = {
    "report.csv": report(*(f"P-{n},T{n},{'abc' if n % 10 == 3 else '5000.00'},settlement" for n in range(ROWS))),
    "prices.csv": prices(*(f"x{n % 70},XL,Pulsa,XL,PT A,{5000 + n}" for n in range(ROWS))),
}


def main() -> int:
    """Import each file, as the file event's handler would."""
    rows_once.CHUNK_ROWS = CHUNK_ROWS
    for number, name in enumerate(FILES, 1):
        import_csv(get_engine(), Path(name).read_bytes(), filename=name, callback_id=number, at=AT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
