"""A disk that is full, read-only or fails to sync: nobody is told 200, and all is well again without a restart."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.engine.log.sqlite import SqliteLog
from tests.engine.log.building import Child, all_ids
from tests.fakes.preloading import build_library, needs_preloading

TRIES = 3


@pytest.fixture(scope="session")
def failing_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that makes the disk fail for the process that preloads it."""
    return build_library("failing_disk", tmp_path_factory.mktemp("failing"))


def readable(path: Path) -> list[int]:
    with closing(SqliteLog(str(path), server=False)) as log:
        return all_ids(log)


def acknowledged(path: Path, first: str, count: int) -> bool:
    return first.isdigit() and set(range(int(first), int(first) + count)) <= set(readable(path))


@needs_preloading
@pytest.mark.parametrize("failing", ["FAILING_SYNC", "FAILING_WRITE"])
def test_a_disk_that_fails_refuses_and_heals_without_a_restart(
    path: Path, start: Callable[..., Child], failing_disk: Path, failing: str
) -> None:
    switch = path.with_name("failing")
    server = start(server=True, environment={"LD_PRELOAD": str(failing_disk), failing: str(switch)})
    before = server.ask("append 50")

    for _ in range(TRIES):
        switch.touch()
        refusals = [server.ask("append 50") for _ in range(TRIES)]
        switch.unlink()
        after = server.ask("append 50")

        assert all(answer.startswith("unavailable: ") for answer in refusals)
        assert str(path) in refusals[0]
        assert acknowledged(path, before, 50)
        assert acknowledged(path, after, 50)


@needs_preloading
def test_a_checkpoint_that_fails_costs_nothing_and_is_made_up_for(
    path: Path, start: Callable[..., Child], failing_disk: Path
) -> None:
    switch, wal = path.with_name("failing"), path.with_name("log.db-wal")
    environment = {"LD_PRELOAD": str(failing_disk), "FAILING_SYNC": str(switch), "FAILING_NAME": "/log.db"}
    server = start(server=True, environment=environment)
    switch.touch()
    firsts = [server.ask("append 3000") for _ in range(25)]
    grown = wal.stat().st_size
    switch.unlink()
    firsts += [server.ask("append 3000") for _ in range(12)]

    assert grown > 1000 * 8192  # beyond the automatic checkpoint's 500 pages
    assert wal.stat().st_size < grown + 500 * 8192
    server.end()
    assert readable(path) == [int(first) + n for first in firsts for n in range(3000)]


def test_a_full_disk_refuses_and_heals_without_a_restart(path: Path, start: Callable[..., Child]) -> None:
    server = start(server=True)
    before = server.ask("append 10")
    server.ask("limit 300000")

    answers = [server.ask("append 400") for _ in range(12)]
    server.ask("limit 0")
    after = server.ask("append 400")

    taken = [answer for answer in answers if answer.isdigit()]
    assert answers[-1].startswith("unavailable: ")
    assert acknowledged(path, before, 10)
    assert all(acknowledged(path, first, 400) for first in taken)
    assert acknowledged(path, after, 400)


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root may mount a small disk")
def test_a_full_file_system_refuses_and_heals_when_there_is_room(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=False)  # noqa: S603, S607 - as root
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        ballast = small / "ballast"
        ballast.write_bytes(bytes(400_000))
        server = Child(small / "log.db", server=True)
        assert server.hear() == "ready"
        answers = [server.ask("append 400") for _ in range(25)]
        ballast.unlink()
        after = server.ask("append 10")
        server.end()

        assert answers[0].isdigit()
        assert answers[-1].startswith("unavailable: ")
        assert all(acknowledged(small / "log.db", first, 400) for first in answers if first.isdigit())
        assert acknowledged(small / "log.db", after, 10)
    finally:
        subprocess.run(["umount", "-l", small], check=True)  # noqa: S603, S607 - as above
