import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.shop import KEY, Shop, a_shop, begin_command, free_port
from tests.cli.shell import Ran, run

SECRET = "digiflazz-secret-of-the-tests"
SETTLEMENT = {
    "order_id": "TU-1",
    "transaction_id": "T1",
    "transaction_status": "settlement",
    "status_code": "200",
    "gross_amount": "100000.00",
}


class Command:
    """The command beside a shop that runs, with the shop's own secrets."""

    def __init__(self, shop: Shop, api_port: int) -> None:
        self.shop = shop
        self.settings = {
            "MIDTRANS_SERVER_KEY": KEY,
            "DIGIFLAZZ_WEBHOOK_SECRET": SECRET,
            "MIDTRANS_API_URL": f"http://127.0.0.1:{api_port}",
            "CALLBACK_PORT": str(shop.port),
        }

    def __call__(self, *arguments: str, **settings: str) -> Ran:
        return run(*arguments, **{**self.settings, **settings})


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    api_port, folder = free_port(), tmp_path_factory.mktemp("shop")
    settings = {"MIDTRANS_API_URL": f"http://127.0.0.1:{api_port}", "DIGIFLAZZ_WEBHOOK_SECRET": SECRET}
    with a_shop(folder, begin_command, **settings) as shop:
        shop.start("serve", "worker")
        shop.until_listening()
        yield Command(shop, api_port)


def test_a_simulation_says_what_it_sent_and_that_all_is_as_it_must_be(command: Command) -> None:
    ran = command("simulate", "midtrans", "--count", "20", "--seed", "7")
    assert ran.code == 0, ran
    assert "m-mixed-20-7 at http://127.0.0.1:" in ran.err
    assert ran.out.endswith("every balance and every status is as it must be\n")
    assert "\x1b" not in ran.out + ran.err
    again = json.loads(command("simulate", "midtrans", "--count", "20", "--seed", "7", "--json").out)
    assert again["differences"] == []
    assert again["run"] == "m-mixed-20-7"
    assert again["acknowledged"] == again["answers"]["200"] > 20


def test_what_is_not_as_it_must_be_is_listed_with_exit_code_1(command: Command) -> None:
    assert command("simulate", "digiflazz", "--scenario", "happy", "--count", "4", "--seed", "8").code == 0
    word = {"word": "failed", "reason": "to be found"}
    assert command.shop.ask("POST", "/transactions/d-happy-4-8-0x/resolve", word)[0] == 200
    ran = command("simulate", "digiflazz", "--scenario", "happy", "--count", "4", "--seed", "8")
    assert ran.code == 1
    assert "2 differences" in ran.out
    assert "d-happy-4-8-0x" in ran.out


def test_orders_are_announced_in_bulk_in_the_state_of_this_folder_and_no_other(command: Command) -> None:
    arguments = ("simulate", "midtrans", "--count", "20", "--seed", "9", "--local")
    right = f"sqlite:///{command.shop.folder}/state.db"
    assert command(*arguments, DATABASE_URL=right).code == 0
    ran = command(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "no state database" in ran.err


def test_a_system_that_asks_somebody_else_is_told_what_to_set(command: Command) -> None:
    elsewhere = str(free_port())
    arguments = ("--scenario", "reversal", "--count", "2", "--api-port", elsewhere, "--patience", "1")
    ran = command("simulate", "midtrans", *arguments)
    assert ran.code == 1
    assert f"MIDTRANS_API_URL=http://127.0.0.1:{elsewhere}" in ran.err


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "told"),
    [
        (("midtrans", "--url", "http://shop.example"), {}, 2, "--elsewhere"),
        (("midtrans", "--url", "ftp://127.0.0.1"), {}, 2, "--url"),
        (("midtrans", "--url", "http://[::1"), {}, 2, "--url"),
        (("midtrans",), {"CALLBACK_ENV": "production"}, 2, "--elsewhere"),
        (("midtrans",), {"MIDTRANS_SERVER_KEY": ""}, 2, "MIDTRANS_SERVER_KEY"),
        (("digiflazz",), {"DIGIFLAZZ_WEBHOOK_SECRET": ""}, 2, "DIGIFLAZZ_WEBHOOK_SECRET"),
        (("midtrans", "--scenario", "nonsense"), {}, 2, "happy"),
        (("discord",), {}, 2, "DISCORD_PUBLIC_KEY"),
        (("midtrans", "--count", "0"), {}, 2, "count"),
        (("midtrans",), {"CALLBACK_PORT": "1"}, 1, "callbacks up"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_simulation_that_cannot_be_is_one_line(
    command: Command, arguments: tuple[str, ...], settings: dict[str, str], code: int, told: str
) -> None:
    ran = command("simulate", *arguments, **settings)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("error: ")
    assert told in ran.err


def test_one_body_is_signed_and_taken(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "settlement.json"
    file.write_text(json.dumps(SETTLEMENT))
    ran = command("send", "midtrans", "--file", str(file))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith('200 {"success": true')
    pending = {"data": {"ref_id": "REF-1", "status": "Pending", "rc": "03"}}
    file.write_text(json.dumps(pending))
    told = json.loads(command("send", "digiflazz", "--file", str(file), "--json").out)
    assert told["status"] == 200
    kept = {callback.id: callback.verification for callback in command.shop.log()}
    assert kept[int(json.loads(told["answer"])["callback_id"])].startswith("signature")


def test_one_body_that_is_refused_is_exit_code_1(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "settlement.json"
    file.write_text(json.dumps(SETTLEMENT))
    ran = command("send", "midtrans", "--file", str(file), MIDTRANS_SERVER_KEY="another")
    assert ran.code == 1
    assert ran.out.startswith("401 ")
    file.write_text(json.dumps({**SETTLEMENT, "gross_amount": 100000}))
    assert command("send", "midtrans", "--file", str(file)).out.startswith("401 ")  # a number is not what is signed
    file.write_text(json.dumps({"order_id": "T-1"}))
    ran = command("send", "midtrans", "--file", str(file))
    assert (ran.code, ran.out) == (2, "")
    assert "status_code" in ran.err
    assert command("send", "midtrans", "--file", str(tmp_path / "nowhere.json")).code == 2
    assert command("send", "nobody", "--file", str(file)).out.startswith("404 ")
