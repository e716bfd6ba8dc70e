import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from app.core.database import ensure_schema, make_engine
from tests.cli.shell import ROOT, environment, run, running


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    engine = make_engine(f"sqlite:///{tmp_path}/data/state.db")
    ensure_schema(engine)
    engine.dispose()
    return tmp_path


def refused(*arguments: str, **settings: str) -> str:
    """The one line with which a start is refused."""
    ran = run(*arguments, **settings)
    assert ran.code == 2, ran
    assert "Traceback" not in ran.err
    lines = [line for line in ran.err.splitlines() if not line.startswith("{")]  # `up` logs that its child ended
    assert len(lines) == 1, ran.err
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.skipif(shutil.which("curl") is None, reason="the line is for people who have curl")
def test_what_up_prints_to_try_works_as_pasted() -> None:
    with running("up") as up:
        line = up.line("curl ")
        ran = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True)  # noqa: S603 - our own line
        assert b'"balance":"100000.00"' in ran.stdout
        assert up.stop() == 0
    shown = run("transactions", "show", "ORDER-123", "--json")
    assert json.loads(shown.out)["status"] == "paid"


def test_up_serves_works_and_stops_with_exit_code_0_at_either_signal() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with running("up", CALLBACK_ADMIN_TOKEN="letmein") as up:
            address = up.line("All addresses: ").split()[-1].removesuffix("/docs")
            assert httpx2.get(f"{address}/health/ready").status_code == 200
            assert httpx2.get(f"{address}/callbacks/stats").status_code == 401
            assert "$CALLBACK_ADMIN_TOKEN" in up.line("curl ")
            assert up.stop(number) == 0
            assert "Traceback" not in up.err
            assert "letmein" not in up.err


def test_production_says_at_the_start_which_senders_it_refuses(migrated: Path) -> None:
    del migrated
    with running("serve", CALLBACK_ENV="production", MIDTRANS_SERVER_KEY="SB-Mid-server-x") as server:
        told = server.line("Not configured, answers 503: ")
        assert "digiflazz, discord, event/discord, event/file" in told
        assert "midtrans" not in told
        assert "callbacks doctor" in told
        assert server.stop() == 0


def test_refusals_are_counted_across_a_restart(migrated: Path) -> None:
    del migrated
    for expected in (1, 2):
        with running("serve") as server:
            address = server.line("All addresses: ").split()[-1].removesuffix("/docs")
            assert httpx2.post(f"{address}/callbacks/webhook/midtrans", content=b"").status_code == 400
            found = httpx2.get(f"{address}/callbacks/stats").json()
            assert found["refused"]["midtrans"] == {"empty_body": expected}
            assert httpx2.get(f"{address}/nowhere").json()["success"] is False
            assert server.stop() == 0


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_without_a_schema_the_start_names_the_command_that_makes_it(command: str) -> None:
    assert "callbacks migrate" in refused(command)


def test_a_schema_that_is_newer_than_this_release_is_told(migrated: Path) -> None:
    with sqlite3.connect(migrated / "data" / "state.db") as connection:
        connection.execute("UPDATE callback_schema_version SET version_num = '9999'")
    connection.close()
    for command in ("serve", "worker", "migrate"):
        assert "newer" in refused(command)


def test_a_port_that_is_taken_is_told(migrated: Path) -> None:
    del migrated
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for command in ("serve", "up"):
            assert "CALLBACK_PORT" in refused(command, CALLBACK_PORT=port)


def test_a_second_server_on_the_same_log_or_the_same_state_is_told(migrated: Path) -> None:
    del migrated
    with running("serve") as first:
        first.line("All addresses: ")
        assert "log.db.lock" in refused("serve")
        # of two callbacks that two logs gave the same id the state would know one
        assert "state.db.lock" in refused("serve", CALLBACK_LOG_URL="sqlite:///data/other.db")
        assert first.stop() == 0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"CALLBACK_HOST": "0.0.0.0"}, "CALLBACK_ENV=production"),  # noqa: S104 - refused, that is the point
        ({"CALLBACK_HOST": "no such host"}, "CALLBACK_HOST"),
        ({"CALLBACK_PORT": "80x"}, "CALLBACK_PORT"),
        ({"CALLBACK_ENV": "prod"}, "CALLBACK_ENV"),
        ({"MIDTRANS_CONFIRM": "perhaps"}, "MIDTRANS_CONFIRM"),
        ({"DATABASE_URL": "sqlite:/"}, "DATABASE_URL"),
        ({"DATABASE_URL": "hello"}, "DATABASE_URL"),
        ({"DATABASE_URL": "sqlite:////proc/nowhere/state.db"}, "DATABASE_URL"),
        ({"CALLBACK_LOG_URL": "ftp://x"}, "CALLBACK_LOG_URL"),
        ({"CALLBACK_LOG_URL": "sqlite:////proc/nowhere/log.db"}, "/proc/nowhere"),
        ({"CALLBACK_TRUSTED_PROXIES": "everyone"}, "CALLBACK_TRUSTED_PROXIES"),
        ({"CALLBACK_APP": "no_such_package:app"}, "CALLBACK_APP"),
        ({"CALLBACK_APP": "json:nothing"}, "CALLBACK_APP"),
        ({"CALLBACK_APP": "nonsense"}, "CALLBACK_APP"),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else value,
)
def test_a_setting_that_cannot_be_is_told_in_one_line(migrated: Path, settings: dict[str, str], told: str) -> None:
    del migrated
    assert told in refused("serve", **settings)


def test_a_state_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "state.db").write_bytes(b"hello, this is no database at all" * 100)
    for command in ("serve", "migrate"):
        assert "database" in refused(command)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file stands where the folder should be")
    for command in ("up", "migrate"):
        assert "data" in refused(command)


def test_a_half_written_env_file_is_told_without_the_secret_in_it(migrated: Path) -> None:
    (migrated / ".env").write_text("MIDTRANS_SERVER_KEY=SB-secret-1\nMIDTRANS_UNKNOWN_AFTER=SB-secret-2\nCALLBACK_")
    line = refused("serve")
    assert "MIDTRANS_UNKNOWN_AFTER" in line
    assert "SB-secret" not in line
    (migrated / ".env").write_bytes(b"\xff\xfe\x00A")
    assert "UTF-8" in refused("serve")


def test_a_broken_handler_of_one_s_own_stops_the_start_with_its_reason(root: Path, migrated: Path) -> None:
    (migrated / "mine.py").write_text("raise RuntimeError('the stock is not there')\n")
    settings = {"CALLBACK_APP": "mine:manager", "PYTHONPATH": f"{root}:{migrated}"}
    for command in ("serve", "worker"):
        assert "the stock is not there" in refused(command, **settings)


def test_migrate_makes_the_database_and_can_be_run_again(tmp_path: Path) -> None:
    for _ in range(2):
        assert run("migrate").code == 0
        assert (tmp_path / "data" / "state.db").is_file()


def test_an_interrupt_while_the_program_is_still_loading_ends_it_without_a_traceback() -> None:
    # The first module of the program is asked for, and in that moment somebody presses Ctrl-C.
    program = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'app.cli.app':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from app.__main__ import main\n"
        "main()\n"
    )
    ran = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    assert ran.returncode == -signal.SIGINT
    assert ran.stdout + ran.stderr == b""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_no_exit_code(migrated: Path, closed: str) -> None:
    del migrated
    for command, code in (("alerts list", 0), ("transactions show TU-1", 1), ("wallet show", 2)):
        line = f'exec "$0" -m app {command} {closed}'
        ran = subprocess.run(  # noqa: S603 - our own command
            ["/bin/sh", "-c", line, sys.executable], capture_output=True, check=False, env=environment(), timeout=60
        )
        assert ran.returncode == code, (command, ran)
        assert b"unexpected" not in ran.stderr
        assert (not ran.stdout) or ">&-" not in closed.split()


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_broken_file_of_a_provider_or_an_end_that_is_none_stops_the_start_in_one_line(
    command: str, migrated: Path
) -> None:
    (migrated / "mine").mkdir()
    (migrated / "mine" / "bank.toml").write_text('title = "Bank"\nsurprise = 1\n')
    told = refused(command, CALLBACK_PROVIDERS="mine")
    assert "bank.toml" in told
    assert "surprise" in told
    told = refused(command, MIDTRANS_SERVER_KEY="hush-hush;until=soon")
    assert "MIDTRANS_SERVER_KEY" in told
    assert "hush" not in told
    told = refused(command, TRIPAY_PRIVATE_KEY="hush-hush;until=soon")
    assert "TRIPAY_PRIVATE_KEY" in told
    assert "hush" not in told
