import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.callbacks import examples
from app.callbacks.callback_manager import use_manager
from app.cli import app as cli
from app.cli.app import commands
from app.core.config import get_settings
from app.core.database import engine_for, ensure_schema, get_engine, make_engine, writing
from app.core.errors import TREATMENTS
from app.engine.log import open_log
from tests.callbacks.web import settle
from tests.cli.shell import Ran

Shell = Callable[..., Ran]


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Commands in this process, on databases of this test; `shell.code` 0 is asked for unless `code=`."""
    del tmp_path
    monkeypatch.setenv("CALLBACK_LANG", "en")
    monkeypatch.setattr("app.cli.parts.configure", lambda *_args, **_more: None)
    get_settings.cache_clear()
    engine_for.cache_clear()
    use_manager(None)
    ensure_schema(get_engine())
    open_log(get_settings().callback_log_url, server=False).close()

    def run(*arguments: str, code: int = 0) -> Ran:
        capsys.readouterr()
        ended = cli.run(list(arguments))
        ran = Ran(ended, *capsys.readouterr())
        assert ended == code, ran
        return ran

    yield run
    get_engine().dispose()
    engine_for.cache_clear()
    use_manager(None)


def announce(shell: Shell, order_id: str = "ORDER-123", amount: str = "100000.00", *more: str, code: int = 0) -> Ran:
    arguments = ("--user", "ani", "--kind", "topup", "--amount", amount, *more)
    return shell("transactions", "create", order_id, *arguments, code=code)


def take(body: Any, *, provider: str = "midtrans", how: str = "unverified") -> int:
    """A callback that was received and decided → its id."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    log = open_log(get_settings().callback_log_url, server=False)
    row = (0, provider, "settlement", "key", "", 1_764_046_140_000_000, "", data, how, "127.0.0.1")
    callback_id = log.write_batch([row])
    log.close()
    settle()
    return callback_id


def data(ran: Ran) -> Any:
    return json.loads(ran.out)


def test_a_sender_that_nobody_handles_is_told_where_an_order_waits_for_it(shell: Shell) -> None:
    told = announce(shell, "TU-8", "5", "--provider", "tripai")
    assert "nobody handles callbacks of 'tripai' here" in told.err
    for name in ("tripay", "midtrans", "digiflazz"):
        assert not announce(shell, f"TU-{name}", "5", "--provider", name).err


def test_an_order_is_announced_and_its_wallet_shown(shell: Shell) -> None:
    assert announce(shell).out.startswith("announced\nORDER-123  topup  100000.00 IDR\n")
    assert announce(shell).out.startswith("announced before\n")
    take(examples.MIDTRANS)
    assert shell("wallet", "show", "ani").out == "ani  100000.00 IDR\n"
    shown = shell("transactions", "show", "ORDER-123").out
    for told in ("paid", "wallet:ani", "clearing:midtrans", "-100000.00", "Your top-up of IDR 100,000.00 has arrived"):
        assert told in shown
    assert data(shell("transactions", "show", "ORDER-123", "--json"))["status"] == "paid"
    assert data(shell("wallet", "show", "ani", "--json"))["balance"] == "100000.00"
    assert data(shell("wallet", "entries", "ani", "--json"))["entries"][0]["amount"] == "100000.00"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("wallet", "show", "nobody"), 1, "has no wallet"),
        (("transactions", "show", "nothing"), 1, "no order"),
        (("transactions", "create", "a b", "--user", "x", "--kind", "topup", "--amount", "5"), 2, "order_id"),
        (("transactions", "create", "A", "--user", "x", "--kind", "topup", "--amount", "5,0"), 2, "amount"),
        (("transactions", "create", "A", "--user", "x", "--kind", "ppob", "--amount", "5"), 1, "costs"),
        (("transactions", "create", "A"), 2, "--user"),
        (("transactions", "resolve", "A", "paid", "--reason", "x"), 1, "no order"),
        (("wallet", "adjust", "ani", "5x", "--reason", "x"), 2, "amount"),
        (("wallet", "adjust", "ani", "5"), 2, "--reason"),
        (("wallet", "adjust", "ani", "5", "--reason", " "), 2, "reason"),
        (("dead", "drop", "1", "--reason", "x"), 1, "no dead letter"),
        (("dead", "retry", "1"), 1, "no dead letter"),
        (("dead", "retry", "x"), 2, "ID"),
        (("show", "7"), 1, "no callback"),
        (("log", "--outcome", "lost"), 2, "outcome"),
        (("nonsense",), 2, "nonsense"),
        (("wallet", "show", "ani", "--nonsense"), 2, "--nonsense"),
        (("transactions", "import", "nowhere.csv"), 2, "nowhere.csv"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_an_error_is_one_line_and_the_exit_code_of_its_kind(
    shell: Shell, arguments: tuple[str, ...], code: int, told: str
) -> None:
    ran = shell(*arguments, code=code)
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("error: ")
    assert told in ran.err


def test_a_command_in_a_wrong_folder_makes_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine_for.cache_clear()
    assert cli.run(["transactions", "create", "A", "--user", "x", "--kind", "topup", "--amount", "5"]) == 2
    assert "callbacks up" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.db"))
    engine_for.cache_clear()


def test_a_wallet_is_adjusted_by_negative_amounts_too(shell: Shell) -> None:
    shell("wallet", "adjust", "ani", "+50000", "--reason", "opening balance", "--who", "budi")
    assert shell("wallet", "adjust", "ani", "-2500.50", "--reason", "correction").out == "ani  47499.50 IDR\n"
    lines = shell("wallet", "entries", "ani").out.splitlines()
    assert [line.split()[1:3] for line in lines[1:]] == [["-2500.50", "47499.50"], ["50000.00", "50000.00"]]


def test_a_persons_word_is_put_down(shell: Shell) -> None:
    announce(shell)
    ran = shell("transactions", "resolve", "ORDER-123", "paid", "--reason", "seen at the bank", "--who", "budi")
    assert "budi" in ran.out
    shown = data(
        shell("transactions", "resolve", "ORDER-123", "refund", "30000", "--key", "r1", "--reason", "x", "--json")
    )
    assert shown["status"] == "partially_refunded"


def test_a_notice_is_shown_with_where_it_was_sent(shell: Shell) -> None:
    announce(shell)
    take(examples.MIDTRANS)
    shown = shell("transactions", "show", "ORDER-123").out
    assert re.search(r"Your top-up of IDR 100,000.00 has arrived \(order ORDER-123\)\. +no channel ", shown)
    shell("channels", "link", "ani", "telegram", "4711")
    take({**examples.MIDTRANS, "order_id": "ORDER-124"})
    announce(shell, "ORDER-124")
    shown = shell("transactions", "show", "ORDER-124").out
    assert re.search(r"has arrived \(order ORDER-124\)\. +telegram 4711: ready ", shown)


def test_a_file_is_imported_and_lines_that_do_not_fit_are_told(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("order_id,user_id,kind,amount\nA,ani,topup,5\nB,ani,topup,-5\nC,ani,topup,7\n")
    ran = shell("transactions", "import", str(file), code=1)
    assert ran.out == "2 announced, 0 announced before, 1 refused\n"
    assert ran.err.startswith("line 3: amount: ")
    file.write_text("order_id,user_id,kind,amount\n" + "x\n" * 100)
    ran = shell("transactions", "import", str(file), code=1)
    assert len(ran.err.splitlines()) == 21
    assert "80 more" in ran.err


def test_standard_input_can_be_imported(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_text(json.dumps({"order_id": "A", "user_id": "ani", "kind": "topup", "amount": "5"}) + "\n")
    with file.open("rb") as stream:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
        assert data(shell("transactions", "import", "-", "--json")) == {
            "lines": 1,
            "announced": 1,
            "announced_before": 0,
            "refused": 0,
        }
        monkeypatch.undo()


def test_a_callback_is_explained(shell: Shell) -> None:
    announce(shell)
    callback_id = take({**examples.MIDTRANS, "transaction_id": "T1", "status_code": "200"}, how="signature")
    lines = shell("show", str(callback_id)).out.splitlines()
    told = {line[2:12].strip(): line[14:] for line in lines[1:]}
    assert told["verified"] == "the sender's signature fits"
    assert told["says"] == "transaction_status settlement, status_code 200"
    assert told["means"] == "paid(T1)"
    assert told["outcome"].startswith("applied")
    assert told["told first"] == "paid(T1) signed"
    assert told["order"] == "ORDER-123"
    assert sum(line.startswith("  moved") for line in lines) == 2
    assert len(lines) < 20
    assert data(shell("show", str(callback_id), "--json"))["outcome"] == "applied"


def test_a_rejected_callback_says_what_it_would_have_moved_and_what_to_do(shell: Shell) -> None:
    announce(shell)
    callback_id = take({**examples.MIDTRANS, "gross_amount": "5.00"})
    shown = shell("show", str(callback_id)).out
    assert "wallet:ani +100000.00, waiting for word from the sender → paid" in shown
    assert "The amount paid (5.00 IDR) is not the amount announced (100000.00 IDR)." in shown
    assert "callbacks transactions show ORDER-123" in shown
    listed = shell("dead", "list").out
    assert "callbacks wallet adjust ani +AMOUNT" in listed
    dead_id = data(shell("dead", "list", "--json"))["dead_letters"][0]["id"]
    assert shell("dead", "retry", dead_id).out.startswith("rejected")
    shell("dead", "retry", dead_id, code=1)
    again = data(shell("dead", "list", "--json"))["dead_letters"][0]["id"]
    assert "dropped" in shell("dead", "drop", again, "--reason", "refunded").out
    assert shell("dead", "list").out == "no dead letters\n"
    assert "mispaid" not in shell("alerts", "list").out
    assert "paid with another amount" in shell("alerts", "list").out
    assert data(shell("alerts", "list", "--json"))["alerts"][0]["kind"] == "mispaid"
    assert shell("alerts", "close", "1").out == "alert 1 is closed\n"
    assert shell("alerts", "list").out == "no alerts\n"


def test_the_log_is_listed_newest_first(shell: Shell) -> None:
    announce(shell)
    first = take(examples.MIDTRANS)
    second = take(examples.MIDTRANS)
    lines = shell("log", "--order", "ORDER-123").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [str(second), str(first)]
    assert data(shell("log", "--outcome", "duplicate", "--json"))["callbacks"][0]["callback_id"] == str(second)


def test_hostile_text_reaches_a_terminal_as_escapes(shell: Shell) -> None:
    announce(shell)
    hostile = {**examples.MIDTRANS, "payment_type": "\x1b[31m\u202e\x9b2J", "gross_amount": "5.00"}
    callback_id = take(json.dumps(hostile, ensure_ascii=False).encode() + b"\x1b\r\n\x00\xff")
    for arguments in (("show", str(callback_id)), ("log",), ("show", str(callback_id), "--json"), ("dead", "list")):
        printed = shell(*arguments).out.replace("\n", "")
        assert printed.isprintable(), arguments
    ran = shell("wallet", "show", "\x1b]0;title\x07", code=1)
    assert ran.err.rstrip("\n").isprintable()


def test_that_nothing_is_found_is_said_beside_the_output(shell: Shell) -> None:
    for said, what in ((("log", "--user", "nobody"), "no callbacks"), (("transactions", "list"), "no orders")):
        ran = shell(*said)
        assert (ran.out, ran.err.strip()) == ("", what)


def test_an_error_does_not_repeat_a_book(shell: Shell) -> None:
    ran = shell("import", "x" * 10_000, code=2)
    assert len(ran.err) < 1_000
    assert ran.err.startswith("error: FILE: File name too long: xxx")


def test_a_full_disk_is_no_wrong_argument(shell: Shell) -> None:
    shell("export", "/nowhere/at/all.jsonl", code=2)
    take(examples.MIDTRANS)
    with Path("/dev/full").open("wb") as disk:
        full = subprocess.run(
            [sys.executable, "-m", "app", "export", "-"],
            stdout=disk,
            stderr=subprocess.PIPE,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])},
        )
    assert (full.returncode, full.stderr) == (1, b"error: No space left on device\n")


def test_a_locked_state_says_that_nothing_was_done(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.database._BUSY_MS", 10)
    engine_for.cache_clear()
    with writing(make_engine(get_settings().database_url)) as holding:
        holding.exec_driver_sql("DELETE FROM callback_alerts")
        ran = shell("wallet", "adjust", "ani", "+1", "--reason", "test", code=1)
    assert ran.err == "error: the state database: database is locked; nothing was done: free it, or try again\n"


def test_nothing_is_coloured_in_a_pipe(shell: Shell) -> None:
    assert "\x1b" not in announce(shell).out


def test_a_terminal_gets_colours(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[" in announce(shell).out


def test_an_unexpected_error_is_one_line_without_secrets(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("app.operate.wallets.show_wallet", broken)
    ran = shell("wallet", "show", "ani", code=1)
    assert ran.err == "error: unexpected RuntimeError: first second; CALLBACK_LOG_LEVEL=debug shows where\n"


def test_a_reader_that_closes_the_pipe_is_no_error(shell: Shell) -> None:
    announce(shell)
    read, write = os.pipe()
    os.close(read)
    before = sys.stdout
    try:
        with os.fdopen(write, "w") as closed:
            sys.stdout = closed
            assert cli.run(["transactions", "show", "ORDER-123", "--json"]) == 0
    finally:
        sys.stdout = before


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, child in getattr(command, "commands", {}).items():
        yield from leaves(child, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


def every_command() -> list[tuple[tuple[str, ...], Any]]:
    import typer  # noqa: PLC0415 - only here

    return list(leaves(typer.main.get_command(commands)))


@pytest.mark.parametrize(
    ("path", "command"), every_command(), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_has_an_example_that_names_it(path: tuple[str, ...], command: Any) -> None:
    assert f"callbacks {' '.join(path)}" in command.help
    assert re.search(r"Example: \S", command.help)


def test_every_command_that_prints_data_can_print_json() -> None:
    without = {" ".join(path) for path, command in every_command() if "json" not in {p.name for p in command.params}}
    assert without == {"up", "serve", "worker", "bot", "migrate"}


def test_exit_codes_are_0_1_or_2() -> None:
    assert {treatment.exit_code for treatment in TREATMENTS.values()} == {1, 2}


@pytest.mark.parametrize(
    "arguments",
    [
        ("dead", "retry", str(2**63)),
        ("alerts", "close", str(2**63)),
        ("log", "--before", str(2**63)),
        ("dead", "list", "--before", "-1"),
        ("wallet", "show", "\udcff"),
        ("log", "--order", "\udcff"),
    ],
)
def test_arguments_that_cannot_be_are_refused_in_a_sentence(shell: Shell, arguments: tuple[str, ...]) -> None:
    ran = shell(*arguments, code=2)
    assert "unexpected" not in ran.err
    assert ran.err.count("\n") <= 2
