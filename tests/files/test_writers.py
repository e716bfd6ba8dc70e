"""Who writes a file is asked of the system itself, and asking disturbs nobody."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app.files.opening import Folder, folder_at
from app.files.settling import Writers
from app.files.writers import ask


@pytest.fixture
def inbox(tmp_path: Path) -> Folder:
    (tmp_path / "a.csv").write_text("12345")
    return folder_at(str(tmp_path))


def test_a_file_that_nobody_writes_is_told_as_it_is(inbox: Folder, tmp_path: Path) -> None:
    asked = ask(inbox, b"a.csv")
    assert asked is not None
    assert asked.state is not None
    assert (asked.writers, asked.state.size, asked.state.inode) == (
        Writers.NONE,
        5,
        (tmp_path / "a.csv").stat().st_ino,
    )


@pytest.mark.parametrize("mode", ["a", "r+"])
def test_a_file_that_somebody_has_open_for_writing_is_known(inbox: Folder, tmp_path: Path, mode: str) -> None:
    with (tmp_path / "a.csv").open(mode):
        asked = ask(inbox, b"a.csv")
        assert asked is not None
        assert asked.writers is Writers.SOME
    with (tmp_path / "a.csv").open():  # a reader is no writer
        asked = ask(inbox, b"a.csv")
        assert asked is not None
        assert asked.writers is Writers.NONE


def test_a_writer_that_only_maps_the_file_is_known(inbox: Folder, tmp_path: Path) -> None:
    import mmap  # noqa: PLC0415 - for this test only

    with (tmp_path / "a.csv").open("r+b") as file:
        mapped = mmap.mmap(file.fileno(), 5)
    asked = ask(inbox, b"a.csv")
    mapped.close()
    assert asked is not None
    assert asked.writers is Writers.SOME


def test_on_a_network_folder_nobody_is_asked(inbox: Folder, tmp_path: Path) -> None:
    asked = ask(inbox, b"a.csv", elsewhere={tmp_path.stat().st_dev})
    assert asked is not None
    assert asked.writers is Writers.UNKNOWN


def test_what_is_no_file_or_leads_elsewhere_is_not_opened(inbox: Folder, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert [ask(inbox, name) for name in (b"fifo", b"link", b"gone", b"gone/too")] == [None] * 4


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_files_of_others_and_files_that_may_not_be_read_are_waited_for() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        Path(folder).chmod(0o755)
        for name, mode in (("theirs", 0o644), ("closed", 0o600)):
            (Path(folder) / name).write_text("x")
            (Path(folder) / name).chmod(mode)
        assert _as_nobody(folder, b"theirs") == Writers.UNKNOWN.value
        assert _as_nobody(folder, b"closed") == Writers.UNKNOWN.value


def _as_nobody(folder: str, name: bytes) -> str:
    read, write = os.pipe()
    if os.fork() == 0:
        os.setgroups([])
        os.setuid(65534)
        asked = ask(folder_at(folder), name)
        os.write(write, b"gone" if asked is None else asked.writers.value.encode())
        os._exit(0)
    os.close(write)
    os.wait()
    with os.fdopen(read) as told:
        return told.read()


_BROKEN_WHILE_HELD = """
import fcntl, os, sys, time
from app.files import writers
real = fcntl.fcntl
def slow(descriptor, what, value=0):
    told = real(descriptor, what, value)
    if (what, value) == (fcntl.F_SETLEASE, fcntl.F_RDLCK):
        print("held", flush=True)
        sys.stdin.readline()
    return told
writers.fcntl.fcntl = slow
from app.files.opening import folder_at
print(writers.ask(folder_at(sys.argv[1]), b"a.csv").writers.name)
"""


def test_a_writer_that_comes_while_we_ask_ends_nobody_and_waits_for_a_moment_only(
    inbox: Folder, tmp_path: Path, root: Path
) -> None:
    """The signal that tells of it would end a process; in this one nobody handles it."""
    with subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", _BROKEN_WHILE_HELD, inbox.real],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as asking:
        assert asking.stdin is not None
        assert asking.stdout is not None
        assert asking.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError):
            os.open(tmp_path / "a.csv", os.O_WRONLY | os.O_NONBLOCK)
        asking.stdin.write("\n")
        asking.stdin.flush()
        assert asking.stdout.readline() == "NONE\n"
    assert asking.returncode == 0
    os.close(os.open(tmp_path / "a.csv", os.O_WRONLY | os.O_NONBLOCK))


def test_the_signal_that_is_chosen_ends_no_process() -> None:
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGURG, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGURG)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert hasattr(fcntl, "F_SETSIG")
