import re
from pathlib import Path

from app.core.errors import TREATMENTS

#: The specification's families, which are caught and never raised themselves.
FAMILIES = {"CallbackError", "ValidationError", "DatabaseError", "ExternalAPIError"}


def test_every_error_of_the_table_is_raised_somewhere(root: Path) -> None:
    rooms = [path for path in (root / "app").rglob("*.py") if path.name != "errors.py"]
    code = "".join(path.read_text() for path in rooms)
    made = {error.__name__ for error in TREATMENTS if re.search(rf"\b{error.__name__}\(", code)}
    assert {error.__name__ for error in TREATMENTS} - made <= FAMILIES
