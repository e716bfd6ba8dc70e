"""All orders of arrival of one order's notifications, over real HTTP, end as it really was at Midtrans."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.chaos.shop import KEY, Sender, a_shop, notice, until
from tests.fakes.midtrans_api import midtrans_api

REFUND: dict[str, Any] = {
    "transaction_status": "partial_refund",
    "refund_amount": "30000.00",
    "refunds": [{"refund_key": "r1", "refund_amount": "30000.00"}],
}
#: A card that was denied, a virtual account that paid, and a part of it given back.
TOLD: Sequence[dict[str, Any]] = (
    {"transaction_id": "T0", "transaction_status": "deny", "status_code": "202"},
    {"transaction_id": "T1", "transaction_status": "pending", "status_code": "201"},
    {"transaction_id": "T1", "transaction_status": "settlement"},
    {"transaction_id": "T1", **REFUND},
)


def test_every_order_of_arrival_over_http_ends_as_it_really_was(tmp_path: Path) -> None:
    arrivals = list(itertools.permutations(TOLD))
    with midtrans_api(KEY) as api, a_shop(tmp_path, MIDTRANS_API_URL=api.url) as shop:
        orders = [(f"TU-{number}-", f"user{number}", "100000.00") for number in range(len(arrivals))]
        shop.announce(orders[::2])
        shop.start("serve", "worker")
        shop.until_listening()
        sender = Sender(shop.port)
        try:
            for (order_id, _, amount), arrival in zip(orders, arrivals, strict=True):
                api.knows(order_id=order_id, transaction_id="T1", **REFUND)
                for fields in arrival:
                    assert sender.send(order_id, notice(order_id, amount, **fields)).callback_id
        finally:
            sender.close()
        shop.until_worked_off()
        shop.announce(orders[1::2])  # these were parked until now

        def balances() -> set[int]:
            return set(shop.wallets().values())

        until(lambda: balances() == {7_000_000}, shop.wallets, 40)
        assert list(shop.statuses().values()) == ["partially_refunded"] * len(arrivals)
        assert shop.rows("SELECT DISTINCT amount FROM callback_orders") == [(10_000_000,)]
        # an answer that came first may have told it all: labels depend on arrival, what people see does not
        assert {row[0] for row in shop.rows("SELECT outcome FROM callback_outcomes")} <= {"applied", "duplicate"}
        assert shop.rows("SELECT count(*) FROM callback_outcomes") == [(4 * len(arrivals),)]
        assert shop.rows("SELECT kind FROM callback_alerts WHERE closed_at IS NULL") == []
        shop.stop()
        assert shop.unbalanced() == []
