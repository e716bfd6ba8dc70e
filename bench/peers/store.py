"""What both peers share: their database, tuned the way its manual advises, and the announced orders in it."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, ForeignKey, create_engine, event, insert, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker

from app.core.database import sqlite_module
from bench.orders import Ids, order

_CHUNK = 20_000


class Base(DeclarativeBase):
    """The peers' tables."""


class Wallet(Base):
    """A user's balance, in rupiah."""

    __tablename__ = "wallets"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(unique=True)
    balance: Mapped[int] = mapped_column(default=0)


class Order(Base):
    """A top-up that waits for its payment."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(unique=True)
    wallet_id: Mapped[int] = mapped_column(ForeignKey("wallets.id"))
    amount: Mapped[int]
    status: Mapped[str] = mapped_column(default="waiting")
    wallet: Mapped[Wallet] = relationship(lazy="joined", innerjoin=True)


class Event(Base):
    """A notification as it came; its key keeps it from counting twice."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    event_key: Mapped[str] = mapped_column(unique=True)
    received_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    body: Mapped[bytes]


class Journal(Base):
    """One movement of money."""

    __tablename__ = "journals"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"))
    event: Mapped[Event] = relationship()
    postings: Mapped[list["Posting"]] = relationship()


class Posting(Base):
    """One side of a journal."""

    __tablename__ = "postings"
    id: Mapped[int] = mapped_column(primary_key=True)
    journal_id: Mapped[int] = mapped_column(ForeignKey("journals.id"))
    account: Mapped[str]
    amount: Mapped[int]


def open_store(path: str) -> Engine:
    """Write-ahead log, every commit on disk, transactions that write from their beginning."""
    engine = create_engine(f"sqlite:///{path}", module=sqlite_module(), connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connect(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000", "cache_size=-64000"):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def prepare(engine: Engine, announced: int, ids: Ids) -> None:
    """Create the tables and announce the orders."""
    Base.metadata.create_all(engine)
    wallets: dict[str, int] = {}
    with engine.begin() as connection:
        for first in range(0, announced, _CHUNK):
            made = [order(number, ids) for number in range(first, min(first + _CHUNK, announced))]
            new = {one.user_id for one in made} - wallets.keys()
            wallets.update({user: len(wallets) + place for place, user in enumerate(sorted(new), 1)})
            if new:
                connection.execute(
                    insert(Wallet), [{"id": wallets[user], "user_id": user, "balance": 0} for user in sorted(new)]
                )
            rows = [
                {"order_id": one.order_id, "wallet_id": wallets[one.user_id], "amount": one.amount, "status": "waiting"}
                for one in made
            ]
            if rows:
                connection.execute(insert(Order), rows)


def sessions() -> sessionmaker[Session]:
    """Sessions on the database that the environment names (PEER_DATABASE)."""
    return sessionmaker(open_store(os.environ["PEER_DATABASE"]), expire_on_commit=False)


def count(engine: Engine) -> Iterator[tuple[str, int]]:
    """What the check after a load reads: rows and sums."""
    with engine.connect() as connection:
        for name, sql in (
            ("events", "SELECT count(*) FROM events"),
            ("journals", "SELECT count(*) FROM journals"),
            ("orders_paid", "SELECT count(DISTINCT order_id) FROM journals"),
            ("postings_sum", "SELECT coalesce(sum(amount), 0) FROM postings"),
            ("wallets_rupiah", "SELECT coalesce(sum(balance), 0) FROM wallets"),
        ):
            yield name, int(connection.execute(text(sql)).scalar_one())
