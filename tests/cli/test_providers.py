"""`callbacks providers` as people type it."""

from pathlib import Path

import pytest

from app.core.config import get_settings
from app.providers.catalog import Catalog
from tests.chaos.shop import free_port
from tests.cli.shell import run
from tests.cli.test_commands import Shell, data, shell
from tests.fakes.sender_api import sender_api

__all__ = ["shell"]

PROOF = ("--from", "header:X-Kurir")
PAYMENTS = (
    "--order-id",
    "{order}",
    "--attempt",
    "{id}",
    "--amount",
    "amount",
    "--status",
    "status",
    "--paid",
    "PAID,OK",
)


@pytest.fixture
def own(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own, named by CALLBACK_PROVIDERS."""
    del shell
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.setenv("CALLBACK_PROVIDERS", str(folder))
    get_settings.cache_clear()
    return folder


def test_all_are_listed_and_a_group_or_a_part_of_a_name_finds_some(shell: Shell) -> None:
    rows = data(shell("providers", "list", "--json"))["providers"]
    assert [row["name"] for row in rows] == list(Catalog(installed=False).names())
    found = shell("providers", "list", "tripay", "--group", "INDONESIA").out
    assert "HMAC-SHA256, hex, in header:X-Callback-Signature" in found
    assert "TRIPAY_PRIVATE_KEY" in found
    assert len(found.splitlines()) == 2
    assert {row["group"] for row in data(shell("providers", "list", "--group", "payments", "--json"))["providers"]} == {
        "World: payments"
    }
    assert shell("providers", "list", "nobody-of-this-name").err == "no providers\n"


def test_the_list_says_whose_payments_move_orders_also_where_code_of_its_own_reads_them(shell: Shell) -> None:
    pays = {row["name"]: row["pays"] for row in data(shell("providers", "list", "--json"))["providers"]}
    assert all(pays[name] for name in ("midtrans", "digiflazz", "tripay", "xendit", "duitku"))
    assert not any(pays[name] for name in ("telegram", "discord", "github", "stripe"))


def test_what_is_set_is_told_and_no_secret_is_shown(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASPAY_PASSWORD", "hush-hush")
    told = shell("providers", "show", "faspay")
    assert "FASPAY_PASSWORD" in told.out
    assert "missing     FASPAY_USER_ID" in told.out
    assert "not proved  the amount" in told.out
    assert "payment_status_code 2: paid" in told.out
    assert "/callbacks/webhook/faspay" in told.out
    monkeypatch.setenv("FASPAY_USER_ID", "bot31000")
    shown = data(shell("providers", "show", "faspay", "--json"))
    assert shown["set_up"]
    assert shown["lacking"] == []
    assert shown["vectors"] >= 5
    listed = shell("providers", "list", "--json").out
    assert "hush-hush" not in told.out + str(shown) + listed
    assert [row["name"] for row in data(shell("providers", "list", "--json"))["providers"] if row["set_up"]] == [
        "faspay"
    ]


@pytest.mark.parametrize("what", ["show", "test"])
def test_an_unknown_name_is_told_with_what_to_do(shell: Shell, what: str) -> None:
    assert "no provider 'nobody'; `callbacks providers list`" in shell("providers", what, "nobody", code=2).err


def test_one_is_added_by_options_and_stands_in_the_list(shell: Shell, own: Path) -> None:
    told = shell("providers", "add", "kurir", "--from", "header:X-Kurir", *PAYMENTS, "--answer", '{"ok": true}').out
    assert told.startswith(f"wrote {own / 'kurir.toml'}\n")
    assert "KURIR_SECRET" in told
    shown = data(shell("providers", "show", "kurir", "--json"))
    assert (shown["group"], shown["confirmed"], shown["pays"], shown["vectors"]) == ("Yours", "yours", True, 5)
    assert shown["words"] == ["status PAID or OK: paid"]
    told = data(shell("providers", "add", "lain", "--kind", "token", "--from", "header:X-Token", "--json"))
    assert told == {
        "name": "lain",
        "file": str(own / "lain.toml"),
        "variable": "LAIN_SECRET",
        "not_proved": "",
    }
    assert [row["name"] for row in data(shell("providers", "list", "--group", "yours", "--json"))["providers"]] == [
        "kurir",
        "lain",
    ]


def test_a_file_that_is_there_is_not_written_over_unless_somebody_says_so(shell: Shell, own: Path) -> None:
    shell("providers", "add", "kurir", *PROOF)
    before = (own / "kurir.toml").read_text()
    refused = shell("providers", "add", "kurir", "--title", "Other", *PROOF, code=2)
    assert "is there already; --replace" in refused.err
    assert (own / "kurir.toml").read_text() == before
    shell("providers", "add", "kurir", "--title", "Other", "--replace", *PROOF)
    assert 'title = "Other"' in (own / "kurir.toml").read_text()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--kind", "magic"), "scheme.kind"),
        (("--algorithm", "crc"), "scheme.algorithm"),
        (("--from", "heder:X"), "scheme.from"),
        (("--signed", "{sha9(body)}"), "scheme.signed"),
        (("--signed", "{config:merchant}{body}"), "config.merchant"),
        (("--encoding", "base32"), "scheme.encoding"),
        (("--body", "yaml"), "body"),
        (("--variable", "my secret"), "secret.variable"),
        (("--time", "header:T", "--time-unit", "days"), "scheme.clock.unit"),
        ((*PAYMENTS, "--unit", "cents"), "payment.unit"),
    ],
    ids=lambda told: told if isinstance(told, str) else told[-1],
)
def test_nonsense_is_refused_with_its_field_and_nothing_is_written(
    shell: Shell, own: Path, options: tuple[str, ...], says: str
) -> None:
    assert says in shell("providers", "add", "kurir", *PROOF, *options, code=2).err
    assert list(own.iterdir()) == []


@pytest.mark.parametrize("name", ["Kurir", "a b", "../up", "x" * 65])
def test_a_name_that_no_address_can_carry_is_refused(shell: Shell, own: Path, name: str) -> None:
    assert "name" in shell("providers", "add", name, code=2).err
    assert list(own.parent.rglob("*.toml")) == []


def test_a_broken_file_of_ones_own_is_told_with_file_and_field(shell: Shell, own: Path) -> None:
    (own / "kurir.toml").write_text('title = "Kurir"\nconfirmed = "yours"\n')
    told = shell("providers", "show", "kurir", code=2).err
    assert f"{own / 'kurir.toml'}" in told
    assert "group" in told
    assert shell("providers", "show", "tripay").code == 0


@pytest.mark.parametrize(("name", "status"), [("tripay", 200), ("twilio", 204)])
def test_a_provider_is_tried_over_real_http(name: str, status: int) -> None:
    ran = run("providers", "test", name, CALLBACK_PORT=str(free_port()))
    assert ran.code == 0, ran
    lines = ran.out.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    for told in (
        f"signed as it signs: answered {status}",
        f"the same again: answered {status}",
        "signed with another secret: answered 401",
    ):
        assert f"ok    {told}" in lines
    assert any(line.startswith("ok    orders, happy: every wallet") for line in lines) is (name == "tripay")


def test_what_a_proof_leaves_open_is_told_when_it_is_added_and_when_it_is_tried(tmp_path: Path) -> None:
    where = {"CALLBACK_PROVIDERS": str(tmp_path), "CALLBACK_LANG": "en"}
    added = run("providers", "add", "bayar", "--from", "sign", "--signed", "{order}{amount}{id}", *PAYMENTS, **where)
    assert "not proved  status  its payments wait for a person, or for CALLBACK_BELIEVE=bayar" in added.out
    assert 'unproved = "status"' in (tmp_path / "bayar.toml").read_text()
    ran = run("providers", "test", "bayar", **where)
    assert ran.code == 0, ran
    assert "ok    orders, happy: every wallet is as it must be, once a person has confirmed what was paid" in ran.out


def test_orders_that_do_not_come_out_as_they_must_are_told_and_fail_the_command(tmp_path: Path) -> None:
    where = {"CALLBACK_PROVIDERS": str(tmp_path), "CALLBACK_LANG": "en"}
    run("providers", "add", "bayar", *PROOF, *PAYMENTS, "--currency", "money", **where)
    file = tmp_path / "bayar.toml"
    file.write_text(file.read_text().replace('attempt = "{id}"', 'attempt = "{nothing}"'))
    ran = run("providers", "test", "bayar", **where)
    assert ran.code == 2
    assert "its vector has no {nothing}" in ran.err


def test_without_a_terminal_what_money_rests_on_is_not_guessed(shell: Shell, own: Path) -> None:
    assert "--from: is missing. Where the proof stands" in shell("providers", "add", "kurir", code=2).err
    refused = shell("providers", "add", "kurir", *PROOF, "--order-id", "{order}", "--attempt", "{id}", code=2)
    assert "--amount: is missing" in refused.err
    assert list(own.iterdir()) == []


def test_a_vector_that_gets_another_verdict_is_told_and_fails_the_command(tmp_path: Path) -> None:
    added = run("providers", "add", "kurir", *PROOF, CALLBACK_PROVIDERS=str(tmp_path))
    assert added.code == 0, added
    file = tmp_path / "kurir.toml"
    file.write_text(file.read_text().replace('expected = "valid"', 'expected = "invalid"', 1))
    ran = run("providers", "test", "kurir", CALLBACK_PROVIDERS=str(tmp_path))
    assert ran.code == 1
    assert "WRONG vector good_1: proved" in ran.out


def test_a_trial_whose_system_does_not_start_says_why(tmp_path: Path) -> None:
    folder = {"CALLBACK_PROVIDERS": str(tmp_path)}
    assert run("providers", "add", "kurir", "--from", "header:X", "--folder", str(tmp_path)).code == 0
    (tmp_path / "other.toml").write_text("title = ", encoding="utf-8")
    tried = run("providers", "test", "kurir", **folder)
    assert tried.code != 0
    assert "other.toml: is not TOML" in tried.err


def test_a_senders_api_is_asked_once_and_its_answer_explained(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with sender_api() as api:
        values = {"CALLBACK_TOKEN": "t", "API_KEY": api.key, "USERNAME": api.username, "API_URL": api.url}
        for name, value in values.items():
            monkeypatch.setenv(f"OY_{name}", value)
        get_settings.cache_clear()
        api.knows("TU-1", "R1", "complete", 150_000)
        told = shell("providers", "ask", "oy", "TU-1", "R1").out
        assert "/api/payment-checkout/status" in told
        assert "means       paid R1  150000.00 IDR" in told
        assert data(shell("providers", "ask", "oy", "TU-1", "R1", "--json"))["heard"] == "found"
        assert "another attempt" in shell("providers", "ask", "oy", "TU-1", "R2", code=1).out
        assert "cannot be read" in shell("providers", "ask", "oy", "TU-9", "R1", code=1).out
        assert api.key not in told
    assert "cannot be reached" in shell("providers", "ask", "oy", "TU-1", "R1", code=1).out
    monkeypatch.delenv("OY_USERNAME")
    assert "OY_USERNAME" in shell("providers", "ask", "oy", "TU-1", "R1", code=1).out


def test_who_cannot_be_asked_is_told(shell: Shell) -> None:
    assert "tripay is not asked" in shell("providers", "ask", "tripay", "TU-1", code=2).err
    assert "no provider 'nobody'" in shell("providers", "ask", "nobody", "TU-1", code=2).err
    assert "MIDTRANS_SERVER_KEY is not set" in shell("providers", "ask", "midtrans", "TU-1", code=1).out
