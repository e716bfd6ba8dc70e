"""A whole system that writes to chats, and is told its secrets by those that refuse: none of them comes out again."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.chaos.shop import Sender, Shop, free_port, notice, until
from tests.chaos.talk import ADMIN, a_talking_shop, ask_for, link
from tests.chaos.test_trust import SECRETS, ask, spoken
from tests.fakes.chat_api import BOT_TOKEN, TOKEN, ChatApi, chat_api, cut, discord_no, failing, nonsense, refused

KEY = Ed25519PrivateKey.generate()
INTERACTIONS = [f"aW50ZXJhY3Rpb24.canary-interaction-{number}" for number in range(4)]
CHANNEL_PASSWORD, CHANNEL_TOKEN = "canary-password-of-mail", "canary-0123456789-token-of-json"
UPDATES = "canary-of-telegram-updates"
ORDERS = [("P1x", "ani", "100000.00"), ("P2x", "budi", "100000.00")]


def told_by_discord(shop: Shop, number: int, data: dict[str, Any]) -> None:
    """A slash command, signed."""
    fields = {"id": str(9_000 + number), "application_id": "845027738276462632", "token": INTERACTIONS[number]}
    body = json.dumps({**fields, "type": 2, "locale": "id", "user": {"id": "77"}, "data": data}).encode()
    at = str(int(time.time()))
    signed = {"X-Signature-Timestamp": at, "X-Signature-Ed25519": KEY.sign(at.encode() + body).hex()}
    assert ask(shop, "POST", "/callbacks/webhook/discord", body, **signed).status == 200


def told_by_telegram(shop: Shop, number: int, text: str, chat: int) -> None:
    """Somebody writes to the bot."""
    sender = {"id": chat, "is_bot": False, "first_name": "Ani", "language_code": "id"}
    message = {"message_id": 1, "from": sender, "chat": {"id": chat, "type": "private"}, "date": 1, "text": text}
    body = json.dumps({"update_id": number, "message": message}).encode()
    headers = {"X-Telegram-Bot-Api-Secret-Token": UPDATES}
    assert ask(shop, "POST", "/callbacks/webhook/telegram", body, **headers).status == 200


def refuse_everything(api: ChatApi) -> None:
    """All the ways in which a message fails; those that answer say what they know: our secrets."""
    place = f"{api.url}/api/webhooks/echo/wh-secret-echo-0123456789abcdef"
    api.say("1", refused(400, f"Bad Request: cannot POST /bot{TOKEN}/sendMessage"))
    api.say("2", refused(403, f"Forbidden: {TOKEN}"))
    api.say("3", cut())
    api.say("4", nonsense())
    api.say("5", failing(502))
    api.say("echo", discord_no(400, 50_006, f"Cannot POST {place}?wait=true"))
    api.say("gone", discord_no(404, 10_015, f"Unknown Webhook {api.webhook('gone')}"))
    api.say("cut", cut())
    api.say("user:77", discord_no(400, 50_035, f"Invalid: Bot {BOT_TOKEN}"))
    for token in INTERACTIONS[:3]:
        url = f"/api/v10/webhooks/845027738276462632/{token}/messages/@original"
        api.say(f"reply:{token}", discord_no(400, 50_035, f"Cannot PATCH {url}; {token}"))
    api.say(f"reply:{INTERACTIONS[3]}", cut())


def shown(shop: Shop) -> dict[str, str]:
    """What people and programs see who look for what went wrong."""
    said = {}
    asked = [
        ("log", "--json"),
        ("dead", "list", "--json"),
        ("alerts", "list", "--json"),
        *(("show", str(callback.id)) for callback in shop.log()),
    ]
    for arguments in asked:
        ran = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "app", *arguments],
            cwd=shop.folder,
            env=shop.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=True,
        )
        said[" ".join(arguments)] = (ran.stdout + ran.stderr).decode()
    for path in (
        "/metrics",
        "/callbacks/log",
        "/callbacks/dead",
        *(f"/callbacks/log/{each.id}" for each in shop.log()),
    ):
        answer = ask(shop, "GET", path, Authorization=f"Bearer {ADMIN}")
        assert answer.status == 200, (path, answer)
        said[path] = answer.text
    return said


@pytest.mark.timeout(400)
def test_no_secret_of_a_chat_is_in_an_answer_a_log_or_a_terminal_even_where_the_other_side_tells_it(
    tmp_path: Path,
) -> None:
    port = free_port()  # nobody listens there
    channels = {
        "email": f"mailtos://canary-user:{CHANNEL_PASSWORD}@127.0.0.1:{port}?from=shop@example.com&to={{address}}",
        "push": f"json://127.0.0.1:{port}/{CHANNEL_TOKEN}/{{address}}",
    }
    settings = {
        **SECRETS,
        "MIDTRANS_SERVER_KEY": "SB-Mid-server-of-the-tests-0001",
        "CALLBACK_ADMIN_TOKEN": f"{ADMIN},{SECRETS['CALLBACK_ADMIN_TOKEN']}",
        "CALLBACK_CHANNELS": json.dumps(channels),
        "CALLBACK_LOG_LEVEL": "debug",
        "DISCORD_BOT_TOKEN": BOT_TOKEN,
        "DISCORD_PUBLIC_KEY": KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_WEBHOOK_SECRET": UPDATES,
    }
    with chat_api() as api, a_talking_shop(tmp_path, api, **settings) as shop:
        refuse_everything(api)
        shop.announce(ORDERS)
        link(shop, "ani", "telegram", "1")
        link(shop, "budi", "telegram", "3")
        link(shop, "ani", "discord", "77")
        shop.start("serve", "worker")
        shop.until_listening()
        sender = Sender(shop.port)
        for order_id, _, amount in ORDERS:
            sender.send(order_id, notice(order_id, amount))
        for chat in range(1, 6):
            assert ask_for(sender, "telegram", {"chat_id": chat, "message": "M1x"}, f"t{chat}") is not None
        for name in ("echo", "gone", "cut"):
            data = {"webhook_url": api.webhook(name), "message": "M1x"}
            assert ask_for(sender, "discord", data, f"d{name}") is not None
        for name in channels:
            assert ask_for(sender, name, {"address": "ani@example.com", "message": "M1x"}, f"c{name}") is not None
        sender.close()
        for number, command in enumerate(("saldo", "topup", "status", "bahasa")):
            told_by_discord(shop, number, {"name": command, "options": [{"name": "o", "value": "1000"}]})
        told_by_telegram(shop, 1, "/saldo", 2)
        told_by_telegram(shop, 2, "/start ABCD-EFGH", 5)
        shop.until_worked_off()
        untried = "SELECT kind, state FROM callback_tasks WHERE tries = 0 OR state = 'running'"
        until(lambda: shop.rows(untried) == [], lambda: (shop.rows(untried), shop.said("worker")), 40)
        assert {kind for (kind,) in shop.rows("SELECT DISTINCT kind FROM callback_tasks")} >= {
            "telegram",
            "discord",
            "discord_bot",
            "discord_reply",
            "channel",
        }
        letters = shop.rows("SELECT count(*) FROM callback_dead")[0][0]
        assert letters >= 10
        found = {**shown(shop), "answers": "".join(spoken(shop))}
        shop.stop()
        found |= {file.name: file.read_text() for file in tmp_path.rglob("*.out")}
        assert {"serve.out", "worker.out"} <= found.keys()
    secrets = {
        "telegram token": TOKEN,
        "its secret part": TOKEN.partition(":")[2],
        "discord token": BOT_TOKEN,
        "webhooks": "wh-secret-",
        "telegram updates": UPDATES,
        "a channel's password": CHANNEL_PASSWORD,
        "a channel's token": CHANNEL_TOKEN,
        "admin": ADMIN,
        **{f"interaction {number}": token for number, token in enumerate(INTERACTIONS)},
    }
    for name, secret in secrets.items():
        assert [where for where, text in found.items() if secret in text] == [], name
