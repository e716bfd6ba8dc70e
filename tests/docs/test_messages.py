"""What the page shows of setting up the bots is what the commands print."""

import re
import textwrap
from datetime import datetime
from pathlib import Path

from tests.cli.shell import run
from tests.fakes.chat_api import TOKEN
from tests.fakes.setup_api import BOT_TOKEN, VERIFY_KEY, SetupApi, setup_api


def shown(root: Path) -> list[tuple[list[str], str]]:
    """Each command on the page, with what is shown below it."""
    text = (root / "docs" / "messages.md").read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block) for block in re.findall(r"^ *```\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)]
    commands = [block.partition("\n") for block in blocks if block.startswith("$ callbacks ")]
    return [(line.removeprefix("$ callbacks ").split(), output) for line, _, output in commands]


def before(api: SetupApi, output: str) -> dict[str, str]:
    """Bring about what the page shows → the settings for it."""
    if failed := re.search(r"last error  (\S+)  (.+)", output):
        api.fails(int(datetime.fromisoformat(failed[1]).timestamp()), failed[2])
    if endpoint := re.search(r"endpoint    (https:.+)", output):
        api.application["interactions_endpoint_url"] = endpoint[1]
    return {"DISCORD_PUBLIC_KEY": "0" * 64 if "does not fit" in output else VERIFY_KEY}


def test_every_command_on_the_page_prints_what_the_page_shows(root: Path) -> None:
    found = shown(root)
    with setup_api() as api:
        for arguments, output in found:
            settings = before(api, output) | {
                "TELEGRAM_API_URL": api.url,
                "TELEGRAM_BOT_TOKEN": TOKEN,
                "TELEGRAM_WEBHOOK_SECRET": "a-secret_of-the-tests-0123456789",
                "DISCORD_API_URL": api.discord_url,
                "DISCORD_BOT_TOKEN": BOT_TOKEN,
                "CALLBACK_LANG": "en",
            }
            assert run(*arguments, **settings).out == output
    assert len(found) == 5
