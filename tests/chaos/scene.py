"""A scene for a worker: callbacks of every outcome, money that comes, goes back and is held; and the books after it.

What the status API says is told by `truth`; without it (MIDTRANS_CONFIRM=never) the end is the same. A handler of the
shop's own notes what it handles in a file.
"""

import hashlib
import hmac
import json
import shutil
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.core.config import Settings
from app.core.database import writing
from app.operate.orders import create_order
from app.operate.policy import policy_of
from app.operate.wallets import adjust_wallet
from tests.chaos.shop import Sender, Shop, a_shop, notice, until
from tests.fakes.midtrans_api import MidtransApi

SECRET = "webhook-secret-of-the-tests"


def purchase(order_id: str, status: str, code: str) -> bytes:
    """What Digiflazz says about a purchase."""
    said = {"ref_id": order_id, "customer_no": "0812", "buyer_sku_code": "pulsa", "status": status, "rc": code}
    return json.dumps({"data": {**said, "sn": "SN-1" if status == "Sukses" else "", "price": 9000}}).encode()


REFUND = {
    "transaction_status": "refund",
    "refund_amount": "30000.00",
    "refunds": [{"refund_key": "r1", "refund_amount": "30000.00"}],
}
DENY = {"transaction_status": "deny", "status_code": "202"}
#: Applied, repeated, over before it is paid, paid back, denied, with a wrong amount, not announced, still pending.
SCENE = (
    notice("W-1", "10000.00"),
    notice("W-1", "10000.00"),
    notice("W-2", "20000.00", transaction_status="expire", status_code="202"),
    notice("W-2", "20000.00", transaction_id="T2"),
    notice("W-3", "30000.00", transaction_id="T3"),
    notice("W-3", "30000.00", transaction_id="T3", **REFUND),
    notice("W-4", "40000.00", transaction_id="T4"),
    notice("W-4", "40000.00", transaction_id="T4", **DENY),
    notice("W-5", "99000.00"),
    notice("W-6", "60000.00", transaction_status="pending", status_code="201"),
    notice("nobody", "10000.00"),
)
PURCHASES = (
    purchase("P-1", "Pending", "03"),
    purchase("P-1", "Sukses", "00"),
    purchase("P-2", "Gagal", "02"),
    purchase("P-2", "Gagal", "02"),
)
COURIER = """
from app.callbacks.base.base_handlers import WebhookCallbackHandler, current_callback


class Courier(WebhookCallbackHandler):
    async def handle(self, data):
        with open("handled.txt", "a") as file:
            file.write(f"{data['id']} {current_callback().idempotency_key}\\n")


def setup(manager):
    manager.register_handler("courier", Courier("courier"))
"""
DELIVERIES = (b'{"id": "C-1", "status": "sent"}', b'{"id": "C-2", "status": "sent"}')
SETTINGS = {"DIGIFLAZZ_WEBHOOK_SECRET": SECRET, "CALLBACK_APP": "courier:setup"}


def fill(shop: Shop) -> None:
    """Orders, and the scene in the log, as the real server puts it there."""
    shop.announce((f"W-{number}", f"user{number}", f"{number}0000.00") for number in range(1, 7))
    policy = policy_of(Settings())
    adjust_wallet(
        shop.engine, "toko", "+50000", who="a test", reason="opening balance", at=time.time_ns() // 1000, policy=policy
    )
    for order_id in ("P-1", "P-2"):
        bought = {"order_id": order_id, "user_id": "toko", "kind": "ppob", "amount": "11000.00"}
        create_order(shop.engine, bought, at=time.time_ns() // 1000, policy=policy, lang="en")
    (shop.folder / "courier.py").write_text(COURIER)
    shop.start("serve")
    shop.until_listening()
    sender = Sender(shop.port)
    told = [sender.send_once(body) for body in SCENE]
    for body in PURCHASES:
        signature = "sha1=" + hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
        told.append(sender.send_once(body, "digiflazz", **{"X-Hub-Signature": signature}))
    told += [sender.send_once(body, "courier") for body in DELIVERIES]
    sender.close()
    assert None not in told
    shop.stop()


def truth(api: MidtransApi) -> None:
    api.knows(order_id="W-3", transaction_id="T3", gross_amount="30000.00", **REFUND)
    api.knows(order_id="W-4", transaction_id="T4", gross_amount="40000.00", **DENY)


def is_done(shop: Shop) -> bool:
    decided = shop.rows("SELECT count(*) FROM callback_outcomes WHERE outcome <> 'in_doubt'")
    waits = shop.rows("SELECT 1 FROM callback_tasks WHERE state <> 'done'")
    return decided == [(len(SCENE) + len(PURCHASES) + len(DELIVERIES),)] and not waits


def worked(shop: Shop) -> int:
    """Let the real worker go on until all is done, or it dies → its exit code."""
    end_leases(shop)
    said = shop.folder / "worker.out"
    said.write_text("")
    shop.start("worker")
    worker = shop.processes["worker"]

    def is_over() -> bool:  # before it has started, nobody else may open what a dead one left
        return worker.poll() is not None or ("worker.started" in said.read_text() and is_done(shop))

    until(is_over, lambda: f"{books(shop)}{shop.stands('worker')}")
    worker.send_signal(signal.SIGTERM)
    return worker.wait(15)


def end_leases(shop: Shop) -> None:
    """Let the time go by for which a dead worker holds its tasks; looked for in a copy, see `is_over`."""
    running = "SELECT 1 FROM callback_tasks WHERE state = 'running'"
    with TemporaryDirectory() as folder:
        for file in shop.folder.glob("state.db*"):
            shutil.copy(file, folder)
        with a_shop(Path(folder)) as copy:
            if not copy.rows(running):
                return
    with writing(shop.engine) as connection:
        connection.exec_driver_sql("UPDATE callback_tasks SET due_at = 0 WHERE state = 'running'")
    shop.engine.dispose()


BOOKS = {
    "accounts": "SELECT name, balance FROM callback_accounts",
    "facts": "SELECT order_no, kind, attempt, key, amount, level FROM callback_facts",
    "orders": "SELECT order_id, announced_at IS NOT NULL, cost, fee FROM callback_orders",
    "moved": """SELECT j.order_no, p.account_no, sum(p.amount) FROM callback_postings p
        JOIN callback_journals j ON j.id = p.journal_id GROUP BY 1, 2""",
    "outcomes": "SELECT callback_id, outcome, reason FROM callback_outcomes",
    "pending": "SELECT callback_id FROM callback_pending",
    "tasks": "SELECT key, state FROM callback_tasks",
    "notices": "SELECT order_no, status FROM callback_notices",
    "dead letters": "SELECT kind, ref, reason FROM callback_dead WHERE closed_at IS NULL",
    "alerts": "SELECT kind, subject, count FROM callback_alerts WHERE closed_at IS NULL",
}


def books(shop: Shop) -> dict[str, list[Any]]:
    """Whatever must not depend on who died when."""
    found = {name: sorted(shop.rows(statement), key=repr) for name, statement in BOOKS.items()}
    handled = shop.folder / "handled.txt"  # each at least once, always under the same key
    return {**found, "handled": sorted(set(handled.read_text().splitlines())) if handled.exists() else []}
