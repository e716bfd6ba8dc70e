import pytest

from app.callbacks import examples
from tests.cli.test_commands import Shell, announce, data, shell, take

__all__ = ["shell"]  # the fixture

TEST_ID = "payment_notif_test_1"


def ignored(shell: Shell) -> str:
    """A callback that counts today: it was ignored as a test, and then its order was announced → its id."""
    callback_id = take({**examples.MIDTRANS, "order_id": TEST_ID})
    announce(shell, TEST_ID)
    return str(callback_id)


def test_one_callback_is_explained_and_then_replayed(shell: Shell) -> None:
    callback_id = ignored(shell)
    lines = shell("replay", callback_id, "--explain").out.splitlines()
    told = {line[2:12].strip(): line[14:] for line in lines[1:]}
    assert told["was"] == "ignored"
    assert told["today"].startswith("applied")
    assert told["row"] == "settlement or capture, fraud_status accept, status_code 200: paid"
    assert told["means"] == "paid()"
    assert [line.split()[1:] for line in lines if line.startswith("  moves")] == [
        ["wallet:ani", "100000.00"],
        ["clearing:midtrans", "-100000.00"],
    ]
    assert told["written"].startswith("nothing")
    assert shell("wallet", "show", "ani").out == "ani  0.00 IDR\n"
    assert "now         applied" in shell("replay", callback_id, "--reason", "announced late", "--who", "sari").out
    assert shell("wallet", "show", "ani").out == "ani  100000.00 IDR\n"
    assert "replay  sari  announced late" in shell("show", callback_id).out
    again = data(shell("replay", callback_id, "--reason", "once more", "--json"))
    assert (again["outcome"], again["kept"], again["changed"]) == ("duplicate", "applied", False)
    assert shell("wallet", "show", "ani").out == "ani  100000.00 IDR\n"


def test_many_are_foreseen_and_then_asked_about_where_somebody_can_answer(shell: Shell) -> None:
    ignored(shell)
    take(examples.MIDTRANS)
    lines = shell("replay", "--from", "1w", "--from", "2000-01-01", "--dry-run").out.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [["1", "ignored", "applied"], ["1", "parked", "parked"]]
    many = ("replay", "--provider", "midtrans", "--reason", "announced late")
    ran = shell(*many, code=2)
    assert "--yes" in ran.err
    assert "1 ignored, 1 parked" in ran.err
    assert shell("wallet", "show", "ani").out == "ani  0.00 IDR\n"
    done = data(shell(*many, "--yes", "--json"))
    assert [(row["was"], row["outcome"], row["count"]) for row in done["counts"]] == [
        ("ignored", "applied", 1),
        ("parked", "parked", 1),
    ]
    assert shell("wallet", "show", "ani").out == "ani  100000.00 IDR\n"


def test_one_that_cannot_be_decided_is_told_and_the_exit_code_is_1(shell: Shell) -> None:
    ignored(shell)
    take({"id": "C-1"}, provider="courier")
    ran = shell("replay", "--to", "0s", "--reason", "x", "--yes", code=1)
    assert "no handler is registered under 'courier' here; set CALLBACK_APP" in ran.err
    assert "1 could not be decided" in ran.err
    assert "1      ignored  applied" in ran.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("replay",), "--provider"),
        (("replay", "7", "--provider", "midtrans"), "not both"),
        (("replay", "--provider", "midtrans", "--explain"), "replay ID --explain"),
        (("replay", "--outcome", "lost", "--dry-run"), "outcome"),
        (("replay", "--from", "soon", "--dry-run"), "how long ago"),
        (("replay", "--outcome", "rejected", "--yes"), "reason"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_asked_for_is_refused_in_a_sentence(shell: Shell, arguments: tuple[str, ...], told: str) -> None:
    ran = shell(*arguments, code=2)
    assert told in ran.err
    assert ran.err.count("\n") == 1
