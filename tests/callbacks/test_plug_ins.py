import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.callbacks.callback_manager import load_app, use_manager
from app.core.config import Settings
from app.core.errors import StartRefused

HANDLER = """
from app.callbacks.base.base_handlers import WebhookCallbackHandler

class Parcels(WebhookCallbackHandler):
    async def handle(self, data):
        return {"success": True, "message": "on its way"}

class Named(Parcels):
    def __init__(self):
        super().__init__("Named", "named")

ready = Named()

def both(manager):
    manager.register_handler("first", Parcels("first"))
    manager.register_handler("second", Parcels("second"))

def broken(manager):
    raise RuntimeError("no key")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Install a package whose entry points are these lines."""

    def put(*lines: str) -> None:
        (tmp_path / "parcels_of_mine.py").write_text(HANDLER)
        info = tmp_path / "parcels_of_mine-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parcels-of-mine\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("\n".join(["[callback_system.handlers]", *lines, ""]))
        monkeypatch.syspath_prepend(str(tmp_path))

    yield put
    sys.modules.pop("parcels_of_mine", None)
    use_manager(None)


@pytest.mark.parametrize("value", ["Parcels", "Named", "ready"])
def test_an_installed_package_brings_a_handler_under_its_entry_points_name(install, value: str) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    install(f"parcels = parcels_of_mine:{value}")
    manager = load_app(Settings())
    (row,) = [row for row in manager.list_handlers() if row["name"] == "parcels"]
    assert row["path"] == "/callbacks/webhook/parcels"
    assert row["source"] == "parcels_of_mine"


def test_a_function_registers_what_it_likes(install) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    install("whatever = parcels_of_mine:both")
    assert {"first", "second"} <= set(load_app(Settings()).handlers)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("parcels = parcels_of_mine:broken", "RuntimeError: no key"),
        ("parcels = parcels_of_mine:nothing_there", "AttributeError"),
        ("midtrans = parcels_of_mine:Parcels", "registered already"),
        ("Parcels! = parcels_of_mine:Parcels", "a-z 0-9"),
    ],
)
def test_one_that_fails_stops_the_start_with_its_package_and_its_reason(install, line: str, why: str) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    install(line)
    with pytest.raises(StartRefused, match="package parcels-of-mine failed") as told:
        load_app(Settings())
    assert why in str(told.value)
