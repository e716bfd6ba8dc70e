"""Honest books of every kind of money on a real log and a real state, for the tests of the audit."""

from pathlib import Path

from sqlalchemy import text

from app.callbacks.base.base_handlers import OrderCallbackHandler
from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler
from app.callbacks.ppob.ppob_callbacks import DigiflazzCallbackHandler
from app.core.config import Settings
from app.core.database import writing
from app.engine.callback import Request
from app.engine.log import Log, open_log
from app.engine.log.sqlite_file import LogFile
from app.engine.receive import row_of
from app.engine.worker import Worker
from app.ledger.answers import settle
from app.ledger.book import Policy
from app.ledger.persons import Resolution, adjust, resolve
from app.operate.audit import audit
from app.operate.audit.shown import AuditShown
from tests.ledger.sayings import (
    SERVER_KEY,
    WEBHOOK_SECRET,
    Bought,
    Said,
    digiflazz_body,
    digiflazz_signature,
    midtrans_body,
)
from tests.ledger.world import answer_of
from tests.operate.shop import Shop

PAID = "100000.00"


class Books:
    """A shop, its log, and a worker that is run by hand."""

    def __init__(self, folder: Path, *, key: str = SERVER_KEY) -> None:
        self.folder = folder
        self.shop = Shop(folder)
        self.log: Log = open_log(f"sqlite:///{folder}/log.db", server=False)
        self.handlers: dict[str, OrderCallbackHandler] = {}
        self.sign_with(key)

    def sign_with(self, key: str) -> None:
        """The secrets that are set from now on."""
        settings = Settings.model_validate({"midtrans_server_key": key, "digiflazz_webhook_secret": WEBHOOK_SECRET})
        handlers = (MidtransCallbackHandler(settings=settings), DigiflazzCallbackHandler(settings=settings))
        self.handlers = {handler.provider: handler for handler in handlers}

    def hear(self, said: Said | Bought) -> int:
        """A callback that was proved, kept and decided → its id."""
        body = midtrans_body(said) if isinstance(said, Said) else digiflazz_body(said)
        name = "midtrans" if isinstance(said, Said) else "digiflazz"
        at, handler = self.shop.tick(), self.handlers[name]
        request = Request(name, body, {b"x-hub-signature": digiflazz_signature(body).encode()}, "::1", at)
        verification = handler.verify(request, at)
        assert verification.ok, verification
        number = self.log.write_batch([row_of(handler, request, handler.identify(request), verification, name)])
        worker = Worker(self.log, self.shop.engine, self.handlers, clock=self.shop.tick)
        worker.begin()
        while worker.step():
            pass
        worker.end()
        return number

    def answer(self, said: Said) -> None:
        """The status API's answer to what is in doubt."""
        with writing(self.shop.engine) as connection:
            number = connection.execute(
                text("SELECT id FROM callback_orders WHERE order_id = :id"), {"id": said.order}
            ).scalar_one()
            policy = self.handlers["midtrans"].policy()
            at = self.shop.tick()
            settle(connection, number, said.attempt or "", answer_of(said), asked_since=at, at=at, policy=policy)

    def audit(self, *, since: int | None = None) -> AuditShown:
        return audit(self.shop.engine, self.log, self.handlers, lang="en", since=since)

    def wrong(self, *, since: int | None = None) -> set[tuple[str, str]]:
        """What an audit finds: kind, and what it is about."""
        return {(found.kind, found.subject) for found in self.audit(since=since).findings}

    def unproved(self) -> dict[str, int]:
        return {each.reason: each.count for each in self.audit().unproved}

    def spoil(self, *statements: str) -> None:
        """Damage in the state, past all that guards it."""
        with self.shop.engine.connect() as connection, connection.begin():
            for statement in statements:
                connection.execute(text(statement))

    def spoil_log(self, statement: str) -> None:
        """Damage in the log."""
        file = LogFile(f"{self.folder}/log.db", busy_ms=1000)
        with file.writing() as connection:
            connection.execute(statement)
        file.let_go()

    def rewrite(self, attempt: str, was: bytes, becomes: bytes) -> None:
        """Change the bytes of all callbacks about this attempt in the log."""
        file = LogFile(f"{self.folder}/log.db", busy_ms=1000)
        with file.writing() as connection:
            for callback_id, body in connection.execute("SELECT id, body FROM callbacks").fetchall():
                assert isinstance(body, bytes)
                if f'"{attempt}"'.encode() in body:
                    changed = (body.replace(was, becomes), callback_id)
                    connection.execute("UPDATE callbacks SET body = ? WHERE id = ?", changed)
        file.let_go()

    def value(self, query: str) -> int:
        with self.shop.engine.connect() as connection:
            return int(connection.execute(text(query)).scalar_one())

    def close(self) -> None:
        self.log.close()
        self.shop.engine.dispose()


def open_shop(books: Books) -> None:
    """Every way in which money moves: paid, told twice, refunded, bought, given back, by persons, late."""
    with writing(books.shop.engine) as connection:
        adjust(connection, "ani", 5_000_000, who="siti", reason="opening", at=books.shop.tick(), policy=policy(books))
    for number in (1, 2, 3):
        books.shop.announce(f"TU-{number}")
    books.hear(Said("TU-1", "settlement", gross=PAID))
    books.hear(Said("TU-1", "settlement", gross=PAID))
    books.hear(Said("TU-2", "pending", "201", gross=PAID, attempt="T2"))
    books.hear(Said("TU-2", "settlement", gross=PAID, attempt="T2"))
    refund = Said("TU-2", "partial_refund", gross=PAID, attempt="T2", refunds=(("r1", "30000.00"),), in_all="30000.00")
    books.hear(refund)
    books.answer(refund)
    with writing(books.shop.engine) as connection:
        said = Resolution("paid", "siti", "the bank says so")
        resolve(connection, "TU-3", said, at=books.shop.tick(), policy=policy(books))
    for number in (1, 2):
        books.shop.announce(f"BUY-{number}", kind="ppob", amount="20000.00")
    books.hear(Bought("BUY-1", "Sukses", "00", "SN-1", 19_000))
    books.hear(Bought("BUY-2", "Gagal", "02"))
    books.hear(Said("TU-4", "settlement", gross=PAID, attempt="T4"))
    books.shop.announce("TU-4", "budi")
    books.hear(Said("TU-9", "settlement", gross="1.00", attempt="T9"))


def policy(books: Books) -> Policy:
    return books.handlers["midtrans"].policy()
