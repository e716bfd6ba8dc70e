"""Opening a file that somebody named: only below the folders that we may read, whatever stands in the way."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.errors import FileRefused
from app.files.opening import Folder, folder_at, open_below


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox" / "deep").mkdir(parents=True)
    (tmp_path / "inbox" / "deep" / "a.txt").write_text("hello")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "inbox-beside").mkdir()
    (tmp_path / "inbox-beside" / "b.txt").write_text("beside")
    return tmp_path / "inbox"


def read(path: str | bytes, *folders: Folder, bytes_max: int | None = None) -> bytes:
    with open_below(folders, path, bytes_max=bytes_max) as opened:
        return opened.handle.read()


def refusal(path: str | bytes, *folders: Folder, bytes_max: int | None = None) -> str:
    with pytest.raises(FileRefused) as refused:
        read(path, *folders, bytes_max=bytes_max)
    return refused.value.reason


def test_a_file_below_the_folder_is_read(inbox: Path) -> None:
    assert read(str(inbox / "deep" / "a.txt"), folder_at(str(inbox))) == b"hello"
    assert read(f"{inbox}//deep/./a.txt", folder_at(str(inbox))) == b"hello"


@pytest.mark.parametrize(
    "path",
    [
        "{inbox}/../secret.txt",
        "{inbox}/deep/../../secret.txt",
        "{inbox}-beside/b.txt",
        "{outside}/secret.txt",
        "deep/a.txt",
        "../secret.txt",
        "",
        "/",
        "{inbox}",
        "{inbox}/deep/a.txt\0.png",
        "/etc/passwd",
        "{inbox}/" + "x" * 5000,
    ],
)
def test_whatever_leads_elsewhere_is_outside(inbox: Path, path: str) -> None:
    assert refusal(path.format(inbox=inbox, outside=inbox.parent), folder_at(str(inbox))) == "file_outside"


def test_without_folders_nothing_is_read(inbox: Path) -> None:
    assert refusal(str(inbox / "deep" / "a.txt")) == "file_outside"


def test_no_link_is_followed_wherever_it_stands(inbox: Path) -> None:
    folder = folder_at(str(inbox))
    (inbox / "link.txt").symlink_to(inbox.parent / "secret.txt")
    (inbox / "inside.txt").symlink_to(inbox / "deep" / "a.txt")
    (inbox / "away").symlink_to(inbox.parent)
    (inbox / "loop").symlink_to(inbox / "loop")
    assert refusal(str(inbox / "link.txt"), folder) == "file_is_link"
    assert refusal(str(inbox / "inside.txt"), folder) == "file_is_link"
    assert refusal(str(inbox / "away" / "secret.txt"), folder) == "file_is_link"
    assert refusal(str(inbox / "loop"), folder) == "file_is_link"


def test_the_folders_own_link_is_the_operators(inbox: Path) -> None:
    (inbox.parent / "alias").symlink_to(inbox)
    folder = folder_at(str(inbox.parent / "alias"))
    assert read(str(inbox.parent / "alias" / "deep" / "a.txt"), folder) == b"hello"
    assert read(str(inbox / "deep" / "a.txt"), folder) == b"hello"


def test_what_is_no_file_holds_nobody_up(inbox: Path) -> None:
    folder = folder_at(str(inbox))
    os.mkfifo(inbox / "fifo")
    assert refusal(str(inbox / "fifo"), folder) == "file_not_regular"
    assert refusal(str(inbox / "deep"), folder) == "file_not_regular"
    assert refusal("/dev/zero", folder_at("/dev")) == "file_not_regular"
    assert refusal("/dev/tty", folder_at("/dev")) in {"file_not_regular", "file_gone"}


def test_what_is_gone_or_too_large_is_said(inbox: Path) -> None:
    folder = folder_at(str(inbox))
    assert refusal(str(inbox / "none.txt"), folder) == "file_gone"
    assert refusal(str(inbox / "none" / "none.txt"), folder) == "file_gone"
    assert refusal(str(inbox / ("x" * 300)), folder) == "file_not_readable"
    assert refusal(str(inbox / "deep" / "a.txt"), folder, bytes_max=4) == "file_too_large"
    assert refusal(str(inbox / "deep" / "a.txt" / "more"), folder) == "file_is_link"


def test_a_name_that_is_no_text_is_opened_by_its_bytes(inbox: Path) -> None:
    name = os.fsencode(inbox) + b"/\xff\xfe.txt"
    with open(name, "wb") as handle:  # noqa: PTH123 - a name in bytes
        handle.write(b"odd")
    assert read(name, folder_at(str(inbox))) == b"odd"


@contextmanager
def swapping(inbox: Path) -> Iterator[Path]:
    """A path that is a folder and a link to the outside in turns; the folder at the end."""
    (inbox.parent / "outside").mkdir()
    (inbox.parent / "outside" / "a.txt").write_text("secret")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (inbox / "deep").rename(inbox / "away")
            (inbox / "deep").symlink_to(inbox.parent / "outside")
            (inbox / "deep").unlink()
            (inbox / "away").rename(inbox / "deep")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield inbox / "deep" / "a.txt"
    finally:
        stop.set()
        thread.join()


def test_a_folder_that_becomes_a_link_in_between_leads_nowhere(inbox: Path) -> None:
    found = set()
    folder = folder_at(str(inbox))
    with swapping(inbox) as path:
        for _ in range(3_000):
            try:
                found.add(read(str(path), folder))
            except FileRefused as refused:
                found.add(refused.reason.encode())
    assert found <= {b"hello", b"file_is_link", b"file_gone"}
    assert read(str(path), folder) == b"hello"
