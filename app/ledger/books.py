"""Reads the books: an order with its facts and journals, a wallet, a statement; changes nothing."""

from collections.abc import Iterable, Sequence

import msgspec
import orjson
from sqlalchemy import Connection, text

from app.core.ends import ID_MAX
from app.core.money import Minor
from app.ledger.cases import NO_AMOUNT
from app.ledger.facts import Fact, FactKind, Level


class OrderRow(msgspec.Struct, frozen=True):
    """An order as the books have it; amounts in minor units, times in microseconds UTC."""

    no: int
    provider: str
    order_id: str
    announced_at: int | None  # None: callbacks told of it, nobody announced it
    kind: str
    user_id: str
    amount: Minor
    currency: str
    wallet_no: int | None
    held_no: int | None
    product: str
    customer_no: str
    cost: Minor | None
    fee: Minor | None


class FactRow(msgspec.Struct, frozen=True):
    """A fact, how well it is proved, and who told it first (a callback's id; below zero a cause's)."""

    fact: Fact
    level: Level
    source_id: int
    told_at: int


class PostingRow(msgspec.Struct, frozen=True):
    """One line of a journal."""

    journal_id: int
    at: int
    account: str
    amount: Minor
    balance: Minor  # after it; 0 of a system account


class CauseRow(msgspec.Struct, frozen=True):
    """What caused facts or journals and is no callback; its id is below zero."""

    id: int
    kind: str  # `announcement`, `answer`, `person`
    order_no: int | None
    callback_id: int | None
    who: str
    reason: str
    body: bytes | None
    at: int


class NoticeRow(msgspec.Struct, frozen=True):
    """What the user was told, as a status; rendered when it is shown."""

    at: int
    source_id: int
    status: str


class WalletRow(msgspec.Struct, frozen=True):
    """A user's money."""

    user_id: str
    balance: Minor
    held: Minor
    currency: str


class EntryRow(msgspec.Struct, frozen=True):
    """One line of a wallet's statement: what moved, and the balance after it."""

    posting_id: int
    journal_id: int
    at: int
    amount: Minor
    balance: Minor
    order_id: str | None
    kind: str  # the order's kind, or `adjustment`
    reason: str  # a person's


class Imbalance(msgspec.Struct, frozen=True):
    """Something in the books that does not add up."""

    what: str  # `journal`, `account`, `currency`, `lost_posting`
    subject: str
    expected: Minor
    found: Minor


_ORDER = (
    "SELECT id, provider, order_id, announced_at, kind, user_id, amount, currency, wallet_no, held_no, product,"
    " customer_no, cost, fee FROM callback_orders"
)


def order_of(connection: Connection, order_id: str) -> OrderRow | None:
    """The announced order of this id."""
    row = connection.execute(
        text(f"{_ORDER} WHERE order_id = :id AND announced_at IS NOT NULL"), {"id": order_id}
    ).first()
    return OrderRow(*row) if row is not None else None


def order_no(connection: Connection, number: int) -> OrderRow | None:
    """The order with this number, announced or not."""
    row = connection.execute(text(f"{_ORDER} WHERE id = :no"), {"no": number}).first()
    return OrderRow(*row) if row is not None else None


def order_ids(connection: Connection, numbers: Iterable[int | None]) -> dict[int, str]:
    """Orders' numbers → their ids."""
    wanted = sorted({number for number in numbers if number is not None})
    rows = connection.execute(
        text("SELECT id, order_id FROM callback_orders WHERE id IN (SELECT value FROM json_each(:ids))"),
        {"ids": orjson.dumps(wanted).decode()},
    )
    return {row[0]: row[1] for row in rows}


def numbers_of(connection: Connection, order_id: str) -> list[int]:
    """The orders of this id, announced or not, whichever sender they wait for."""
    rows = connection.execute(text("SELECT id FROM callback_orders WHERE order_id = :id ORDER BY id"), {"id": order_id})
    return list(rows.scalars())


def numbers_of_user(connection: Connection, user_id: str, *, rows_max: int) -> list[int]:
    """The newest orders of a user, by the wallet they move."""
    rows = connection.execute(
        text(
            "SELECT id FROM callback_orders WHERE wallet_no IN (SELECT id FROM callback_accounts WHERE name = :wallet)"
            " AND wallet_no IS NOT NULL ORDER BY id DESC LIMIT :rows"
        ),
        {"wallet": f"wallet:{user_id}", "rows": rows_max},
    )
    return list(rows.scalars())


def announced_since(connection: Connection, user_id: str, prefix: str, since: int) -> list[OrderRow]:
    """Of a user's newest hundred orders those whose ids begin so and that were announced since then (microseconds)."""
    rows = connection.execute(
        text(
            f"{_ORDER} WHERE id IN (SELECT id FROM callback_orders WHERE wallet_no IN"
            " (SELECT id FROM callback_accounts WHERE name = :wallet) AND wallet_no IS NOT NULL"
            " ORDER BY id DESC LIMIT 100) AND announced_at > :since AND substr(order_id, 1, :chars) = :prefix"
            " ORDER BY id DESC"
        ),
        {"wallet": f"wallet:{user_id}", "since": since, "prefix": prefix, "chars": len(prefix)},
    )
    return [OrderRow(*row) for row in rows]


def order_ids_of_user(connection: Connection, user_id: str, order_ids: Iterable[str]) -> set[str]:
    """Those of these ids that are announced orders of this user."""
    rows = connection.execute(
        text(
            "SELECT order_id FROM callback_orders WHERE order_id IN (SELECT value FROM json_each(:ids))"
            " AND announced_at IS NOT NULL AND user_id = :user"
        ),
        {"ids": orjson.dumps(sorted(set(order_ids))).decode(), "user": user_id},
    )
    return set(rows.scalars())


def users_of(connection: Connection, orders: Iterable[str]) -> dict[str, str]:
    """Ids of announced orders → whose they are."""
    rows = connection.execute(
        text(
            "SELECT order_id, user_id FROM callback_orders WHERE announced_at IS NOT NULL"
            " AND order_id IN (SELECT value FROM json_each(:ids))"
        ),
        {"ids": orjson.dumps(sorted(set(orders))).decode()},
    )
    return {row[0]: row[1] for row in rows}


def facts_of(connection: Connection, number: int) -> list[FactRow]:
    """All facts of an order, in the order in which they were told."""
    rows = connection.execute(
        text(
            "SELECT kind, attempt, key, amount, level, source_id, told_at FROM callback_facts WHERE order_no = :no"
            " ORDER BY told_at, source_id, kind, attempt, key, amount"
        ),
        {"no": number},
    )
    return [
        FactRow(
            Fact(FactKind(kind), attempt, key, None if amount == NO_AMOUNT else amount),
            Level(level),
            source_id,
            told_at,
        )
        for kind, attempt, key, amount, level, source_id, told_at in rows
    ]


_CAUSE = "SELECT -id, kind, order_no, callback_id, who, reason, body, at FROM callback_causes"


def causes_of(connection: Connection, number: int) -> list[CauseRow]:
    """Announcement, answers and persons' words about an order, oldest first."""
    rows = connection.execute(text(f"{_CAUSE} WHERE order_no = :no ORDER BY id"), {"no": number})
    return [CauseRow(*row) for row in rows]


def cause(connection: Connection, cause_id: int) -> CauseRow | None:
    """The cause with this id, which is below zero."""
    row = connection.execute(text(f"{_CAUSE} WHERE id = :id"), {"id": -cause_id}).first()
    return CauseRow(*row) if row is not None else None


def notices_of(connection: Connection, number: int, sources: Iterable[int]) -> list[NoticeRow]:
    """What the user was told about an order, oldest first; `sources` as for `postings_of`, for the same reason."""
    rows = connection.execute(
        text(
            "SELECT n.at, n.source_id, n.status FROM json_each(:sources) AS j CROSS JOIN callback_notices AS n"
            " ON n.source_id = j.value AND n.order_no = :no ORDER BY n.at, n.source_id"
        ),
        {"no": number, "sources": orjson.dumps(sorted(set(sources))).decode()},
    )
    return [NoticeRow(*row) for row in rows]


def postings_of(connection: Connection, order: OrderRow, sources: Iterable[int]) -> list[PostingRow]:
    """The journals of an order, oldest first; `sources`: all that told a fact of it or caused something.

    Every journal has the id of what caused it. There is no index from orders to journals (it would make every
    callback dearer), and none is needed: whatever moves an order's money adds or confirms a fact of it.
    """
    rows = connection.execute(
        text(
            "SELECT j.id, j.at, a.name, p.amount, p.balance FROM callback_journals AS j"
            " CROSS JOIN callback_postings AS p ON p.id >= j.first_posting AND p.id < j.first_posting + j.posting_count"
            " AND p.journal_id = j.id CROSS JOIN callback_accounts AS a ON a.id = p.account_no"
            " WHERE j.id IN (SELECT value FROM json_each(:sources)) AND j.order_no = :no ORDER BY j.at, j.id, a.id"
        ),
        {"sources": orjson.dumps(sorted(set(sources))).decode(), "no": order.no},
    )
    return [PostingRow(*row) for row in rows]


def wallet_of(connection: Connection, user_id: str) -> WalletRow | None:
    """A user's wallet, None when there never was one."""
    rows = connection.execute(
        text("SELECT name, balance, currency FROM callback_accounts WHERE name IN (:wallet, :held)"),
        {"wallet": f"wallet:{user_id}", "held": f"held:{user_id}"},
    ).all()
    found = {row[0]: row for row in rows}
    wallet, held = found.get(f"wallet:{user_id}"), found.get(f"held:{user_id}")
    return WalletRow(user_id, wallet[1], held[1] if held else 0, wallet[2]) if wallet else None


#: A wallet's chain of postings, newest first, from `:start` on.
_CHAIN = (
    "WITH RECURSIVE chain (id, nth) AS (SELECT :start, 1 UNION ALL SELECT p.before, nth + 1 FROM chain"
    " CROSS JOIN callback_postings AS p ON p.id = chain.id WHERE p.before BETWEEN 1 AND p.id - 1"
    " AND nth < :rows) "
)
_ENTRY = (
    "SELECT p.id, p.journal_id, p.at, p.amount, p.balance, o.order_id, coalesce(o.kind, 'adjustment'),"
    " coalesce(c.reason, '') FROM {ids} CROSS JOIN callback_postings AS p ON p.id = {id}"
    " JOIN callback_journals AS j ON j.id = p.journal_id LEFT JOIN callback_orders AS o ON o.id = j.order_no"
    " LEFT JOIN callback_causes AS c ON c.id = -p.journal_id"
)
_ENTRIES_BACK = text(f"{_CHAIN}{_ENTRY.format(ids='chain', id='chain.id')} ORDER BY chain.nth")
_ENTRIES = text(f"{_ENTRY.format(ids='json_each(:ids) AS e', id='e.value')} ORDER BY e.key")
_CHAIN_IDS = text(f"{_CHAIN}SELECT id FROM chain WHERE id > 0 ORDER BY nth")


def entries_from(connection: Connection, posting_id: int, *, rows_max: int) -> list[EntryRow]:
    """A wallet's statement, newest first, from this posting on; 0: nothing."""
    rows = connection.execute(_ENTRIES_BACK, {"start": posting_id, "rows": rows_max})
    return [EntryRow(*row) for row in rows]


def posting_ids_of(connection: Connection, user_id: str) -> list[int]:
    """All postings of a wallet, oldest first."""
    start = newest_of(connection, user_id)
    return list(connection.execute(_CHAIN_IDS, {"start": start, "rows": ID_MAX}).scalars())[::-1]


def entries(connection: Connection, posting_ids: Sequence[int]) -> list[EntryRow]:
    """These lines of a statement, in this order."""
    rows = connection.execute(_ENTRIES, {"ids": orjson.dumps(posting_ids).decode()})
    return [EntryRow(*row) for row in rows]


def newest_of(connection: Connection, user_id: str) -> int:
    """A wallet's newest posting; 0 where there is none."""
    found = connection.execute(
        text("SELECT last_posting FROM callback_accounts WHERE name = :name"), {"name": f"wallet:{user_id}"}
    ).scalar()
    return int(found or 0)


def before(connection: Connection, user_id: str, posting_id: int) -> int | None:
    """The wallet's posting before this one, 0 before its first; None where this is none of its postings."""
    found = connection.execute(
        text(
            "SELECT p.before FROM callback_postings AS p JOIN callback_accounts AS a ON a.id = p.account_no"
            " WHERE p.id = :id AND a.name = :name"
        ),
        {"id": posting_id, "name": f"wallet:{user_id}"},
    ).scalar()
    return None if found is None else int(found)
