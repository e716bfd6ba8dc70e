"""The audit finds each kind of damage, and exactly that; honest books it leaves in peace."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.callbacks.catalogue.handler import handler_of
from app.core.config import Settings
from app.core.errors import LogUnavailable
from app.engine.callback import Callback
from app.operate.audit import audit
from app.operate.audit import rows as audit_rows
from app.operate.audit.proof import Unproved, Wrong
from app.operate.audit.reader import Reader
from app.operate.audit.tally import Tally
from app.operate.audit.texts import UNPROVED, WRONG
from tests.callbacks.catalogue.posting import CATALOG
from tests.ledger.sayings import SERVER_KEY, Said
from tests.operate.audit.books import PAID, Books, open_shop

TU_1 = "(SELECT id FROM callback_orders WHERE order_id = 'TU-1')"
WALLET = "(SELECT id FROM callback_accounts WHERE name = 'wallet:ani')"
JOURNAL = f"(SELECT id FROM callback_journals WHERE order_no = {TU_1})"
ADJUSTED = "kind = 'person' AND order_no IS NULL"
SOURCE = f"(SELECT source_id FROM callback_facts WHERE order_no = {TU_1} AND kind = 'paid')"


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path)
    open_shop(books)
    yield books
    books.close()


def test_honest_books_are_proved_from_end_to_end(books: Books) -> None:
    shown = books.audit()
    assert (shown.ok, shown.findings, shown.unproved) == (True, [], [])
    assert (shown.orders, shown.callbacks) == (7, 9)
    assert shown.signatures == 7  # of all that told something new; a repetition moves nothing
    assert shown.facts > shown.signatures


def test_an_audit_writes_nothing(books: Books) -> None:
    books.shop.engine.dispose()
    before = {path.name: path.read_bytes() for path in books.folder.glob("state.db")}
    assert books.audit().ok
    assert {path.name: path.read_bytes() for path in books.folder.glob("state.db")} == before


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        pytest.param(
            f"UPDATE callback_postings SET amount = amount + 1 WHERE account_no = {WALLET} AND journal_id = {JOURNAL}",
            {
                ("journal", "#journal"),
                ("effect", "wallet:ani"),
                ("balance", "wallet:ani"),
                ("statement", "wallet:ani: line #posting"),
                ("currency", "IDR"),
            },
            id="a posting changed",
        ),
        pytest.param(
            "UPDATE callback_accounts SET balance = balance + 1 WHERE name = 'wallet:ani'",
            {("balance", "wallet:ani")},
            id="a wallet bumped",
        ),
        pytest.param(
            f"UPDATE callback_postings SET balance = 1 WHERE account_no = {WALLET} AND journal_id = {JOURNAL}",
            {("statement", "wallet:ani: line #posting"), ("statement", "wallet:ani: line #next")},
            id="a balance in a statement",
        ),
        pytest.param(
            f"UPDATE callback_postings SET before = 0 WHERE account_no = {WALLET} AND journal_id = {JOURNAL}",
            {("statement", "wallet:ani: line #posting")},
            id="a statement that is cut short",
        ),
        pytest.param(
            f"UPDATE callback_accounts SET last_posting = 1 WHERE id = {WALLET}",
            {("statement", "wallet:ani: newest line")},
            id="a statement without its newest lines",
        ),
        pytest.param(
            f"UPDATE callback_journals SET posting_count = 1 WHERE id = {JOURNAL}",
            {("posting", "clearing:midtrans"), ("effect", "clearing:midtrans"), ("journal", "#journal")},
            id="a journal without one of its postings",
        ),
        pytest.param(
            "UPDATE callback_accounts SET balance = 0 WHERE name = 'clearing:midtrans'",
            {("system_balance", "clearing:midtrans")},
            id="a balance of a system account",
        ),
        pytest.param(
            "INSERT INTO callback_facts (order_no, kind, attempt, key, amount, level, source_id, told_at)"
            f" VALUES ({TU_1}, 'expired', 'T7', '', -1, 1, 17, 0)",
            {("source", "expired(T7)")},
            id="a fact added without a callback",
        ),
        pytest.param(
            "INSERT INTO callback_facts (order_no, kind, attempt, key, amount, level, source_id, told_at)"
            f" VALUES ({TU_1}, 'expired', 'T7', '', -1, 1, {SOURCE}, 0)",
            {("not_told", "expired(T7)")},
            id="a fact put under a callback that does not tell it",
        ),
        pytest.param(
            f"UPDATE callback_facts SET level = 2 WHERE order_no = {TU_1} AND kind = 'paid'",
            {("level", "paid(T1)")},
            id="a fact called confirmed, and nobody confirmed it",
        ),
        pytest.param(
            f"DELETE FROM callback_facts WHERE order_no = {TU_1}",
            {("effect", "wallet:ani"), ("effect", "clearing:midtrans"), ("fact_lost", "paid(T1)")},
            id="an order's facts deleted",
        ),
        pytest.param(
            f"UPDATE callback_orders SET amount = 1 WHERE id = {TU_1}",
            {("effect", "wallet:ani"), ("effect", "clearing:midtrans"), ("amount", "paid(T1)")},
            id="an order's amount changed",
        ),
        pytest.param(
            "UPDATE callback_orders SET user_id = 'budi' WHERE order_id = 'TU-1'",
            {("account", "wallet:budi")},
            id="an order given to somebody else",
        ),
        pytest.param(
            f"UPDATE callback_outcomes SET outcome = 'rejected' WHERE callback_id = {SOURCE}",
            {("outcome", "paid(T1)"), ("journal_cause", "#journal")},
            id="an outcome changed",
        ),
        pytest.param(
            f"DELETE FROM callback_outcomes WHERE callback_id = {SOURCE}",
            {("source", "paid(T1)"), ("journal_cause", "#journal"), ("undecided", "#journal")},
            id="an outcome deleted",
        ),
        pytest.param(
            f"DELETE FROM callback_journals WHERE id = {JOURNAL}",
            {
                ("posting", "wallet:ani"),
                ("posting", "clearing:midtrans"),
                ("effect", "wallet:ani"),
                ("effect", "clearing:midtrans"),
            },
            id="a journal deleted",
        ),
        pytest.param(
            "UPDATE callback_causes SET reason = '' WHERE kind = 'person' AND order_no IS NOT NULL",
            {("not_told", "paid(person-3)")},
            id="a person's reason deleted",
        ),
        pytest.param(
            f"UPDATE callback_causes SET reason = '' WHERE {ADJUSTED}",
            {("adjustment", "-1")},
            id="the reason of an adjustment deleted",
        ),
        pytest.param(
            f"UPDATE callback_causes SET body = NULL WHERE {ADJUSTED}",
            {("adjustment", "-1")},
            id="what a person said of a wallet deleted",
        ),
        pytest.param(
            "UPDATE callback_postings SET amount = amount * 10 WHERE journal_id = -1;"
            f"UPDATE callback_postings SET balance = balance + 45000000 WHERE account_no = {WALLET};"
            "UPDATE callback_accounts SET balance = balance + 45000000 WHERE name = 'wallet:ani'",
            {("adjustment", "-1")},
            id="an adjustment made ten times as large, with its balance",
        ),
        pytest.param(
            "UPDATE callback_causes SET body = '{}' WHERE kind = 'answer'",
            {
                ("not_told", "refunded(T2, r1, 3000000)"),
                ("not_told", "refunded_in_all(T2, 3000000)"),
                ("level", "paid(T2)"),
            },
            id="an answer of the status API changed",
        ),
    ],
)
def test_each_kind_of_damage_is_found_and_nothing_else(books: Books, damage: str, found: set[tuple[str, str]]) -> None:
    journal = str(books.value(f"SELECT {JOURNAL}"))
    line = f"SELECT id FROM callback_postings WHERE account_no = {WALLET} AND journal_id = {JOURNAL}"
    posting = str(books.value(line))
    following = str(books.value(f"SELECT id FROM callback_postings WHERE before = {posting}"))
    books.spoil(*damage.split(";"))
    names = {"#journal": journal, "#posting": posting, "#next": following}
    due = {(kind, re.sub("#[a-z]+", lambda name: names[name[0]], subject)) for kind, subject in found}
    assert books.wrong() == due
    assert books.wrong(since=0) == due


@pytest.mark.parametrize(
    ("damage", "column"),
    [
        (f"UPDATE callback_facts SET level = 'x' WHERE order_no = {TU_1}", "level"),
        (f"UPDATE callback_orders SET order_id = CAST(X'54ff' AS TEXT) WHERE id = {TU_1}", "order_id"),
        (f"UPDATE callback_postings SET amount = 'x' WHERE journal_id = {JOURNAL}", "amount"),
    ],
)
def test_a_value_that_no_program_wrote_is_a_finding_too(books: Books, damage: str, column: str) -> None:
    books.spoil("PRAGMA ignore_check_constraints = on", damage)
    found = next(each for each in books.audit().findings if each.kind == "shape")
    assert found.subject.endswith(f": {column}")
    assert found.text == WRONG[Wrong.SHAPE].en


def test_what_fails_for_another_reason_is_not_called_damage(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise TypeError("a fault of ours")

    monkeypatch.setattr("app.operate.audit.check_accounts", fail)
    with pytest.raises(TypeError, match="a fault of ours"):
        books.audit()


@pytest.mark.parametrize("damage", ["DELETE FROM callback_pending", "UPDATE callback_pending SET state = 'lapsed'"])
def test_a_callback_that_is_called_waiting_and_waits_no_more_is_found(books: Books, damage: str) -> None:
    parked = books.value("SELECT callback_id FROM callback_outcomes WHERE outcome = 'parked'")
    books.spoil(damage)
    assert books.wrong() == books.wrong(since=0) == {("outcome", str(parked))}


def posted(journal: str, order: str, wallet: str, clearing: str, amount: int) -> tuple[str, ...]:
    """Statements that write a journal as the program does."""
    return (
        (
            "INSERT INTO callback_journals (id, order_no, at, first_posting, posting_count)"
            f" VALUES ({journal}, {order}, 5, (SELECT max(id) + 1 FROM callback_postings), 2)"
        ),
        (
            "INSERT INTO callback_postings (account_no, at, journal_id, amount, balance, before)"
            f" SELECT id, 5, {journal}, {amount}, balance + {amount}, last_posting FROM callback_accounts"
            f" WHERE id = {wallet}"
        ),
        (
            "UPDATE callback_accounts SET last_posting = (SELECT max(id) FROM callback_postings),"
            f" balance = balance + {amount} WHERE id = {wallet}"
        ),
        (
            "INSERT INTO callback_postings (account_no, at, journal_id, amount)"
            f" VALUES ({clearing}, 5, {journal}, {-amount})"
        ),
    )


def test_a_journal_without_a_cause_is_found(books: Books) -> None:
    clearing = "(SELECT id FROM callback_accounts WHERE name = 'clearing:midtrans')"
    books.spoil(
        *posted("-99", TU_1, WALLET, clearing, 700),
    )
    assert books.wrong() == {("journal_cause", "-99"), ("effect", "wallet:ani"), ("effect", "clearing:midtrans")}


def test_money_from_nowhere_is_found_though_every_sum_is_right(books: Books) -> None:
    # A whole order, forged consistently: announced, paid, posted, summed. Only nobody ever told of it.
    books.shop.announce("TU-66", "mallory")
    number = "(SELECT id FROM callback_orders WHERE order_id = 'TU-66')"
    wallet = "(SELECT id FROM callback_accounts WHERE name = 'wallet:mallory')"
    clearing = "(SELECT id FROM callback_accounts WHERE name = 'clearing:midtrans')"
    books.spoil(
        "INSERT INTO callback_outcomes (callback_id, epoch_no, provider, event_type, order_no, outcome, received_at,"
        f" decided_at) VALUES (66, 1, 'midtrans', 'settlement', {number}, 'applied', 5, 5)",
        "INSERT INTO callback_facts (order_no, kind, attempt, key, amount, level, source_id, told_at)"
        f" VALUES ({number}, 'paid', 'T66', '', -1, 1, 66, 5)",
        *posted("66", number, wallet, clearing, 10_000_000),
    )
    assert books.wrong() == set()
    assert books.unproved() == {"not_in_log": 1}  # as if it were pruned: told and counted, with its id
    assert books.audit().unproved[0].examples == ["66"]


def test_bytes_that_were_changed_in_the_log_are_found_by_what_they_tell(books: Books) -> None:
    books.rewrite("T1", b'"T1"', b'"T5"')
    assert books.wrong() == {("not_told", "paid(T1)"), ("fact_lost", "paid(T5)")}


def test_bytes_that_were_changed_in_the_log_are_found_by_their_signature(books: Books) -> None:
    # What it tells is still the same; an earlier signature in this place was proved, so the secret is not gone.
    later = books.hear(Said("TU-4", "settlement", gross=PAID, attempt="T5"))
    books.answer(Said("TU-4", "settlement", gross=PAID, attempt="T5"))
    assert books.wrong() == set()
    books.rewrite("T5", b'"signature_key": "', b'"signature_key": "00')
    assert books.wrong() == {("signature", str(later))}


def test_a_secret_that_is_set_no_longer_proves_nothing_until_it_is_set_behind_the_new_one(books: Books) -> None:
    books.sign_with("a-new-key")
    assert (books.audit().ok, books.unproved()) == (True, {"secret_gone": 5})
    books.sign_with(f"a-new-key,{SERVER_KEY}")
    assert (books.audit().ok, books.unproved()) == (True, {})


def test_a_signature_whose_header_was_not_kept_is_not_called_one_of_a_lost_secret() -> None:
    doku = CATALOG.get("doku")
    handler = handler_of("doku", doku, settings=Settings(), given={"DOKU_SECRET_KEY": SERVER_KEY})
    callback = Callback(7, 0, "doku", "SUCCESS", "", "", 1, '{"client-id": "C"}', b"{}", "signature", "203.0.113.9")
    tally = Tally()
    Reader({"doku": handler}, tally).signature(callback)
    assert set(tally.unproved) == {Unproved.SIGNATURE_NOT_KEPT}


def test_what_was_pruned_is_told_apart_from_what_is_wrong(books: Books) -> None:
    books.spoil_log("DELETE FROM callbacks WHERE ordering_key = 'TU-1'")
    assert (books.audit().ok, books.unproved()) == (True, {"not_in_log": 1})


def test_without_a_handler_nothing_can_be_read(books: Books) -> None:
    del books.handlers["digiflazz"]
    assert (books.audit().ok, books.unproved()) == (True, {"handler_unknown": 2})


def test_a_handler_that_fails_does_not_end_the_audit(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(books.handlers["digiflazz"], "telling", fail)
    assert (books.audit().ok, books.unproved()) == (True, {"handler_failed": 2})


def test_what_was_never_verified_is_counted(tmp_path: Path) -> None:
    books = Books(tmp_path, key="")
    books.shop.announce("TU-1")
    books.hear(Said("TU-1", "settlement", gross=PAID))
    assert (books.audit().ok, books.unproved()) == (True, {"unverified": 1})
    books.close()


def test_a_part_is_what_happened_since(books: Books) -> None:
    moment = books.shop.now + 1
    assert (books.audit(since=moment).orders, books.audit(since=moment).callbacks) == (0, 0)
    books.shop.announce("TU-5")
    books.hear(Said("TU-5", "settlement", gross=PAID, attempt="T5"))
    part = books.audit(since=moment)
    assert (part.ok, part.orders, part.callbacks, part.signatures) == (True, 1, 1, 1)
    books.spoil(f"DELETE FROM callback_facts WHERE order_no = {TU_1}")
    assert books.audit(since=moment).ok
    assert not books.audit().ok


def test_an_order_that_something_happened_to_since_is_summed_up_whole(books: Books) -> None:
    moment = books.shop.now + 1
    books.hear(Said("TU-1", "expire", "202", gross=PAID))
    assert books.audit(since=moment).ok
    books.spoil(f"UPDATE callback_postings SET amount = amount * 2 WHERE journal_id = {JOURNAL}")
    assert {kind for kind, _ in books.wrong(since=moment)} == {"effect", "balance", "statement"}


def test_large_books_are_sorted_in_runs(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = books.audit()
    for rows in (1, 2, 5):
        monkeypatch.setattr(audit_rows, "RUN_ROWS", rows)
        monkeypatch.setattr(audit_rows, "PAGE_ROWS", rows)
        assert books.audit() == whole
        assert books.audit(since=0).callbacks == whole.callbacks
    books.spoil(f"DELETE FROM callback_facts WHERE order_no = {TU_1}")
    assert books.wrong() == {("effect", "wallet:ani"), ("effect", "clearing:midtrans"), ("fact_lost", "paid(T1)")}


def test_what_comes_while_an_audit_runs_makes_no_finding(books: Books) -> None:
    heard: list[int] = []

    def busy(_done: int, _of: int) -> None:
        if not heard:
            heard.append(books.hear(Said("TU-1", "pending", "201", gross=PAID, attempt="T8")))

    shown = audit(books.shop.engine, books.log, books.handlers, lang="en", progress=busy)
    assert heard
    assert (shown.ok, shown.callbacks, shown.unproved) == (True, 9, [])


def test_an_audit_that_is_stopped_leaves_nothing_behind(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def stop(_done: int, _of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit(books.shop.engine, books.log, books.handlers, lang="en", progress=stop)
    assert not list(tmp_path.glob("callbacks-*"))


def test_the_snapshot_cannot_write(books: Books) -> None:
    from app.core.database import snapshot, sqlite_module  # noqa: PLC0415 - only here

    with snapshot(books.shop.engine) as connection, pytest.raises(sqlite_module().OperationalError, match="readonly"):
        connection.execute("UPDATE callback_accounts SET balance = 0")


def test_another_log_in_its_place_ends_the_audit(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    read_after = books.log.read_after

    def replaced(offset: int, rows_max: int) -> object:
        monkeypatch.setattr(books.log, "epoch", "another")
        return read_after(offset, rows_max)

    monkeypatch.setattr(books.log, "read_after", replaced)
    with pytest.raises(LogUnavailable, match="anew"):
        books.audit()


def test_every_finding_and_every_reason_has_a_text_in_both_languages() -> None:
    assert set(WRONG) == set(Wrong)
    assert set(UNPROVED) == set(Unproved)
    for each in (*WRONG.values(), *UNPROVED.values()):
        assert each.id
        assert each.en
        assert each.id != each.en
