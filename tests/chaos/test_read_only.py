"""A disk that becomes read-only, as sick ones do: nobody is told 200, and all is well once it can be written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.engine.log import open_log
from tests.chaos.flood import Answer, Pipe, a_post
from tests.chaos.shop import Shop, a_shop, notice, until
from tests.fakes.preloading import build_library, needs_preloading

SECONDS = float(os.environ.get("CHAOS_SECONDS", "0"))


def send(shop: Shop, order_id: str) -> Answer:
    with Pipe(shop.port) as pipe:
        return pipe.ask([a_post(notice(order_id, "100000.00"))])[0]


def announce(shop: Shop, order_id: str) -> int:
    data = {"order_id": order_id, "user_id": "ani", "kind": "topup", "amount": "100000.00"}
    return shop.ask("POST", "/transactions", data)[0]


@needs_preloading
def test_what_cannot_be_written_is_503_and_heals_without_a_restart(tmp_path: Path) -> None:
    server, worker = tmp_path / "read-only to the server", tmp_path / "read-only to the worker"
    library = str(build_library("failing_disk", tmp_path))
    # mounting it read-only is not to be had while files are open: writing fails as it does there (EROFS)
    with a_shop(tmp_path, LD_PRELOAD=library, FAILING_WRITE=str(server), FAILING_NAME=".db-wal") as shop:
        shop.announce((f"TU-{number}x", "ani", "100000.00") for number in range(2))
        shop.start("serve")
        shop.environment |= {"FAILING_WRITE": str(worker)}
        shop.start("worker")
        shop.until_listening()
        acknowledged = [send(shop, "TU-0x")]

        for number in (2, 3):
            server.touch()
            refused = [send(shop, f"TU-{number}x") for _ in range(3)]
            assert {answer.status for answer in refused} == {503}
            assert all("retry-after" in answer.headers for answer in refused)
            assert announce(shop, f"TU-{number}x") == 503
            server.unlink()
            assert announce(shop, f"TU-{number}x") == 201
            acknowledged.append(send(shop, f"TU-{number}x"))

        shop.until_worked_off()
        worker.touch()
        acknowledged.append(send(shop, "TU-1x"))  # the log takes it, the worker has to wait
        until(lambda: "storage_trouble" in shop.said("worker"), lambda: shop.said("worker"))
        assert shop.outcomes() == {"applied": 3}
        worker.unlink()
        shop.until_worked_off()

        shop.stop()
        assert {answer.status for answer in acknowledged} == {200}
        assert [int(json.loads(answer.body)["callback_id"]) for answer in acknowledged] == [c.id for c in shop.log()]
        assert shop.outcomes() == {"applied": 4}
        assert shop.wallets() == {"ani": 40_000_000}
        assert shop.unbalanced() == []


def starts(shop: Shop) -> list[tuple[int, str]]:
    """Start each command → its exit code, and what it said on standard error."""
    started = [
        subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "app", command],
            env=shop.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in (("up", "serve", "worker") if SECONDS else ("up",))
    ]
    said = [process.communicate(timeout=60)[1] for process in started]
    return [(process.returncode, text) for process, text in zip(started, said, strict=True)]


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root may mount a small disk")
def test_a_start_on_a_read_only_disk_is_told_in_one_line_and_works_once_it_is_writable(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], check=False).returncode:  # noqa: S603, S607 - as root
        pytest.skip("mounting is not allowed here")

    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)  # noqa: S603, S607 - as above

    try:
        with a_shop(disk) as shop:
            shop.announce([("TU-1x", "ani", "100000.00")])
            open_log(shop.log_url, server=False).close()
            shop.engine.dispose()

            remount("ro")
            for code, said in starts(shop):
                assert code == 2, said
                lines = [line for line in said.splitlines() if not line.startswith("{")]
                assert len(lines) == 1, said
                assert lines[0].startswith("error: ")

            remount("rw")
            shop.start("serve")
            shop.until_listening()
            assert send(shop, "TU-1x").status == 200
            shop.stop()
            assert len(shop.log()) == 1
    finally:
        subprocess.run(["umount", "-l", disk], check=True)  # noqa: S603, S607 - as above
