"""Top-ups by hand: a person decides once, who and why is kept, and the books stay right."""

import threading
from pathlib import Path

import pytest

from app.callbacks.callback_manager import CallbackManager
from app.core.database import writing
from app.core.errors import CallbackError, FieldError, NotFound, OrderConflict, ProcessingError
from app.engine.log import visiting
from app.operate.alerts import list_alerts
from app.operate.audit import audit
from app.operate.chats.links import link
from app.operate.files.topups import list_topups, proof_of, show_topup
from app.operate.orders import resolve_order
from app.operate.policy import UNASKED
from app.operate.wallets import show_entries
from tests.operate.files.uploading import Uploads
from tests.pictures import PDF, picture


def findings(users: Uploads, tmp_path: Path) -> list[object]:
    with visiting(f"sqlite:///{tmp_path}/log.db") as log:
        return list(audit(users.engine, log, CallbackManager(settings=users.settings).lookup, lang="en").findings)


def test_a_proof_is_approved_once_and_credited_once(users: Uploads, tmp_path: Path) -> None:
    assert users.send(amount="50000", note="BCA").reason == "topup_opened"
    shown = users.approve()
    assert (shown.state, shown.closed_by, shown.order_id, shown.amount) == ("approved", "sari", "PROOF-1", "50000.00")
    assert users.balance() == "50000.00"
    for decide in (users.approve, users.reject):
        with pytest.raises(ProcessingError, match="approved by sari"):
            decide(1, who="budi")
    assert users.balance() == "50000.00"
    assert users.rows("SELECT count(*) FROM callback_journals") == [(1,)]
    order = users.show("PROOF-1")
    assert (order.status, order.provider, order.kind) == ("paid", "manual", "topup")
    assert [(cause.who, cause.reason) for cause in order.causes] == [("sari", "proof of payment approved")]
    assert [notice.status for notice in order.notices] == ["paid"]
    (entry,) = show_entries(users.engine, "ani", cursor=None).entries
    assert (entry.order_id, entry.kind, entry.reason) == ("PROOF-1", "topup", "proof of payment approved")
    assert findings(users, tmp_path) == []


def test_two_who_approve_at_once_credit_once(users: Uploads) -> None:
    users.send(amount="50000")
    begin = threading.Barrier(8)
    told: list[str] = []

    def decide(name: str) -> None:
        begin.wait()
        try:
            told.append(f"ok {users.approve(1, who=name).closed_by}")
        except ProcessingError as error:
            told.append(str(error))

    threads = [threading.Thread(target=decide, args=(f"person{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [line.removeprefix("ok ") for line in told if line.startswith("ok ")]
    assert [line for line in told if f"was approved by {winner} at" in line].__len__() == 7
    assert users.balance() == "50000.00"


def test_an_amount_is_needed_and_a_persons_one_counts(users: Uploads) -> None:
    users.send()
    with pytest.raises(FieldError, match="amount"):
        users.approve()
    with pytest.raises(FieldError, match="amount"):
        users.approve(amount="-5")
    assert users.approve(amount="75000.50", reason="the bank statement shows it").amount == "75000.50"
    assert users.balance() == "75000.50"
    assert show_topup(users.engine, 1).closed_reason == "the bank statement shows it"


def test_an_approval_that_cannot_be_booked_leaves_the_proof_open(users: Uploads) -> None:
    users.send(amount="50000")
    users.announce("PROOF-1", "budi", "1.00")
    with pytest.raises(OrderConflict):
        users.approve()
    assert show_topup(users.engine, 1).state == "open"
    assert users.balance("budi") == "0.00"


def test_an_approval_is_undone_by_a_word_about_its_order(users: Uploads, tmp_path: Path) -> None:
    users.send(amount="50000")
    users.approve()
    word = {"word": "failed", "reason": "the transfer was called back"}
    resolve_order(users.engine, "PROOF-1", word, who="sari", at=users.tick(), policy=UNASKED, lang="en")
    assert users.balance() == "0.00"
    assert findings(users, tmp_path) == []


def test_a_rejection_needs_a_reason_and_is_told_in_the_users_languages(users: Uploads) -> None:
    users.send(amount="50000")
    with writing(users.engine) as connection:
        link(connection, "ani", "telegram", "4711", "id", 1, by="code")
        link(connection, "ani", "discord", "77", "en", 1, by="code")
        link(connection, "ani", "email", "ani@example.com", "id", 1, by="sari")
        link(connection, "budi", "telegram", "4712", "id", 1, by="code")
    with pytest.raises(FieldError, match="reason"):
        users.reject(reason=" ")
    shown = users.reject(reason="uang tidak masuk")
    assert (shown.state, shown.closed_by, shown.closed_reason) == ("rejected", "sari", "uang tidak masuk")
    tasks = users.rows("SELECT key, kind, destination, payload FROM callback_tasks ORDER BY id")
    assert [task[:3] for task in tasks] == [
        ("topup:1:rejected:1", "telegram", "4711"),
        ("topup:1:rejected:2", "discord_bot", "user:77"),
        ("topup:1:rejected:3", "channel", "email"),
    ]
    assert "Rp50.000" in tasks[0][3]
    assert "uang tidak masuk" in tasks[0][3]
    assert "was not accepted" in tasks[1][3]
    assert "Bukti pembayaran 1" in tasks[2][3]
    with pytest.raises(ProcessingError, match="rejected by sari"):
        users.approve()
    assert users.rows("SELECT * FROM callback_orders") == []


def test_the_same_proof_again_opens_no_second_top_up(users: Uploads) -> None:
    users.send(1, amount="50000")
    again = users.send(2, amount="50000")
    assert (again.reason, again.detail["topup_id"]) == ("proof_seen_before", "1")
    users.approve()
    assert users.send(3).reason == "proof_seen_before"
    assert users.send(3).reason == "proof_seen_before"  # the same callback once more
    assert len(list_topups(users.engine, every=True).topups) == 1


def test_a_rejected_proof_may_be_sent_again(users: Uploads) -> None:
    users.send(1)
    users.reject()
    assert users.send(2).detail["topup_id"] == "2"


def test_the_same_proof_of_somebody_else_is_marked_and_alerted(users: Uploads) -> None:
    users.send(1, amount="50000")
    users.send(2, user_id="budi", amount="50000")
    assert list_topups(users.engine).topups[0].used_also_by == ["1 (ani, open)"]
    assert show_topup(users.engine, 1).used_also_by == ["2 (budi, open)"]
    alert, *waiting = list_alerts(users.engine, lang="en").alerts
    assert [each.text for each in waiting] == [
        "A proof of budi waits (top-up 2).",
        "A proof of ani waits (top-up 1).",
    ]
    assert alert.kind == "proof_used_twice"
    assert alert.text == "The proof of top-up 2 (budi) was sent by other users, too: 1 (ani, open)."
    assert "callbacks topups show 2" in alert.commands
    users.reject(2)
    assert [each.subject for each in list_alerts(users.engine, lang="en").alerts] == ["topup:1"]
    users.approve()
    assert list_alerts(users.engine, lang="en").alerts == []


@pytest.mark.parametrize("user", ["ani", "budi"])
def test_a_picture_that_looks_the_same_is_the_same_proof(users: Uploads, user: str) -> None:
    first = picture("JPEG", (300, 400))
    users.send(1, users.put("a.jpg", first))
    kept = users.kept / "topup_proof" / "1.jpg"
    altered = [first + b"x", first[:2] + b"\xff\xfe\0\x04no" + first[2:], kept.read_bytes()]  # the second: a comment
    reasons = [
        users.send(each, users.put("b.jpg", content), user_id=user).reason
        for each, content in enumerate(altered, start=2)
    ]
    if user == "ani":
        assert reasons == ["proof_seen_before"] * 3
    else:
        assert reasons[0] == "topup_opened"
        assert show_topup(users.engine, 2).used_also_by == ["1 (ani, open)"]
        assert show_topup(users.engine, 1).used_also_by[0] == "2 (budi, open)"
    assert users.send(9, users.put("c.jpg", picture("JPEG", (300, 401))), user_id=user).reason == "topup_opened"


def test_proofs_from_before_pictures_were_compared_are_known_by_their_bytes(users: Uploads) -> None:
    users.send(1)
    users.send(2, users.put("other.png", picture(size=(41, 30))))
    with writing(users.engine) as connection:
        for table in ("callback_topups", "callback_uploads"):
            connection.exec_driver_sql(f"UPDATE {table} SET drawn = ''")
    assert users.send(3).reason == "proof_seen_before"
    assert users.send(1).reason == "topup_opened"
    assert show_topup(users.engine, 1).used_also_by == []


def test_the_list_goes_page_by_page_and_by_user(users: Uploads) -> None:
    for number in range(1, 6):
        users.send(number, users.put(f"{number}.pdf", PDF + b"%" * number), user_id="ani" if number % 2 else "budi")
    users.approve(3, amount="1000")
    page = list_topups(users.engine, rows_max=2)
    assert ([each.id for each in page.topups], page.next_cursor) == (["5", "4"], "4")
    rest = list_topups(users.engine, rows_max=2, before=4)
    assert ([each.id for each in rest.topups], rest.next_cursor) == (["2", "1"], None)
    assert [each.id for each in list_topups(users.engine, user_id="ani", every=True).topups] == ["5", "3", "1"]


def test_what_is_not_there_is_said(users: Uploads) -> None:
    for ask in (show_topup, proof_of):
        with pytest.raises(NotFound):
            ask(users.engine, 9)
    with pytest.raises(NotFound):
        users.approve(9)


def test_a_wallet_in_another_currency_is_refused(users: Uploads) -> None:
    users.announce("X-1", currency="USD")
    users.send(amount="50000")
    with pytest.raises(CallbackError, match="USD"):
        users.approve()


def test_a_proof_may_be_a_picture_of_any_kind(users: Uploads) -> None:
    assert users.send(1, users.put("a.gif", picture("GIF", mode="P"))).detail["stored_as"] == "topup_proof/1.png"
