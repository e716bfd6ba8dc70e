"""A shop on a real SQLite file for the tests of the verbs: announce, tell, look."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from app.core.database import ensure_schema, make_engine, writing
from app.engine.callback import Callback, Outcome
from app.engine.outcomes import write_outcomes
from app.ledger.facts import Fact, FactKind, Level, Told
from app.ledger.record import Telling, record
from app.operate import orders, wallets
from app.operate.orders_shown import TransactionShown
from app.operate.policy import UNASKED

NOW = 1_764_046_140_000_000  # 2025-11-25T04:49:00Z
PAID = (Fact(FactKind.PAID, "T1"),)


class Shop:
    """One state database, and a clock that moves by a millisecond at each deed."""

    def __init__(self, folder: Path) -> None:
        self.engine: Engine = make_engine(f"sqlite:///{folder}/state.db")
        ensure_schema(self.engine)
        self.now = NOW

    def tick(self) -> int:
        self.now += 1_000
        return self.now

    def announce(self, order_id: str = "TU-1", user_id: str = "ani", amount: str = "100000.00", **more: Any) -> bool:
        data = {"order_id": order_id, "user_id": user_id, "kind": "topup", "amount": amount, **more}
        return orders.create_order(self.engine, data, at=self.tick(), policy=UNASKED, lang="en")[1]

    def tell(self, order_id: str = "TU-1", told: Told | None = None, *, provider: str = "midtrans") -> Outcome:
        """What a callback tells, decided as the worker would; by default that the order was paid."""
        at = self.tick()
        what = told or Told(order_id, PAID)
        callback = Callback(at, 0, provider, "settlement", "", order_id, at, "", b"{}", "unverified", "127.0.0.1")
        with writing(self.engine) as connection:
            telling = Telling(callback.id, provider, what, Level.UNVERIFIED, at)
            outcomes = record(connection, [telling], at=at, policy=UNASKED)
            write_outcomes(connection, [callback], outcomes, epoch_no=1, at=at)
        return outcomes[0]

    def show(self, order_id: str = "TU-1") -> TransactionShown:
        return orders.show(self.engine, order_id, lang="en")

    def balance(self, user_id: str = "ani") -> str:
        return wallets.show_wallet(self.engine, user_id).balance
