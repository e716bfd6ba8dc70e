"""What a person types to prove the books, and sees."""

import pytest

from app.callbacks import examples
from app.core.database import get_engine
from tests.cli.test_commands import Shell, announce, data, shell, take

__all__ = ["shell"]


def spoil(statement: str) -> None:
    with get_engine().connect() as connection, connection.begin():
        connection.exec_driver_sql(statement)


def test_honest_books_end_with_zero_and_tell_what_cannot_be_proved(shell: Shell) -> None:
    announce(shell)
    callback_id = take(examples.MIDTRANS)
    lines = shell("audit").out.splitlines()
    assert lines[0].startswith("1 orders, 1 facts, 1 journals, 1 callbacks, 2 accounts; 0 signatures")
    assert lines[1] == "Cannot be proved, and nothing speaks against it:"
    assert lines[2].split()[0] == "1"
    assert lines[2].endswith(f": {callback_id}")
    assert lines[3] == "the books add up: nothing is wrong"


def test_what_is_wrong_is_listed_and_ends_with_one(shell: Shell) -> None:
    shell("wallet", "adjust", "ani", "5", "--reason", "x")
    spoil("UPDATE callback_accounts SET balance = 7 WHERE name = 'wallet:ani'")
    told = data(shell("audit", "--json", code=1))
    assert told["ok"] is False
    assert told["wrong"] == {"balance": 1}
    assert told["findings"] == [
        {
            "kind": "balance",
            "subject": "wallet:ani",
            "order_id": "",
            "source_id": None,
            "expected": "5.00",
            "found": "0.07",
            "text": "The balance is not the sum of its postings.",
        }
    ]
    printed = shell("audit", code=1).out
    assert "1 things are WRONG\nbalance (1): The balance is not the sum of its postings.\n" in printed
    assert "wallet:ani" in printed


def test_a_part_is_asked_for_by_time_or_by_how_long_ago(shell: Shell) -> None:
    announce(shell)
    assert data(shell("audit", "--since", "1h", "--json"))["orders"] == 1
    assert data(shell("audit", "--since", "2099-01-01", "--json"))["orders"] == 0
    assert "--since" in shell("audit", "--since", "yesterday", code=2).err


def test_it_speaks_indonesian(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.core.config import get_settings  # noqa: PLC0415 - only here

    monkeypatch.setenv("CALLBACK_LANG", "id")
    get_settings.cache_clear()
    announce(shell)
    assert shell("audit").out.splitlines()[-1] == "pembukuan benar: tidak ada yang salah"


def test_hostile_names_reach_a_terminal_as_escapes(shell: Shell) -> None:
    announce(shell)
    take(examples.MIDTRANS)
    spoil("UPDATE callback_facts SET attempt = char(27) || '[31m' || char(8238)")
    printed = shell("audit", code=1).out
    assert printed.replace("\n", "").isprintable()
    assert r"\x1b[31m\u202e" in printed
