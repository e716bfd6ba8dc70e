import json
from pathlib import Path

from docs.figures import benchmark


def test_the_benchmarks_page_names_every_row_that_was_measured(root: Path) -> None:
    rows = json.loads((root / "bench" / "results" / "latest.json").read_text())["rows"]
    text = benchmark()
    assert all(f"| {row['system']} |" in text for row in rows)
    assert all(row["wrong"] == [] for row in rows)
