import pytest

from app.core.errors import FieldError
from app.operate.moments import moment_from

AT = 1_764_046_140_000_000  # 2025-11-25T04:49:00Z


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0s", AT),
        ("90s", AT - 90_000_000),
        ("2h", AT - 7_200_000_000),
        ("3d", AT - 259_200_000_000),
        ("1w", AT - 604_800_000_000),
        ("999999999w", 0),
        ("2025-11-25T04:49:00Z", AT),
        ("2025-11-25T11:49:00+07:00", AT),
        ("2025-11-25 04:49", AT),
        ("2025-11-25T04:49:00.000001", AT + 1),
        ("2025-11-25", AT - 17_340_000_000),
        ("1900-01-01", 0),
    ],
)
def test_a_moment_is_a_time_or_how_long_ago(text: str, moment: int) -> None:
    assert moment_from("from", text, at=AT) == moment


@pytest.mark.parametrize("text", ["", "h", "-2h", "2 h", "2H", "2y", "yesterday", "9999999999d", "2025-13-01", "٢h"])
def test_what_is_no_moment_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(FieldError, match=r"^from: must be how long ago \(30m"):
        moment_from("from", text, at=AT)
