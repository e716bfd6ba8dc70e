"""What a person sees who sets up the bots."""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.cli.shell import Ran, run
from tests.fakes import chat_api as fake
from tests.fakes.chat_api import TOKEN
from tests.fakes.setup_api import APPLICATION_ID, BOT_TOKEN, VERIFY_KEY, SetupApi, setup_api

SECRET = "a-secret_of-the-tests-0123456789"
Shell = Callable[..., Ran]


@pytest.fixture
def api() -> Iterator[SetupApi]:
    with setup_api() as running:
        yield running


@pytest.fixture
def shell(api: SetupApi) -> Shell:
    """The command with both bots set up, logging all it can; neither token nor secret is ever in what it writes."""
    ours = {
        "TELEGRAM_API_URL": api.url,
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_WEBHOOK_SECRET": SECRET,
        "DISCORD_API_URL": api.discord_url,
        "DISCORD_BOT_TOKEN": BOT_TOKEN,
        "DISCORD_PUBLIC_KEY": VERIFY_KEY,
        "CALLBACK_LANG": "en",
        "CALLBACK_LOG_LEVEL": "debug",
    }

    def ran(*arguments: str, code: int = 0, **more: str) -> Ran:
        ended = run(*arguments, **ours | more)
        assert ended.code == code, ended
        for secret in (TOKEN, SECRET, BOT_TOKEN):
            assert secret not in ended.out + ended.err
        return ended

    return ran


def errors(ran: Ran) -> str:
    return "".join(line for line in ran.err.splitlines() if line.startswith("error: "))


def test_a_webhook_is_set_shown_and_taken_away(shell: Shell, api: SetupApi) -> None:
    assert shell("telegram", "set-webhook", "https://shop.example", "--drop-pending").out == (
        "@toko_pulsa_bot sends its updates to https://shop.example/callbacks/webhook/telegram\n"
        "  updates     all 26 kinds\n"
        "  dropped     what waited at Telegram\n"
        "  menu        /start /saldo /status /topup /unlink /bahasa\n"
        "  next        callbacks telegram info\n"
    )
    assert api.webhook["secret_token"] == SECRET
    assert shell("telegram", "info").out == (
        "@toko_pulsa_bot\n"
        "  webhook     https://shop.example/callbacks/webhook/telegram\n"
        "  waiting     0 updates at Telegram\n"
    )
    assert shell("telegram", "delete-webhook").out == "@toko_pulsa_bot sends its updates nowhere\n"
    assert "webhook     none\n" in shell("telegram", "info").out
    for verb in (("set-webhook", "https://shop.example"), ("info",), ("delete-webhook",)):
        assert json.loads(shell("telegram", *verb, "--json").out)["username"] == "toko_pulsa_bot"


def test_a_delivery_that_fails_is_shown_with_its_time_and_what_to_do(shell: Shell, api: SetupApi) -> None:
    shell("telegram", "set-webhook", "https://shop.example")
    api.fails(1_800_000_000, "Wrong response from the webhook: 401 Unauthorized \x1b[31m")
    shown = shell("telegram", "info").out
    assert "  last error  2027-01-15T08:00:00.000000Z  Wrong response from the webhook: 401 Unauthorized" in shown
    assert "  wrong       the last delivery failed: " in shown
    assert "→ the server has another TELEGRAM_WEBHOOK_SECRET" in shown
    assert "\x1b" not in shown


def test_commands_are_registered_and_the_application_shown(shell: Shell, api: SetupApi) -> None:
    assert shell("discord", "register").out == (
        f"Toko Pulsa ({APPLICATION_ID})\n"
        "  commands    /saldo /status /topup /link /unlink /bahasa\n"
        "  next        callbacks discord info\n"
    )
    assert [command["name"] for command in api.registered][:2] == ["saldo", "status"]
    shown = shell("discord", "info", DISCORD_PUBLIC_KEY="0" * 64).out
    assert f"  public key  {VERIFY_KEY} does not fit\n  endpoint    none\n  invite      https://discord.com/" in shown
    assert "  wrong       DISCORD_PUBLIC_KEY belongs to another application" in shown
    assert "  warn        Discord sends interactions to no address → while the server runs, enter https://" in shown
    assert json.loads(shell("discord", "info", "--json").out)["public_key_fits"] is True
    assert json.loads(shell("discord", "register", "--json").out)["application_id"] == APPLICATION_ID


def test_what_is_not_set_up_is_exit_code_2_and_a_no_is_1(shell: Shell, api: SetupApi) -> None:
    assert "TELEGRAM_BOT_TOKEN is not set" in errors(shell("telegram", "info", code=2, TELEGRAM_BOT_TOKEN=""))
    assert "DISCORD_BOT_TOKEN is not set" in errors(shell("discord", "info", code=2, DISCORD_BOT_TOKEN=""))
    unset = shell("telegram", "set-webhook", "https://shop.example", code=2, TELEGRAM_WEBHOOK_SECRET="")
    assert "openssl rand -hex 32" in errors(unset)
    typed = shell("telegram", "set-webhook", "shop.example", code=2)
    assert errors(typed).startswith("error: URL: must begin with https://")
    api.say("setWebhook", fake.refused(400, "Bad Request: bad webhook: IP address 10.0.0.1 is reserved"))
    refused = shell("telegram", "set-webhook", "https://shop.example", code=1)
    assert errors(refused) == "error: Telegram: HTTP 400: Bad Request: bad webhook: IP address 10.0.0.1 is reserved"
    nowhere = shell("telegram", "info", code=1, TELEGRAM_API_URL="http://127.0.0.1:9")
    assert errors(nowhere).startswith("error: Telegram: 127.0.0.1: cannot be reached")
    wrong = shell("telegram", "info", code=1, TELEGRAM_BOT_TOKEN="9:another-token-of-tests")
    assert "TELEGRAM_BOT_TOKEN is wrong" in errors(wrong)
    assert "another-token-of-tests" not in wrong.out + wrong.err
    assert "DISCORD_BOT_TOKEN is wrong" in errors(shell("discord", "register", code=1, DISCORD_BOT_TOKEN="nonsense"))


def test_a_name_that_is_another_bots_is_told(shell: Shell) -> None:
    told = shell("telegram", "info", TELEGRAM_BOT_USERNAME="@other_bot").out
    assert "TELEGRAM_BOT_USERNAME=other_bot, but the bot's name is" in told
    assert "does not answer in groups" not in shell("telegram", "info", TELEGRAM_BOT_USERNAME="@toko_pulsa_BOT").out
