"""A look at a folder: everything that is a file, nothing that leads elsewhere, and no opening of what is none."""

import os
import socket
import stat
from pathlib import Path

import pytest

from app.files import scanning
from app.files.scanning import Scan, TooManyFiles, scan
from app.files.snapshot import State


def look(folder: Path, **more: object) -> Scan:
    return scan(str(folder), lambda path: path.endswith(".tmp") or path == "skip", **more)  # type: ignore[arg-type]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def test_a_file_is_seen_as_the_system_says(inbox: Path) -> None:
    (inbox / "deep" / "er").mkdir(parents=True)
    (inbox / "a.txt").write_text("hello")
    (inbox / "deep" / "er" / "b").write_text("")
    seen, told = look(inbox), (inbox / "a.txt").stat()
    assert seen.files[b"a.txt"] == State(told.st_dev, told.st_ino, 5, told.st_mtime_ns)
    assert set(seen.files) == {b"a.txt", b"deep/er/b"}
    assert (seen.device, seen.inode, seen.folders) == (inbox.stat().st_dev, inbox.stat().st_ino, 3)
    assert not seen.unreadable


def test_a_folder_that_is_left_alone_is_not_entered(inbox: Path) -> None:
    (inbox / "skip" / "in").mkdir(parents=True)
    (inbox / "skip" / "a").write_text("a")
    (inbox / "b.tmp").write_text("b")
    assert (look(inbox).files, look(inbox).folders) == ({}, 1)


def test_no_link_is_followed_and_nothing_but_files_is_touched(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "s").write_text("s")
    (inbox / "to_folder").symlink_to(tmp_path / "secret")
    (inbox / "to_file").symlink_to(tmp_path / "secret" / "s")
    (inbox / "to_itself").symlink_to(inbox)
    (inbox / "nowhere").symlink_to("nowhere")
    os.mkfifo(inbox / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(inbox)
        listener.bind("socket")
        seen = look(inbox)
    assert (seen.files, seen.others) == ({}, {"link": 4, "other": 2})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_counted_and_not_opened(inbox: Path) -> None:
    try:
        os.mknod(inbox / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("this system lets nobody make devices")
    assert look(inbox).others == {"other": 1}


def test_any_name_that_the_system_takes_is_seen(inbox: Path) -> None:
    names = [b"new\nline", b"x" * 255, b"\xff\xfe.csv", b"\x1b[31m", b" ", "é".encode(), b"-rf", b"'\""]
    for name in names:
        Path(os.fsdecode(os.fsencode(inbox) + b"/" + name)).write_text("x")
    assert set(look(inbox).files) == set(names)


def test_a_path_that_nobody_could_open_is_counted(inbox: Path) -> None:
    at = os.open(inbox, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=at)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=at)
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
        os.close(at)
        at = inner
    os.close(at)
    seen = look(inbox)
    assert 10 < len(seen.files) < 20
    assert set(seen.others) == {"long"}  # a file or a folder, by how long the path of this test is


def test_a_folder_that_cannot_be_read_is_noted_and_the_others_are_seen(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("closed", "open"):
        (inbox / name).mkdir()
        (inbox / name / "a").write_text("a")
    real = os.open

    def refusing(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        if path == "closed":
            raise PermissionError(13, "Permission denied")
        return real(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr("app.files.scanning.os.open", refusing)
    seen = look(inbox)
    assert (set(seen.files), seen.unreadable) == ({b"open/a"}, {b"closed": "Permission denied"})


def test_a_folder_that_becomes_a_link_while_it_is_looked_at_leads_nowhere(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "turns").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "s").write_text("s")
    note = scanning._Looking._note  # noqa: SLF001 - the moment between seeing and opening

    def swapping(self: object, entry: os.DirEntry[str], path: str, inner: list[str]) -> None:
        note(self, entry, path, inner)  # type: ignore[arg-type]
        (inbox / "turns").rmdir()
        (inbox / "turns").symlink_to(tmp_path / "secret")

    monkeypatch.setattr(scanning._Looking, "_note", swapping)  # noqa: SLF001
    seen = look(inbox)
    assert (seen.files, list(seen.unreadable)) == ({}, [b"turns"])


def test_too_many_files_are_said_and_a_folder_that_is_gone_too(inbox: Path) -> None:
    for number in range(4):
        (inbox / str(number)).write_text("x")
    with pytest.raises(TooManyFiles):
        look(inbox, files_max=3)
    assert len(look(inbox, files_max=4).files) == 4
    with pytest.raises(FileNotFoundError):
        look(inbox / "gone")
    (inbox / "link").symlink_to(inbox)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        look(inbox / "link")


def test_who_hears_of_a_look_can_stop_it(inbox: Path) -> None:
    def stop(_files: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look(inbox, pulse=stop)


def test_states_that_did_not_change_are_kept_once_in_memory(inbox: Path) -> None:
    (inbox / "a").write_text("a")
    first = look(inbox)
    assert look(inbox, known=first.files).files[b"a"] is first.files[b"a"]
