"""The ledger's open page, the only writer of money: what is to be written about the orders in hand, a list a table.

Statements are plain SQL by the raw driver inside the caller's transaction: through SQLAlchemy Core they cost twice the
processor time. What goes in is exactly str and int: for anything else, an enum's member or None, the driver asks for an
adapter, which costs as much as the row (1 to 3 microseconds a value).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import orjson
from sqlalchemy import Connection

from app.core.money import Minor
from app.engine.outcomes import Alert, driver, raise_alerts, settle_alerts
from app.engine.tasks.queue import NewTask, enqueue
from app.ledger.cases import NO_AMOUNT, Case, Cases, Waiting
from app.ledger.facts import Fact, Level, Told
from app.ledger.judgement import Confirm
from app.ledger.postings import NOTHING_MOVED, Account, Posting, balanced, journal

#: What a user is told of: what caused it, the order's number, its status, when. Plain: one is made for each payment.
Noticed: TypeAlias = tuple[int, int, str, int]

#: What was heard longer ago and is decided only now (an imported log) is news to nobody.
NEWS_US = 7 * 86_400 * 1_000_000


class Policy(msgspec.Struct, frozen=True, gc=False):
    """How doubts are treated, and who carries notices on; made from the settings."""

    confirm: Confirm = "doubt"
    unknown_after: int = 300_000_000  # microseconds until a payment that the API does not know is rejected
    less_after: int = 3_600_000_000  # microseconds until a callback that the API confirms only in part is rejected
    #: gets those notices of a batch that are news, in its transaction, once they and all else are written
    notify: Callable[[Connection, Sequence[Noticed]], None] | None = None


_encode = msgspec.json.encode


class Book:
    """Collects what a batch of callbacks changes, and writes it."""

    def __init__(self, connection: Connection, *, at: int, policy: Policy) -> None:
        """`connection` stands in a writing transaction; `at` is now, in microseconds."""
        self.connection = connection
        self.raw = driver(connection)
        self.at = at
        self.policy = policy
        self.cases = Cases(connection)
        self._facts: list[tuple[Any, ...]] = []
        self._journals: list[tuple[int, int | None, int]] = []  # id, order, number of postings
        self._postings: list[tuple[int, int, Minor]] = []  # account, journal, amount; those of a journal together
        self._moved: dict[int, Minor] = {}
        self._costs: list[Case] = []
        self._pending: list[tuple[Any, ...]] = []
        self._notices: list[Noticed] = []
        self._no_news: set[Noticed] = set()
        self._alerts: list[Alert] = []
        self._settled: list[tuple[str, str]] = []
        self._tasks: dict[str, NewTask] = {}
        self._system: dict[tuple[Account, str, str], int] = {}

    # putting down

    def note(self, case: Case, facts: Mapping[Fact, Level], *, source_id: int) -> bool:
        """Add or raise facts without looking at money → whether any was new or better."""
        known, fresh = case.known, False
        for fact, level in facts.items():
            if known.get(fact, -1) >= level:
                continue
            fresh = True
            known[fact] = level
            amount = NO_AMOUNT if fact.amount is None else fact.amount
            row = (case.no, str(fact.kind), fact.attempt, fact.key, amount, int(level), source_id, self.at)
            self._facts.append(row)
        return fresh

    def learn(self, case: Case, facts: Mapping[Fact, Level], *, source_id: int, heard_at: int | None = None) -> None:
        """Add or raise facts, and what follows: the difference of the effects as a journal, status, alerts, notice.

        `heard_at`: when it was told, where that was not now.
        """
        before = case.effect()
        if not self.note(case, facts, source_id=source_id):
            return
        case.before = None
        after = case.effect()
        if after == before:
            return
        self.post(case, journal(before.position, after.position), source_id=source_id)
        if after.status != before.status:
            self._notices.append((source_id, case.no, after.status, self.at))
            if heard_at is not None and heard_at < self.at - NEWS_US:
                self._no_news.add(self._notices[-1])
        if after.alerts != before.alerts:
            subject = f"order:{case.order_id}"
            self._alerts.extend(Alert(kind, subject) for kind in sorted(after.alerts - before.alerts))
            self._settled.extend((kind, subject) for kind in sorted(before.alerts - after.alerts))

    def hold(self, case: Case, *, source_id: int) -> None:
        """Post what announcing the order moves: a purchase's hold."""
        self.post(case, journal(NOTHING_MOVED, case.effect().position), source_id=source_id)

    def post(self, case: Case, postings: Sequence[Posting], *, source_id: int) -> None:
        """Put down a journal of these postings, caused by `source_id`."""
        if not postings:
            return
        written, moved = self._postings, self._moved
        self._journals.append((source_id, case.no, len(postings)))
        for account, amount in postings:
            if account is Account.WALLET:
                number = case.wallet_no
            elif account is Account.HELD:
                number = case.held_no
            else:
                named = case.provider if account is Account.CLEARING else case.order.kind
                number = self.system_account(account, named, case.order.currency)
                written.append((number, source_id, amount))
                continue
            written.append((number, source_id, amount))
            moved[number] = moved.get(number, 0) + amount

    def moved(self, account_no: int) -> Minor:
        """What this page has moved on a user's account so far."""
        return self._moved.get(account_no, 0)

    def balance(self, case: Case) -> Minor:
        """The balance of the order's wallet, this page included."""
        row = self.raw.execute("SELECT balance FROM callback_accounts WHERE id = ?", (case.wallet_no,)).fetchone()
        return int(row[0]) + self.moved(case.wallet_no)

    def wallet(self, user_id: str, currency: str = "IDR") -> tuple[int, str]:
        """Number and currency of a user's wallet, made when it does not exist."""
        find = ("SELECT id, currency FROM callback_accounts WHERE name = ?", (f"wallet:{user_id}",))
        row = self.raw.execute(*find).fetchone()
        if row is None:
            self.raw.execute(
                "INSERT INTO callback_accounts (name, currency, balance) VALUES (?, ?, 0)",
                (f"wallet:{user_id}", currency),
            )
            row = self.raw.execute(*find).fetchone()
        return int(row[0]), str(row[1])

    def adjust(self, account_no: int, currency: str, amount: Minor, *, source_id: int) -> None:
        """A journal between a wallet and `adjustment`."""
        other = self.system_account(Account.ADJUSTMENT, "", currency)
        numbers = {Account.WALLET: account_no, Account.ADJUSTMENT: other}
        postings = balanced((Posting(Account.WALLET, amount), Posting(Account.ADJUSTMENT, -amount)))
        self._journals.append((source_id, None, len(postings)))
        for account, moved in postings:
            self._postings.append((numbers[account], source_id, moved))
        self._moved[account_no] = self._moved.get(account_no, 0) + amount

    def system_account(self, account: Account, named: str, currency: str) -> int:
        """The number of an account without running balance, made when it is first needed."""
        number = self._system.get((account, named, currency))
        if number is None:
            name = f"{account}:{named}" if named else str(account)
            find = ("SELECT id FROM callback_accounts WHERE name = ? AND currency = ?", (name, currency))
            row = self.raw.execute(*find).fetchone()
            if row is None:
                self.raw.execute("INSERT INTO callback_accounts (name, currency) VALUES (?, ?)", (name, currency))
                row = self.raw.execute(*find).fetchone()
            number = self._system[account, named, currency] = int(row[0])
        return number

    def park(self, case: Case, waiting: Waiting) -> None:
        """Keep what was told until the order is announced."""
        self._pend(case, waiting, "parked", "")

    def doubt(self, case: Case, waiting: Waiting) -> None:
        """Keep what was told until the sender's API has answered."""
        notice = waiting.told.notice
        self._pend(case, waiting, "in_doubt", notice.attempt if notice else "")

    def _pend(self, case: Case, waiting: Waiting, state: str, attempt: str) -> None:
        told = _encode(waiting.told)
        self._pending.append((waiting.callback_id, case.no, state, attempt, int(waiting.level), told, self.at))

    def ask(self, case: Case, attempts: Iterable[str], *, callback_id: int) -> None:
        """Open a question to the sender's API about each attempt; one that is open already stays one."""
        for attempt in attempts:
            key = question_key(case.no, attempt)
            payload = orjson.dumps({"order_id": case.order_id, "attempt": attempt}).decode()
            self._tasks[key] = NewTask(key, "ask", case.provider, payload, self.at, case.no, callback_id)

    def alert(self, case: Case, kind: str, detail: Mapping[str, Any]) -> None:
        """Open an alert about this order."""
        self._alerts.append(Alert(kind, f"order:{case.order_id}", detail))

    def keep_costs(self, case: Case, told: Told, *, paid: bool) -> None:
        """Keep beside the order what the shop pays its supplier, and the fee that the payer bore."""
        cost = case.cost if told.cost is None else told.cost
        fee = told.fee if paid and told.fee is not None else case.fee
        if (cost, fee) != (case.cost, case.fee):
            case.cost, case.fee = cost, fee
            self._costs.append(case)

    def cause(self, kind: str, case: Case | None, *, callback_id: int | None = None, **more: Any) -> int:
        """Keep what caused a change and is no callback → its negative id. `more`: who, reason, body."""
        row = self.raw.execute(
            "INSERT INTO callback_causes (kind, order_no, callback_id, who, reason, body, at)"
            " VALUES (?,?,?,?,?,?,?) RETURNING id",
            (
                kind,
                case.no if case else None,
                callback_id,
                more.get("who", ""),
                more.get("reason", ""),
                more.get("body"),
                self.at,
            ),
        ).fetchone()
        return -int(row[0])

    # writing

    def write(self) -> None:
        """Write all that was put down: one statement a table."""
        many = self.raw.executemany
        if self._facts:
            many(
                "INSERT INTO callback_facts (order_no, kind, attempt, key, amount, level, source_id, told_at)"
                " VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET level = excluded.level"
                " WHERE excluded.level > level",
                self._facts,
            )
        if self._journals:
            self._write_journals()
            self._watch_balances()
        if self._costs:
            many("UPDATE callback_orders SET cost=?, fee=? WHERE id=?", [(c.cost, c.fee, c.no) for c in self._costs])
        if self._notices:
            many(
                "INSERT INTO callback_notices (source_id, order_no, status, at) VALUES (?,?,?,?)"
                " ON CONFLICT DO NOTHING",
                self._notices,
            )
        if self._pending:
            many(
                "INSERT INTO callback_pending (callback_id, order_no, state, attempt, level, told, since)"
                " VALUES (?,?,?,?,?,?,?) ON CONFLICT (callback_id) DO UPDATE SET state = excluded.state,"
                " attempt = excluded.attempt, since = excluded.since",
                self._pending,
            )
        if self._tasks:
            enqueue(self.connection, list(self._tasks.values()), self.at, reopen=True)
        raise_alerts(self.connection, self._alerts, at=self.at)
        settle_alerts(self.connection, self._settled, by="facts", at=self.at)
        if self._notices and self.policy.notify is not None:
            told = [each for each in self._notices if each not in self._no_news] if self._no_news else self._notices
            self.policy.notify(self.connection, told)

    def _write_journals(self) -> None:
        """Journals, their postings one after another, and the balances and chains of users' accounts."""
        first = int(self.raw.execute("SELECT coalesce(max(id), 0) FROM callback_postings").fetchone()[0]) + 1
        journals, place = [], first
        for journal_id, order_no, count in self._journals:
            journals.append((journal_id, order_no, self.at, place, count))
            place += count
        accounts: dict[int, tuple[Minor, int]] = {
            row[0]: (row[1], row[2])
            for row in self.raw.execute(
                "SELECT a.id, a.balance, a.last_posting FROM json_each(?) AS j"
                " CROSS JOIN callback_accounts AS a ON a.id = j.value",
                (orjson.dumps(sorted(self._moved)),),
            )
        }
        postings = []
        for number, (account, journal_id, amount) in enumerate(self._postings, first):
            balance = last = 0
            if (before := accounts.get(account)) is not None:
                balance, last = before[0] + amount, before[1]
                accounts[account] = (balance, number)
            postings.append((number, account, self.at, journal_id, amount, balance, last))
        many = self.raw.executemany
        many(
            "INSERT INTO callback_journals (id, order_no, at, first_posting, posting_count) VALUES (?,?,?,?,?)",
            journals,
        )
        many(
            "INSERT INTO callback_postings (id, account_no, at, journal_id, amount, balance, before)"
            " VALUES (?,?,?,?,?,?,?)",
            postings,
        )
        many(
            "UPDATE callback_accounts SET balance = ?, last_posting = ? WHERE id = ?",
            [(balance, last, account) for account, (balance, last) in accounts.items()],
        )

    def _watch_balances(self) -> None:
        # Money that goes back to a payer, and a person's adjustment, may push a wallet below zero: a person is told,
        # until it is made good.
        fallen = [number for number, amount in self._moved.items() if amount < 0]
        if fallen:
            rows = self.raw.execute(
                "SELECT a.name FROM json_each(?) AS j CROSS JOIN callback_accounts AS a ON a.id = j.value"
                " WHERE a.balance < 0",
                (orjson.dumps(fallen),),
            )
            self._alerts.extend(Alert("wallet_below_zero", row[0]) for row in rows)
        rows = self.raw.execute(
            "SELECT l.subject FROM callback_alerts AS l JOIN callback_accounts AS a ON a.name = l.subject"
            " WHERE l.kind = 'wallet_below_zero' AND l.closed_at IS NULL AND a.balance >= 0"
        )
        self._settled.extend(("wallet_below_zero", row[0]) for row in rows)


def question_key(order_no: int, attempt: str) -> str:
    """The key of the one open question about an order's attempt."""
    return f"ask:{order_no}:{attempt}"[:192]
