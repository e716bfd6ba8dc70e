"""A whole system under strangers: its secrets stay secret, its doors stay closed, and hostile text stays text."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import SecretStr

from app.core.config import Settings
from docs.generate import every_command
from tests.chaos.shop import Shop, a_shop
from tests.fakes.midtrans_api import failing, midtrans_api

#: Every setting that may be a secret, with a value that stands nowhere else.
SECRETS = {
    name.upper(): f"canary-{number}-of-{name.replace('_', '-')}"
    for number, (name, field) in enumerate(Settings.model_fields.items())
    if SecretStr in getattr(field.annotation, "__args__", (field.annotation,))
}
#: The one that has to be JSON; what of it is secret is the password.
CHANNEL_PASSWORD = SECRETS["CALLBACK_CHANNELS"]
SECRETS["CALLBACK_CHANNELS"] = json.dumps(
    {"email": f"mailtos://shop:{CHANNEL_PASSWORD}@127.0.0.1:9?from=shop@example.com&to={{address}}"}
)
PING_SECRET = "canary-of-the-ping-secret"
HOSTILE = "\x1b[31mred\x1b]0;title\x07\r\nfaked line\x00\u202etxt\u2066\u200b<script>alert(1)</script>\"'`$(id)"
#: Ends by itself only when it is told to, or is asked for in a test of its own.
ENDLESS = {
    "callbacks up",
    "callbacks serve",
    "callbacks worker",
    "callbacks tail",
    "callbacks top",
    "callbacks simulate",
    "callbacks watch",
    "callbacks forward",
}


class Told(NamedTuple):
    """One answer of the server."""

    status: int
    text: str


def ask(shop: Shop, method: str, path: str, body: bytes | None = None, **headers: str) -> Told:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", shop.port, timeout=20)) as connection:
        connection.request(method, path, body, {"Content-Type": "application/json", **headers})
        reply = connection.getresponse()
        head = "".join(f"{name}: {value}\n" for name, value in reply.getheaders())
        return Told(reply.status, head + reply.read().decode(errors="backslashreplace"))


def admin() -> dict[str, str]:
    return {"Authorization": f"Bearer {SECRETS['CALLBACK_ADMIN_TOKEN']}"}


def midtrans(order_id: str, **fields: Any) -> bytes:
    said = {
        "order_id": order_id,
        "status_code": "200",
        "gross_amount": "100000.00",
        "transaction_status": "settlement",
        "transaction_id": "T1",
        **fields,
    }
    signed = f"{order_id}{said['status_code']}{said['gross_amount']}{SECRETS['MIDTRANS_SERVER_KEY']}"
    return json.dumps({**said, "signature_key": hashlib.sha512(signed.encode()).hexdigest()}).encode()


def digiflazz(body: bytes) -> dict[str, str]:
    key = SECRETS["DIGIFLAZZ_WEBHOOK_SECRET"].encode()
    return {"X-Hub-Signature": "sha1=" + hmac.new(key, body, hashlib.sha1).hexdigest()}


def addresses(shop: Shop) -> Iterator[tuple[str, str, bool]]:
    """Method, path and whether it is managed, of every address that OpenAPI names."""
    paths = json.loads(ask(shop, "GET", "/openapi.json").text.partition("{")[2].join(("{", "")))["paths"]
    for path, methods in paths.items():
        for method, about in methods.items():
            filled = path.replace("{provider}", "midtrans").replace("{event_type}", "file")
            for name in ("callback_id", "dead_id", "alert_id", "order_id", "user_id", "topup_id", "name"):
                filled = filled.replace(f"{{{name}}}", "1")
            yield method.upper(), filled, bool(about.get("security"))


def spoken(shop: Shop) -> list[str]:
    """What people and programs are told: every address, with and without a token; callbacks of all kinds."""
    told = [ask(shop, "GET", path).text for path in ("/docs", "/openapi.json", "/nowhere", "/callbacks/webhook/none")]
    for method, path, _ in addresses(shop):
        for headers in ({}, admin()):
            told += [ask(shop, method, path, body, **headers).text for body in (None, b"{", b'{"word": "paid"}')]
    return [*told, *(ask(shop, "GET", "/wallets/1", Authorization="Bearer wrong").text for _ in range(25))]


def traffic(shop: Shop) -> list[str]:
    """Callbacks of all senders: proved, forged, broken, and such as fail on the way."""
    ping = json.dumps({"sed": "x", "hook_id": "1", "hook": {"secret": PING_SECRET, "url": "https://x"}}).encode()
    bought = json.dumps({"data": {"ref_id": "REF-1", "status": "Sukses", "rc": "00", "sn": "1"}}).encode()
    token = {"X-Telegram-Bot-Api-Secret-Token": SECRETS["TELEGRAM_WEBHOOK_SECRET"]}
    sent = [
        ("midtrans", midtrans("TU-1"), {}),
        ("midtrans", midtrans("TU-1", transaction_status="refund", refund_amount="1000.00"), {}),
        ("midtrans", midtrans("TU-2", transaction_status="nonsense"), {}),
        ("midtrans", midtrans("TU-1").replace(b"TU-1", b"TU-9"), {}),
        ("digiflazz", ping, digiflazz(ping)),
        ("digiflazz", ping, {}),
        ("digiflazz", ping[:-3], digiflazz(ping[:-3])),
        ("digiflazz", bought, digiflazz(bought)),
        ("telegram", b'{"update_id": 1, "message": {"text": "/start"}}', token),
        ("telegram", b'{"update_id": 1}', {"X-Telegram-Bot-Api-Secret-Token": "wrong"}),
        ("discord", b'{"type": 1}', {"X-Signature-Ed25519": "00" * 64, "X-Signature-Timestamp": "1"}),
    ]
    return [ask(shop, "POST", f"/callbacks/webhook/{name}", body, **headers).text for name, body, headers in sent]


def typed(shop: Shop) -> dict[str, str]:
    """What every command prints that ends by itself, typed as in its own example."""
    said = {}
    for command in every_command():
        if command.name in ENDLESS:
            continue
        example = shlex.split(command.said()[1].partition(" | ")[0])
        while "=" in example[0]:
            example.pop(0)
        ran = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "app", *example[1:]],
            cwd=shop.folder,
            env=shop.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        said[command.name] = (ran.stdout + ran.stderr).decode(errors="backslashreplace")
    return said


@pytest.mark.timeout(400)
def test_no_secret_is_in_an_answer_a_log_a_terminal_or_a_database(tmp_path: Path) -> None:
    assert len(SECRETS) >= 7
    with midtrans_api(server_key="another") as api, a_shop(tmp_path) as shop:
        shop.environment |= {
            **SECRETS,
            "CALLBACK_LOG_LEVEL": "debug",
            "MIDTRANS_API_URL": api.url,
            "DISCORD_PUBLIC_KEY": "00" * 32,
        }
        api.otherwise(failing(500))
        shop.announce([("TU-1", "ani", "100000.00"), ("TU-2", "ani", "100000.00")])
        shop.start("serve", "worker")
        shop.until_listening()
        told = traffic(shop)
        shop.until_worked_off()
        api.until_asked("TU-1")
        found = {"answers": "".join([*told, *spoken(shop)]), **typed(shop)}
        shop.stop()
        found |= {file.name: file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()}
        assert {"serve.out", "worker.out", "log.db", "state.db"} <= found.keys()
    assert "canary" not in found["answers"]
    for name, secret in {**SECRETS, "ping": PING_SECRET, "channel": CHANNEL_PASSWORD}.items():
        for shape in (secret, base64.b64encode(f"{secret}:".encode()).decode(), secret.encode().hex()):
            assert [where for where, text in found.items() if shape in text] == [], name


@pytest.mark.timeout(200)
def test_no_managed_address_opens_without_the_token_and_guessing_is_slowed(tmp_path: Path) -> None:
    right = SECRETS["CALLBACK_ADMIN_TOKEN"]
    wrong = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {right}",
        right,
        f"Bearer {right[:-1]}",
        f"Bearer {right}x",
    ]
    with a_shop(tmp_path, CALLBACK_ADMIN_TOKEN=right, CALLBACK_ENV="production") as shop:
        shop.start("serve")
        shop.until_listening()
        managed = [(method, path) for method, path, closed in addresses(shop) if closed]
        assert len(managed) >= 14
        for method, path in managed:
            for body in (None, b"{}"):
                assert ask(shop, method, path, body).status == 401, path
            assert ask(shop, method, path, b"{}", Authorization=f"Bearer {right}").status != 401
            shouted = f"{path}?token={right}&access_token={right}"
            assert ask(shop, method, shouted, b"{}", Cookie=f"token={right}").status == 401
        for method, path in managed:
            answers = {ask(shop, method, path, b"{}", Authorization=each).status for each in wrong}
            assert 401 in answers, path
            assert answers <= {401, 429}, path
        slowed = ask(shop, "GET", "/callbacks/log", Authorization=f"Bearer {right}")
        assert slowed.status == 429
        time.sleep(int(slowed.text.lower().partition("retry-after: ")[2].split()[0]))
        assert ask(shop, "GET", "/callbacks/log", Authorization=f"Bearer {right}").status == 200


@pytest.mark.timeout(300)
def test_hostile_text_moves_no_cursor_and_adds_no_line(tmp_path: Path) -> None:
    with a_shop(tmp_path, CALLBACK_LOG_LEVEL="debug", DIGIFLAZZ_API_URL="http://127.0.0.1:9") as shop:
        shop.environment |= SECRETS
        shop.announce([("TU-1", "ani", "100000.00")])
        shop.start("serve", "worker")
        shop.until_listening()
        hostile = dict.fromkeys(("payment_type", "status_message", "fraud_status", "currency", "merchant_id"), HOSTILE)
        bodies = [
            midtrans("TU-1", transaction_id=HOSTILE),
            midtrans("TU-1", transaction_status=HOSTILE),
            midtrans(HOSTILE),
            midtrans("TU-1", **hostile),
            midtrans("TU-1", gross_amount=HOSTILE),
            midtrans("TU-1", transaction_status="refund", refunds=[{"refund_key": HOSTILE, "refund_amount": "1"}]),
        ]
        for body in bodies:
            assert ask(shop, "POST", "/callbacks/webhook/midtrans", body, **{"User-Agent": "x"}).status in {200, 400}
        for field in ("ref_id", "status", "message", "sn", "rc", "customer_no", "buyer_sku_code"):
            body = json.dumps({"data": {"ref_id": "REF-1", "status": "Gagal", "rc": "02", field: HOSTILE}}).encode()
            headers = {**digiflazz(body), "X-Digiflazz-Event": "create", "User-Agent": "\xe2\x80\xae<script>"}
            ask(shop, "POST", "/callbacks/webhook/digiflazz", body, **headers)
        shop.until_worked_off()
        said = typed(shop)
        for callback in shop.log():
            shown = subprocess.run(  # noqa: S603 - our own command
                [sys.executable, "-m", "app", "show", str(callback.id)],
                cwd=tmp_path,
                env=shop.environment,
                capture_output=True,
                text=True,
                check=True,
            )
            said[f"show {callback.id}"] = shown.stdout
        assert len(shop.log()) >= 8
        shop.stop()
        for where, text in said.items():
            lines = text.replace("\r\n", "\n").split("\n")  # CSV's lines end so
            assert [line for line in lines if not line.isprintable()] == [], where
            assert "\nfaked line" not in text
        for name in ("serve", "worker"):
            lines = (tmp_path / f"{name}.out").read_text().splitlines()
            assert all(json.loads(line)["event"] for line in lines if line.startswith("{"))
            assert [line for line in lines if not line.isprintable() or line.startswith("faked")] == []
        assert shop.unbalanced() == []
