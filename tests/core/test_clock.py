import re
from pathlib import Path

from app.core.clock import now_us

#: The protocol stamps each callback where a call would cost as much as the reading itself.
READS_IT_ITSELF = {"core/clock.py", "engine/protocol.py"}


def test_the_clock_counts_microseconds() -> None:
    assert 1_700_000_000_000_000 < now_us() < 10_000_000_000_000_000


def test_the_clock_is_read_in_one_room(root: Path) -> None:
    app = root / "app"
    reading = re.compile(r"time\.time\w*\(|datetime\.(now|utcnow)\(|date\.today\(")
    found = {str(path.relative_to(app)) for path in app.rglob("*.py") if reading.search(path.read_text())}
    assert found == READS_IT_ITSELF
