"""The real ledger on a real SQLite file, told to in the same words as the model."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from app.callbacks.base.base_handlers import OrderCallbackHandler
from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler, facts_of
from app.callbacks.ppob.ppob_callbacks import DigiflazzCallbackHandler
from app.core.config import Settings
from app.core.database import make_engine, reading, writing
from app.core.errors import BalanceTooSmall, OrderConflict, ResolutionRefused
from app.engine.callback import Callback, OutcomeWord, Request
from app.engine.deciding import decide_again
from app.engine.outcomes import write_outcomes
from app.ledger.announce import NewOrder, announce
from app.ledger.answers import Answer, settle
from app.ledger.book import question_key
from app.ledger.cases import Cases
from app.ledger.facts import Level
from app.ledger.persons import Resolution, adjust, resolve
from app.migrations.run import bring_up_to_date
from tests.ledger.law import Order
from tests.ledger.model import Picture, Refused, Reply
from tests.ledger.sayings import (
    SERVER_KEY,
    WEBHOOK_SECRET,
    Bought,
    Said,
    digiflazz_body,
    digiflazz_signature,
    midtrans_body,
)

SECOND = 1_000_000
START = 1_800_000_000 * SECOND


def make_template(folder: Path) -> Path:
    """An empty state database, to be copied: migrating takes longer than a story."""
    path = folder / "template.db"
    engine = make_engine(f"sqlite:///{path}")
    bring_up_to_date(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@lru_cache
def senders(policy: str) -> dict[str, OrderCallbackHandler]:
    """The real handlers, under `MIDTRANS_CONFIRM=policy`, or without any secret."""
    secrets = {"midtrans_server_key": SERVER_KEY, "digiflazz_webhook_secret": WEBHOOK_SECRET}
    values = {} if policy == "unverified" else {**secrets, "midtrans_confirm": policy}
    settings = Settings.model_validate(values)
    handlers = (MidtransCallbackHandler(settings=settings), DigiflazzCallbackHandler(settings=settings))
    return {handler.provider: handler for handler in handlers}


class Ledger:
    """One shop's state database, and a clock that only `wait` moves."""

    def __init__(self, template: Path, path: Path, policy: str) -> None:
        shutil.copyfile(template, path)
        for leftover in ("-wal", "-shm"):
            Path(f"{path}{leftover}").unlink(missing_ok=True)
        self.engine: Engine = make_engine(f"sqlite:///{path}", "worker")
        self.senders = senders(policy)
        self.policy = self.senders["midtrans"].policy()
        self.now = START
        self.callbacks: list[Callback] = []

    def close(self) -> None:
        self.engine.dispose()

    # --- being told -------------------------------------------------------------------------------------------------

    def announce(self, order: Order) -> str:
        new = NewOrder(order.order_id, order.user, order.kind, order.amount, order.provider, order.currency)
        with self.refusals(), writing(self.engine) as connection:
            return "announced" if announce(connection, new, at=self.now, policy=self.policy).created else "again"

    def hear(self, said: Said | Bought) -> str:
        return self.hear_all([said])[0]

    def hear_all(self, sayings: Sequence[Said | Bought]) -> list[str]:
        """One batch of the worker: one transaction."""
        taken = [self.take(said) for said in sayings]
        with writing(self.engine) as connection:
            for provider, group in groupby(taken, key=lambda callback: callback.provider):
                callbacks = list(group)
                outcomes = self.senders[provider].apply(connection, callbacks, self.now)
                write_outcomes(connection, callbacks, outcomes, epoch_no=1, at=self.now)
        return self.outcomes()[-len(taken) :]

    def take(self, said: Said | Bought) -> Callback:
        """What the receiver makes of it: proved, and kept with its bytes."""
        body = midtrans_body(said) if isinstance(said, Said) else digiflazz_body(said)
        provider = "midtrans" if isinstance(said, Said) else "digiflazz"
        headers = {b"x-hub-signature": digiflazz_signature(body).encode()}
        verification = self.senders[provider].verify(Request(provider, body, headers, "", self.now), self.now)
        assert verification.ok, verification
        number = START + len(self.callbacks)
        callback = Callback(number, 0, provider, "", "", "", self.now, "", body, verification.how, "")
        self.callbacks.append(callback)
        return callback

    def answer(self, order_id: str, attempt: str, reply: Reply) -> str:
        with writing(self.engine) as connection:
            number = self.number_of(connection, order_id)
            asked = connection.execute(
                text("SELECT id, created_at FROM callback_tasks WHERE key = :key AND state = 'ready'"),
                {"key": question_key(number, attempt)},
            ).first()
            if asked is None:
                return "not_asked"
            waiting = connection.execute(
                text("SELECT callback_id FROM callback_pending WHERE order_no=:no AND attempt=:a AND state='in_doubt'"),
                {"no": number, "a": attempt},
            ).scalars()
            ids = list(waiting)
            again = settle(
                connection,
                number,
                attempt,
                answer_of(reply),
                asked_since=asked.created_at,
                at=self.now,
                policy=self.policy,
            )
            if not again:
                connection.execute(text("UPDATE callback_tasks SET state = 'done' WHERE id = :id"), {"id": asked.id})
            words = {self.outcome_of(connection, callback_id) for callback_id in ids}
        return "+".join(sorted(words)) or "answered"

    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    def retry(self) -> None:
        """Every dead letter is decided anew, in a transaction of its own."""
        with reading(self.engine) as connection:
            dead = list(connection.execute(text("SELECT ref FROM callback_dead WHERE closed_at IS NULL")).scalars())
        for number in dead:
            with writing(self.engine) as connection:
                decide_again(connection, self.senders, self.callbacks[number - START], who="siti", at=self.now)

    def resolve(self, order_id: str, word: str, amount: int, key: str, attempt: str) -> str:
        said = Resolution(word, "siti", "the bank says so", amount or None, key, attempt)
        with self.refusals(), writing(self.engine) as connection:
            resolve(connection, order_id, said, at=self.now, policy=self.policy)
        return str(OutcomeWord.APPLIED)

    def adjust(self, user: str, amount: int) -> None:
        with writing(self.engine) as connection:
            adjust(connection, user, amount, who="siti", reason="opening", at=self.now, policy=self.policy)

    @contextmanager
    def refusals(self) -> Iterator[None]:
        try:
            yield
        except OrderConflict as error:
            raise Refused("409") from error
        except BalanceTooSmall as error:
            raise Refused("402") from error
        except ResolutionRefused as error:
            raise Refused("refused") from error

    # --- looking ----------------------------------------------------------------------------------------------------

    @staticmethod
    def number_of(connection: Connection, order_id: str) -> int:
        statement = text("SELECT id FROM callback_orders WHERE order_id = :id AND announced_at IS NOT NULL")
        return int(connection.execute(statement, {"id": order_id}).scalar_one())

    @staticmethod
    def outcome_of(connection: Connection, callback_id: int) -> str:
        statement = text("SELECT outcome FROM callback_outcomes WHERE callback_id = :id")
        return str(connection.execute(statement, {"id": callback_id}).scalar_one())

    def outcomes(self) -> list[str]:
        with reading(self.engine) as connection:
            return list(
                connection.execute(text("SELECT outcome FROM callback_outcomes ORDER BY callback_id")).scalars()
            )

    def picture(self) -> Picture:
        with reading(self.engine) as connection:
            ask = connection.exec_driver_sql
            rows = ask("SELECT name, balance FROM callback_accounts WHERE balance IS NOT NULL").all()
            balances: dict[str, int] = {name: total for name, total in rows}  # noqa: C416 - rows are no pairs to mypy
            numbers = ask("SELECT id FROM callback_orders WHERE announced_at IS NOT NULL ORDER BY order_id").scalars()
            cases = Cases(connection).open_numbers(list(numbers))
            alerts = ask("SELECT kind, subject FROM callback_alerts WHERE closed_at IS NULL").all()
            asked = ask("SELECT payload FROM callback_tasks WHERE kind = 'ask' AND state = 'ready'").scalars()
            questions = [json.loads(payload) for payload in asked]
            return Picture(
                wallets={name[7:]: total for name, total in sorted(balances.items()) if name.startswith("wallet:")},
                held={name[5:]: total for name, total in sorted(balances.items()) if name.startswith("held:")},
                shown={case.order_id: frozenset({case.effect().status}) for case in cases},
                alerts=frozenset((kind, subject.partition(":")[2]) for kind, subject in alerts),
                asked=frozenset((question["order_id"], question["attempt"]) for question in questions),
            )

    def check_books(self) -> None:
        """Each journal sums to zero, each balance is the sum of its postings, the system's accounts are minus all."""
        with reading(self.engine) as connection:
            ask = connection.exec_driver_sql
            crooked = ask(
                "SELECT journal_id, sum(amount) FROM callback_postings GROUP BY journal_id HAVING sum(amount)"
            )
            assert not crooked.all()
            orphans = ask("SELECT journal_id FROM callback_postings EXCEPT SELECT id FROM callback_journals")
            assert not orphans.all()
            sums = ask(
                "SELECT a.name, a.balance, coalesce(sum(p.amount), 0) FROM callback_accounts AS a"
                " LEFT JOIN callback_postings AS p ON p.account_no = a.id GROUP BY a.id"
            ).all()
        assert all(balance in (None, total) for _, balance, total in sums), sums
        assert sum(total for _, balance, total in sums if balance is None) == -sum(row[1] or 0 for row in sums)
        assert all(total >= 0 for name, _, total in sums if name.startswith("held:")), sums


def answer_of(reply: Reply) -> Answer:
    """What the status API's client makes of a reply."""
    if isinstance(reply, Said):
        body = midtrans_body(reply)
        return Answer("found", facts_of(body, Level.CONFIRMED), body)
    return Answer({"unknown": "unknown", "down": "unavailable", "key_refused": "key_refused"}[reply])  # type: ignore[arg-type] # its words


__all__ = ["Ledger", "make_template"]
