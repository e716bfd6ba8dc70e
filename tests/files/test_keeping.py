"""The folder of uploads: whole files on disk, for their owner alone; only `incoming` is ever emptied."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.files import keeping


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_kept_file_is_its_owners_alone(tmp_path: Path) -> None:
    folder = str(tmp_path / "data" / "uploads")
    assert keeping.keep(folder, "general", "1.txt", [b"he", b"llo"]) == "general/1.txt"
    file = Path(folder, "general", "1.txt")
    assert file.read_bytes() == b"hello"
    assert [mode(file), mode(file.parent), mode(Path(folder))] == [0o600, 0o700, 0o700]


def test_the_same_name_again_takes_its_place_and_a_failure_leaves_nothing(tmp_path: Path) -> None:
    folder = str(tmp_path)

    def breaking() -> Iterator[bytes]:
        yield b"half"
        raise ValueError

    keeping.keep(folder, "general", "1.txt", [b"one"])
    with pytest.raises(ValueError):  # noqa: PT011 - the one above
        keeping.keep(folder, "general", "1.txt", breaking())
    assert [each.name for each in (tmp_path / "general").iterdir()] == ["1.txt"]
    assert keeping.incoming(folder) == []
    assert (tmp_path / "general" / "1.txt").read_bytes() == b"one"
    keeping.keep(folder, "general", "1.txt", [b"two"])
    assert (tmp_path / "general" / "1.txt").read_bytes() == b"two"


def test_only_what_lies_directly_in_incoming_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    path, handle = keeping.new_incoming(str(folder))
    keeping.finish(handle, path)
    others = [tmp_path / "mine.jpg", folder / "general" / "1.txt", folder / "incoming" / "deep" / "a"]
    for other in others:
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_text("x")
    (folder / "incoming" / "link").symlink_to(tmp_path)
    named = [
        *others,
        folder / "incoming",
        folder / "incoming" / "..",
        Path(f"{folder}/incoming/../general/1.txt"),
        Path(f"{folder}/incoming/link/mine.jpg"),
        Path(f"{folder}/incoming/none"),
        Path("mine.jpg"),
    ]
    assert not any(keeping.remove_incoming(str(folder), str(each)) for each in named)
    assert all(other.exists() for other in others)
    assert [name for name, _ in keeping.incoming(str(folder))] == [path.name]
    assert keeping.remove_incoming(str(folder), str(path))
    assert not path.exists()


def test_an_incoming_that_is_a_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_text("x")
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "incoming").symlink_to(tmp_path / "elsewhere")
    assert not keeping.remove_incoming(str(tmp_path / "uploads"), str(tmp_path / "uploads" / "incoming" / "a"))
    assert keeping.incoming(str(tmp_path / "uploads")) == []
    assert os.listdir(tmp_path / "elsewhere") == ["a"]  # noqa: PTH208 - names


def test_a_folder_that_the_operator_links_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "uploads").symlink_to(tmp_path / "disk")
    path, handle = keeping.new_incoming(str(tmp_path / "uploads"))
    keeping.finish(handle, path)
    assert keeping.remove_incoming(str(tmp_path / "uploads"), str(tmp_path / "disk" / "incoming" / path.name))


@pytest.mark.parametrize("name", [keeping.INCOMING, "general"])
def test_a_link_in_the_place_of_a_folder_of_ours_is_not_followed(tmp_path: Path, name: str) -> None:
    uploads, elsewhere = tmp_path / "uploads", tmp_path / "elsewhere"
    uploads.mkdir()
    elsewhere.mkdir()
    (uploads / name).symlink_to(elsewhere)
    with pytest.raises(NotADirectoryError):
        keeping.keep(str(uploads), "general", "1.txt", [b"x"])
    assert not list(elsewhere.iterdir())
