"""A scene of customers in chats for a worker: commands, a code, a command told twice, a top-up, and news of a payment.

Each customer writes once, so that no limit of a chat makes a run longer.
"""

import json
import signal
from collections import Counter
from typing import Any

from app.core.clock import now_us
from app.operate.chats import channels
from tests.chaos.scene import end_leases
from tests.chaos.shop import Sender, Shop, notice, until
from tests.fakes.chat_api import ChatApi

LINKED = {"ani": "4711", "cici": "4713", "dewi": "4714"}
COMMANDS = 5  # one of them twice


def fill(shop: Shop) -> None:
    """Linked chats, an order, and what customers and Midtrans send, in the log."""
    for user, chat in LINKED.items():
        _link(shop, user, "telegram", chat)
    _link(shop, "dewi", "discord", "77")
    code = channels.make_code(shop.engine, "budi", at=now_us(), lang="id").code
    shop.announce([("W-1", "dewi", "10000.00")])
    shop.start("serve")
    shop.until_listening()
    sender = Sender(shop.port)
    said = (("4711", "/saldo"), ("4713", "/topup 50000"), ("4713", "/topup 50000"), ("4712", f"/start {code}"))
    numbers = (1, 2, 2, 3)
    told = [
        sender.send_once(_update(number, chat, text), "telegram")
        for number, (chat, text) in zip(numbers, said, strict=True)
    ]
    told.append(sender.send_once(notice("W-1", "10000.00")))
    sender.close()
    assert None not in told
    shop.stop()


def _link(shop: Shop, user: str, service: str, address: str) -> None:
    known = ("telegram", "discord")
    channels.link_by_hand(shop.engine, user, service, address, lang="id", who="owner", at=now_us(), known=known)


def _update(number: int, chat: str, text: str) -> bytes:
    sender = {"id": int(chat), "is_bot": False, "first_name": "A", "language_code": "id"}
    place = {"id": int(chat), "type": "private"}
    message = {"message_id": number, "from": sender, "chat": place, "date": 1, "text": text}
    return json.dumps({"update_id": number, "message": message}).encode()


def answered(shop: Shop) -> int:
    """Let the real worker go on until all is decided and nothing waits to be sent, or it dies → its exit code."""
    end_leases(shop)
    said = shop.folder / "worker.out"
    said.write_text("")
    shop.start("worker")
    worker = shop.processes["worker"]

    def is_over() -> bool:
        return worker.poll() is not None or ("worker.started" in said.read_text() and _is_done(shop))

    until(is_over, lambda: f"{end_of(shop)}{shop.stands('worker')}")
    worker.send_signal(signal.SIGTERM)
    return worker.wait(15)


def _is_done(shop: Shop) -> bool:
    decided = shop.rows("SELECT count(*) FROM callback_outcomes")
    return decided == [(COMMANDS,)] and not shop.rows(
        "SELECT 1 FROM callback_tasks WHERE state IN ('ready', 'running')"
    )


END = {
    "outcomes": "SELECT callback_id, outcome, reason FROM callback_outcomes ORDER BY 1",
    "orders": "SELECT order_id, user_id, amount FROM callback_orders ORDER BY 1",
    "channels": "SELECT user_id, service, address FROM callback_channels WHERE ended_at IS NULL ORDER BY 1, 2",
    "codes": "SELECT count(*) FROM callback_link_codes",
    "tasks": "SELECT key FROM callback_tasks ORDER BY 1",
    "wallets": "SELECT name, balance FROM callback_accounts WHERE balance IS NOT NULL ORDER BY 1",
}


def end_of(shop: Shop) -> dict[str, list[Any]]:
    """What must not depend on who died when."""
    return {name: shop.rows(statement) for name, statement in END.items()}


def misses(shop: Shop, api: ChatApi) -> list[str]:
    """What was not sent, and is no dead letter of which nobody knows; what was sent twice and may not be."""
    came = Counter((one.to, one.text[:12]) for one in api.sent)
    nonces = {one.key for one in api.to("user:77")}
    perhaps = shop.rows("SELECT count(*) FROM callback_dead WHERE reason = 'perhaps_sent' AND closed_at IS NULL")[0][0]
    wanted = {
        ("4711", "Saldo Anda: "): "balance",
        ("4713", "Bayar isi sa"): "page",
        ("4712", "Terhubung de"): "linked",
        ("4714", "Isi saldo Rp"): "news on Telegram",
        ("user:77", "Isi saldo Rp"): "news at Discord",
    }
    lost = [name for place, name in wanted.items() if not came[place]]
    found = [f"lost: {name}" for name in lost if name != "news on Telegram" or not perhaps]
    found += [f"never asked for: {place}" for place in came if place not in wanted]
    found += ["twice: news on Telegram"] if came["4714", "Isi saldo Rp"] > 1 else []
    return found + (["another nonce"] if len(nonces) > 1 else [])
