"""What a person sees of the doctor."""

import json
import subprocess
import sys

from tests.chaos.shop import free_port
from tests.cli.shell import COMMAND, environment, run, running


def test_it_works_where_nothing_is_and_says_so_in_lines_or_json() -> None:
    ran = run("doctor", CALLBACK_LANG="en")
    assert (ran.code, ran.err) == (0, "")
    assert "ok    state        not there yet; `callbacks up` makes it\n" in ran.out
    told = json.loads(run("doctor", "--json").out)
    assert told["success"] is True
    assert {each["state"] for each in told["findings"]} <= {"ok", "warn"}


def test_something_wrong_is_exit_code_1_with_what_to_do() -> None:
    ran = run("doctor", CALLBACK_LANG="en", CALLBACK_ENV="production", CALLBACK_APP="nowhere:app", CALLBACK_PORT="no")
    assert (ran.code, ran.err) == (1, "")
    assert "wrong settings     CALLBACK_PORT: " in ran.out
    assert "→ set it, such as what `openssl rand -hex 32` prints" in ran.out
    assert "CALLBACK_APP='nowhere:app' failed" in ran.out


def test_a_setting_that_is_no_text_is_one_line() -> None:
    ran = subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, "doctor"],
        env={**environment(CALLBACK_LANG="en"), "MIDTRANS_SERVER_KEY": "\udcff"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 1
    assert b"wrong settings     MIDTRANS_SERVER_KEY: not UTF-8" in ran.stdout
    assert sys.platform != "linux" or ran.stderr == b""


def test_beside_a_running_system_all_is_well() -> None:
    port = str(free_port())
    with running("up", CALLBACK_PORT=port) as up:
        up.line("Callbacks are received")
        ran = run("doctor", CALLBACK_LANG="en", CALLBACK_PORT=port)
        assert ran.code == 0, ran
        assert "is answered by our server" in ran.out
        assert "are registered, the same in the server" in ran.out
        assert up.stop() == 0
