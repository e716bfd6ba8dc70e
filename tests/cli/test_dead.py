import pytest

from app.callbacks import examples
from app.core.database import get_engine, writing
from app.engine.outcomes import Alert, raise_alerts
from tests.cli.test_commands import Shell, announce, data, shell, take

__all__ = ["shell"]  # the fixture


def rejected(shell: Shell, count: int) -> list[str]:
    """Callbacks with a wrong amount, each about an order of its own → their dead letters, oldest first."""
    for number in range(count):
        announce(shell, f"ORDER-{number}", "5.00")
        take({**examples.MIDTRANS, "order_id": f"ORDER-{number}"})
    return [letter["id"] for letter in data(shell("dead", "list", "--json"))["dead_letters"]][::-1]


def test_dead_letters_are_listed_by_what_they_are(shell: Shell) -> None:
    ids = rejected(shell, 3)

    def found(*arguments: str) -> list[str]:
        return [letter["id"] for letter in data(shell("dead", "list", *arguments, "--json"))["dead_letters"]]

    assert found("--order", "ORDER-1") == [ids[1]]
    assert found("--reason", "amount_differs", "--provider", "midtrans", "--from", "1h") == ids[::-1]
    assert found("--of-reason", "amount_differs", "--rows", "1") == [ids[2]]
    assert found("--kind", "task") == found("--to", "1h") == []
    assert "kind" in shell("dead", "list", "--kind", "letter", code=2).err


def test_many_letters_are_retried_and_dropped_with_a_summary(shell: Shell) -> None:
    ids = rejected(shell, 3)
    ran = shell("dead", "retry", "--provider", "midtrans", "--dry-run")
    assert ran.out.splitlines()[1].split() == ["3", "amount_differs", "rejected"]
    assert "--yes" in shell("dead", "retry", "--provider", "midtrans", code=2).err
    again = data(shell("dead", "retry", "--provider", "midtrans", "--yes", "--json"))
    assert again["counts"] == [{"reason": "amount_differs", "outcome": "rejected", "count": 3}]
    ran = shell("dead", "retry", *ids[:2], "99", code=1)
    assert "3 of 3 failed" in ran.err
    assert "no dead letter 99" in ran.err
    newest = [letter["id"] for letter in data(shell("dead", "list", "--json"))["dead_letters"]]
    ran = shell("dead", "drop", *newest[:2], "--reason", "refunded")
    assert ran.out.splitlines()[1].split() == ["2", "amount_differs", "dropped"]
    shell("dead", "drop", "--of-reason", "amount_differs", "--reason", "refunded", "--yes")
    assert shell("dead", "list").out == "no dead letters\n"
    assert shell("dead", "retry", "--kind", "callback").out == "no dead letters\n"


@pytest.mark.parametrize("arguments", [("retry",), ("drop", "--reason", "x"), ("retry", "1", "--kind", "task")])
def test_which_letters_has_to_be_said(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert "say which" in shell("dead", *arguments, code=2).err


def test_alerts_are_listed_by_kind_and_several_are_closed(shell: Shell) -> None:
    with writing(get_engine()) as connection:
        raise_alerts(connection, [Alert("log_replaced", "log"), Alert("paid_twice", "order:A")], at=1)
    shown = data(shell("alerts", "list", "--kind", "paid_twice", "--json"))["alerts"]
    assert [alert["subject"] for alert in shown] == ["order:A"]
    ran = shell("alerts", "close", "1", "9", "2", "--who", "sari", code=1)
    assert ran.out == "alert 1 is closed\nalert 2 is closed\n"
    assert ran.err == "error: there is no open alert 9\n"
    assert shell("alerts", "list").out == "no alerts\n"
    assert shell("alerts", "list", "--closed").out.count("sari") == 2
    assert "--before 2" in shell("alerts", "list", "--closed", "--rows", "1").out
    assert "must be one of" in shell("alerts", "list", "--kind", "lost", code=2).err
