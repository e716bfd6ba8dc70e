"""Hints wake the next look, and only for what matters; whatever is not heard is found by looking."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.callbacks.file_monitor.hints import Hints, folders_heard
from app.files.ignoring import ignoring


class Ear:
    """Hints of one folder."""

    def __init__(self, folder: Path) -> None:
        self.wake = threading.Event()
        self.hints = Hints(self.wake)
        self.folder = str(folder)
        assert self.hints.listen(self.folder, ignoring("*.bak").ignores_within) == ""

    def hears(self) -> bool:
        """Something, soon; forgotten afterwards."""
        heard = self.wake.wait(5)
        self.wake.clear()
        return self.hints.taken(self.folder) and heard


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    (tmp_path / "inbox" / "old.bak").mkdir(parents=True)
    ear = Ear(tmp_path / "inbox")
    yield ear
    ear.hints.close()


def test_what_is_left_alone_or_only_read_wakes_nobody(ear: Ear, tmp_path: Path) -> None:
    (tmp_path / "inbox" / "a.csv").write_text("a")
    assert ear.hears()
    ear.wake.wait(0.3)  # the other events of that file
    ear.wake.clear()
    ear.hints.taken(ear.folder)
    for name in ("b.tmp", "c.bak", "old.bak/d.csv", ".hidden"):
        (tmp_path / "inbox" / name).write_text("x")
    assert (tmp_path / "inbox" / "a.csv").read_text() == "a"
    assert list((tmp_path / "inbox").iterdir())
    assert not ear.wake.wait(0.5)
    (tmp_path / "inbox" / "new" / "deep").mkdir(parents=True)
    (tmp_path / "inbox" / "new" / "deep" / "e.csv").write_text("e")
    assert ear.hears()


def test_a_folder_that_was_deleted_is_known_as_lost_until_it_is_listened_to_again(ear: Ear, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "inbox")
    while not ear.hints.lost(ear.folder):
        assert ear.wake.wait(5)
        ear.wake.clear()
    assert "No such file" in ear.hints.listen(ear.folder, ignoring("").ignores_within)
    (tmp_path / "inbox").mkdir()
    assert ear.hints.listen(ear.folder, ignoring("").ignores_within) == ""
    assert not ear.hints.lost(ear.folder)
    ear.hints.taken(ear.folder)
    ear.wake.clear()
    (tmp_path / "inbox" / "a.csv").write_text("a")
    assert ear.hears()


def test_how_many_folders_are_heard_is_asked_of_the_system(ear: Ear, tmp_path: Path) -> None:
    heard = folders_heard()
    if heard is None:
        pytest.skip("only Linux says it")
    ear.hints.deafen(ear.folder)
    assert folders_heard() == heard - 2
    assert ear.hints.listen(str(tmp_path / "inbox"), ignoring("").ignores_within) == ""
    assert folders_heard() == heard
