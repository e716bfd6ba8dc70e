"""Which file a path leads to: the same by either way of asking."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.engine.log.inode import Inode, Seen, by_stat, by_statx, look


@pytest.fixture(params=[by_stat, look])
def asked(request: pytest.FixtureRequest) -> Callable[[str], Seen | None]:
    found: Callable[[str], Seen | None] = request.param
    return found


def test_inode_and_size_are_the_files(asked: Callable[[str], Seen | None], tmp_path: Path) -> None:
    file = tmp_path / "ä file.db"
    file.write_bytes(b"x" * 4_321)
    there = file.stat()

    assert asked(str(file)) == Seen(Inode(there.st_dev, there.st_ino), 4_321)


def test_a_link_is_followed_and_a_missing_file_is_none(asked: Callable[[str], Seen | None], tmp_path: Path) -> None:
    file, link = tmp_path / "log.db", tmp_path / "link"
    link.symlink_to(file)
    assert asked(str(link)) is None

    file.touch()

    assert asked(str(link)) == asked(str(file)) != None  # noqa: E711 - both, and there


def test_a_file_in_the_place_of_another_is_another(asked: Callable[[str], Seen | None], tmp_path: Path) -> None:
    file, other = tmp_path / "log.db", tmp_path / "other"
    file.touch()
    other.touch()
    before = asked(str(file))
    other.replace(file)

    assert before is not None
    assert asked(str(file)) not in {before, None}


@pytest.mark.skipif(sys.platform != "linux", reason="statx is Linux' own")
def test_linux_asks_without_the_times() -> None:
    assert look is by_statx
