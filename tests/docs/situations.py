"""The scenes of docs/operating.md: what has happened before a person types; at each `yield` they type."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from tests.chaos.shop import Sender, Shop, a_shop, notice, until
from tests.fakes.chat_api import TOKEN, chat_api, cut, ok
from tests.fakes.midtrans_api import failing, midtrans_api
from tests.fakes.preloading import build_library
from tests.pictures import picture

Scene: TypeAlias = Callable[[Path], Iterator[Shop]]
SECRET = "webhook-secret"
FULL = "100000.00"


def send(shop: Shop, *bodies: bytes, provider: str = "midtrans", **headers: str) -> None:
    """Send these, and wait until they are decided."""
    sender = Sender(shop.port)
    for body in bodies:
        assert sender.send_once(body, provider, **headers) is not None
    sender.close()
    shop.until_worked_off()


def started(shop: Shop) -> Shop:
    shop.start("serve", "worker")
    shop.until_listening()
    return shop


def not_announced(folder: Path) -> Iterator[Shop]:
    with a_shop(folder) as shop:
        send(started(shop), notice("TU-1001", FULL))
        yield shop


def wrong_key(folder: Path) -> Iterator[Shop]:
    with a_shop(folder) as shop:
        shop.announce([("TU-1002", "ani", FULL)])
        send(started(shop), notice("TU-1002", FULL))
        said = json.loads(notice("TU-2002", FULL))
        forged = json.dumps({**said, "signature_key": "0" * 128}).encode()
        for _ in range(3):
            status, _answer = shop.ask("POST", "/callbacks/webhook/midtrans", json.loads(forged))
            assert status == 401
        yield shop


def api_down(folder: Path) -> Iterator[Shop]:
    refund: dict[str, Any] = {
        "transaction_status": "partial_refund",
        "refund_amount": "30000.00",
        "refunds": [{"refund_key": "r-1", "refund_amount": "30000.00"}],
    }
    with midtrans_api() as api, a_shop(folder, MIDTRANS_API_URL=api.url) as shop:
        api.otherwise(failing(503))
        shop.announce([("TU-1003", "ani", FULL)])
        send(started(shop), notice("TU-1003", FULL), notice("TU-1003", FULL, **refund))
        api.until_asked("TU-1003")
        yield shop
        api.knows(order_id="TU-1003", transaction_id="T1", **refund)
        until(lambda: shop.wallets() == {"ani": 7_000_000}, shop.outcomes, 60)
        yield shop


def refund_twice(folder: Path) -> Iterator[Shop]:
    first = {"refund_key": "r-1", "refund_amount": "25000.00"}
    refund: dict[str, Any] = {"transaction_status": "partial_refund", "refund_amount": "25000.00"}
    with midtrans_api() as api, a_shop(folder, MIDTRANS_API_URL=api.url) as shop:
        shop.announce([("TU-1004", "budi", FULL)])
        api.knows(order_id="TU-1004", transaction_id="T1", **refund, refunds=[first])
        send(started(shop), notice("TU-1004", FULL), notice("TU-1004", FULL, **refund, refunds=[first]))
        until(lambda: shop.wallets() == {"budi": 7_500_000}, shop.outcomes, 40)
        second = {**first, "bank_confirmed_at": "2026-06-24 10:00:00"}
        send(shop, notice("TU-1004", FULL, **refund, refunds=[second]))
        yield shop


def paid_twice(folder: Path) -> Iterator[Shop]:
    with midtrans_api() as api, a_shop(folder, MIDTRANS_API_URL=api.url) as shop:
        shop.announce([("TU-1005", "citra", "75000.00")])
        api.knows(order_id="TU-1005", transaction_id="T1", gross_amount="75000.00")
        send(started(shop), notice("TU-1005", "75000.00"))
        api.forget()
        api.knows(order_id="TU-1005", transaction_id="T2", gross_amount="75000.00")
        api.knows(order_id="T1", transaction_id="T1", gross_amount="75000.00")
        send(shop, notice("TU-1005", "75000.00", transaction_id="T2"))
        alerts = "SELECT kind FROM callback_alerts WHERE closed_at IS NULL"
        until(lambda: shop.rows(alerts) == [("paid_twice",)], lambda: (shop.rows(alerts), shop.outcomes()), 40)
        yield shop


def another_amount(folder: Path) -> Iterator[Shop]:
    with a_shop(folder) as shop:
        shop.announce([("TU-1006", "dewi", FULL)])
        send(started(shop), notice("TU-1006", "90000.00"))
        yield shop


def contradiction(folder: Path) -> Iterator[Shop]:
    with a_shop(folder, DIGIFLAZZ_WEBHOOK_SECRET=SECRET) as shop:
        shop.announce([("TU-1007", "eka", FULL)])
        send(started(shop), notice("TU-1007", FULL))
        purchase = {
            "order_id": "REF-1007",
            "user_id": "eka",
            "kind": "ppob",
            "amount": "20000.00",
            "product": "pulsa20",
        }
        assert shop.ask("POST", "/transactions", purchase)[0] == 201
        for word, code in (("Gagal", "02"), ("Sukses", "00")):
            said = {"ref_id": "REF-1007", "status": word, "rc": code, "message": word, "sn": "SN-1" * (code == "00")}
            body = json.dumps({"data": said}).encode()
            signature = hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
            send(
                shop,
                body,
                provider="digiflazz",
                **{"X-Hub-Signature": f"sha1={signature}", "X-Digiflazz-Event": "update"},
            )
        yield shop


HANDLER = """
from app.callbacks.base.base_handlers import WebhookCallbackHandler
from app.engine.callback import Outcome, OutcomeWord

class Courier(WebhookCallbackHandler):
    unverified_ok = True

    def apply(self, connection, callbacks, at):
        {broken}
        return [Outcome(callback.id, OutcomeWord.APPLIED) for callback in callbacks]

def setup(manager):
    manager.register_handler("courier", Courier("courier"))
"""


def handler_failed(folder: Path) -> Iterator[Shop]:
    mine = folder / "courier.py"
    mine.write_text(HANDLER.format(broken="raise KeyError('tracking_no')"))
    with a_shop(folder, CALLBACK_APP="courier:setup", PYTHONPATH=f"{Path.cwd()}:{folder}") as shop:
        shop.environment["PYTHONPATH"] = f"{Path(__file__).resolve().parents[2]}:{folder}"
        send(started(shop), b'{"id": "1", "status": "delivered"}', provider="courier")
        yield shop
        shop.stop()
        mine.write_text(HANDLER.format(broken=""))
        yield started(shop)


def lost_log(folder: Path) -> Iterator[Shop]:
    with a_shop(folder) as shop:
        shop.announce([("TU-1009", "ani", FULL)])
        send(started(shop), notice("TU-1009", FULL))
        for file in folder.glob("log.db*"):
            if not file.name.endswith(".lock"):
                file.unlink()
        sender = Sender(shop.port)
        until(lambda: sender.send_once(notice("TU-1009", FULL)) is not None, lambda: shop.said("serve"))
        sender.close()
        shop.until_worked_off()
        yield shop


def full_disk(folder: Path) -> Iterator[Shop]:
    switch = folder / "full"
    library = build_library("failing_disk", folder)
    with a_shop(folder, LD_PRELOAD=str(library), FAILING_WRITE=str(switch), FAILING_NAME="/log.db-wal") as shop:
        shop.announce([("TU-1010", "ani", FULL)])
        send(started(shop), notice("TU-1010", FULL))
        switch.touch()
        status, _ = shop.ask("POST", "/callbacks/webhook/midtrans", json.loads(notice("TU-1010", FULL)))
        assert status == 503
        yield shop
        switch.unlink()
        send(shop, notice("TU-1010", FULL))
        yield shop


def leaked_key(folder: Path) -> Iterator[Shop]:
    with a_shop(folder) as shop:
        shop.announce([(f"TU-101{number}", user, FULL) for number, user in enumerate(("ani", "budi", "citra"))])
        send(started(shop), *(notice(f"TU-101{number}", FULL) for number in range(3)))
        yield shop


#: By the page's headings.
def bot_refused(folder: Path) -> Iterator[Shop]:
    with chat_api() as api, a_shop(folder, TELEGRAM_API_URL=api.url, TELEGRAM_BOT_TOKEN="12345:old-token") as shop:
        started(shop)
        shop.ask("POST", "/channels", {"user_id": "ani", "service": "telegram", "address": "4711", "who": "sari"})
        shop.announce([("TU-1012", "ani", FULL)])
        send(shop, notice("TU-1012", FULL))
        until(lambda: bool(shop.rows("SELECT id FROM callback_alerts")), lambda: shop.said("worker"))
        yield shop


def perhaps_sent(folder: Path) -> Iterator[Shop]:
    with chat_api() as api, a_shop(folder, TELEGRAM_API_URL=api.url, TELEGRAM_BOT_TOKEN=TOKEN) as shop:
        started(shop)
        shop.ask("POST", "/channels", {"user_id": "ani", "service": "telegram", "address": "4711", "who": "sari"})
        shop.announce([("TU-1013", "ani", FULL)])
        api.say("4711", cut(), ok())
        send(shop, notice("TU-1013", FULL))
        until(lambda: bool(shop.rows("SELECT id FROM callback_dead")), lambda: shop.said("worker"))
        yield shop
        api.until(lambda: len(api.to("4711")) == 2)


def proof_waits(folder: Path) -> Iterator[Shop]:
    (folder / "bukti.jpg").write_bytes(picture("JPEG", (400, 800)))
    with a_shop(folder, CALLBACK_FOLDERS=str(folder)) as shop:
        started(shop)
        proof = {
            "event_type": "file_uploaded",
            "file_path": str(folder / "bukti.jpg"),
            "original_filename": "bukti.jpg",
            "file_size": 1_000,
            "upload_type": "topup_proof",
            "user_id": "ani",
            "amount": "50000.00",
            "note": "BCA, Ani",
        }
        status, _ = shop.ask("POST", "/callbacks/event/upload", proof)
        assert status == 200
        until(lambda: bool(shop.rows("SELECT id FROM callback_topups")), lambda: shop.said("worker"))
        yield shop


def report_differs(folder: Path) -> Iterator[Shop]:
    (folder / "november.csv").write_text("Order ID,Gross Amount,Status\nTU-1015,100000.00,settlement\n")
    with a_shop(folder, CALLBACK_FOLDERS=str(folder)) as shop:
        started(shop)
        shop.announce([("TU-1015", "ani", FULL)])
        path = str(folder / "november.csv")
        status, _ = shop.ask("POST", "/callbacks/event/file", {"event_type": "file_created", "path": path})
        assert status == 200
        until(lambda: bool(shop.rows("SELECT id FROM callback_alerts")), lambda: shop.said("worker"))
        yield shop


SCENES: dict[str, Scene] = {
    "A customer paid and sees nothing": not_announced,
    "No callback arrives any more": wrong_key,
    "The provider's API is down": api_down,
    "A refund came twice": refund_twice,
    "A customer paid twice": paid_twice,
    "A customer paid another amount": another_amount,
    "A purchase is said to have succeeded and failed": contradiction,
    "A handler of ours failed": handler_failed,
    "I lost the log": lost_log,
    "The disk is full": full_disk,
    "The key leaked": leaked_key,
    "The bot is silent": bot_refused,
    "A message was perhaps sent": perhaps_sent,
    "A customer paid by bank transfer": proof_waits,
    "A settlement report differs": report_differs,
}
