import io
import json
from collections.abc import Iterable
from typing import Any

import pytest

from app.core.errors import FieldError
from app.operate import importing
from app.operate.importing import ImportReport, import_orders
from app.operate.policy import UNASKED
from tests.operate.shop import Shop

LINE: dict[str, Any] = {"order_id": "TU-1", "user_id": "ani", "kind": "topup", "amount": "100000.00"}


def run(shop: Shop, data: bytes) -> tuple[ImportReport, dict[int, str]]:
    told: dict[int, str] = {}
    report = import_orders(shop.engine, io.BytesIO(data), clock=shop.tick, policy=UNASKED, told=told.__setitem__)
    return report, told


def json_lines(lines: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def test_json_lines_are_announced_and_importing_again_changes_nothing(shop: Shop) -> None:
    data = json_lines({**LINE, "order_id": f"TU-{n}"} for n in range(10))
    assert run(shop, data) == (ImportReport(10, 10, 0, 0), {})
    assert run(shop, data) == (ImportReport(10, 0, 10, 0), {})
    assert shop.show("TU-9").amount == "100000.00"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_is_known_by_its_first_line_in_any_order_of_columns(shop: Shop, delimiter: str) -> None:
    rows = [
        ["Amount", "order_id", "kind", "user_id", "product"],
        ["5.00", "A", "topup", "ani", '"x, y"'],
        ["7", "B", "topup", "ani", ""],
    ]
    if delimiter != ",":
        rows[1][4] = "x"
    data = b"\xef\xbb\xbf" + "\r\n".join(delimiter.join(row) for row in rows).encode()
    assert run(shop, data) == (ImportReport(2, 2, 0, 0), {})
    assert shop.show("A").amount == "5.00"


def test_a_line_that_does_not_fit_is_told_by_number_and_the_others_are_done(shop: Shop) -> None:
    data = b"\n".join(
        [
            json.dumps(LINE).encode(),
            b"",
            json.dumps({**LINE, "order_id": "TU-2", "amount": "-1"}).encode(),
            b"not json",
            json.dumps({**LINE, "order_id": "TU-3"}).encode(),
            json.dumps({**LINE, "amount": "7"}).encode(),
            json.dumps({**LINE, "order_id": "BUY", "kind": "ppob"}).encode(),
        ]
    )
    report, told = run(shop, data)
    assert report == ImportReport(6, 2, 0, 4)
    assert set(told) == {3, 4, 6, 7}
    assert told[3].startswith("amount: ")
    assert "announced already" in told[6]
    assert "the purchase costs" in told[7]
    assert shop.show("TU-3").status == "waiting"


@pytest.mark.parametrize(
    "hostile",
    [
        b"\x00",
        b"\xff\xfe{}",
        b"{" * 5_000,
        b"[" * 8_000,
        b'{"order_id": "\\ud800"}',
        b'{"amount": 1' + b"0" * 7_000 + b"}",
        b'"' + b"x" * 7_000,
        b"x" * 50_000,
        b"null",
        b"[]",
    ],
    ids=lambda line: repr(line[:8]),
)
def test_a_hostile_line_is_told_and_stops_nobody(shop: Shop, hostile: bytes) -> None:
    first, last = json_lines([LINE]), json_lines([{**LINE, "order_id": "TU-2"}])
    report, told = run(shop, first + hostile + b"\n" + last)
    assert report == ImportReport(3, 2, 0, 1)
    assert set(told) == {2}
    report, told = run(shop, b"order_id,user_id,kind,amount\n" + hostile + b"\nTU-7,ani,topup,5\n")
    assert (report.announced, set(told)) == (1, {2})


def test_a_quotation_mark_that_is_never_closed_costs_one_line(shop: Shop) -> None:
    report, told = run(shop, b'order_id,user_id,kind,amount\n"A,ani,topup,5\nB,ani,topup,5\n')
    assert (report.announced, set(told)) == (1, {2})


@pytest.mark.parametrize(
    "head", [b"[", b"hello", b"order_id,user_id", b"order_id,user_id,kind,amount,colour", b"\xff\xff"], ids=repr
)
def test_a_file_that_is_neither_form_is_refused_as_a_whole(shop: Shop, head: bytes) -> None:
    with pytest.raises(FieldError, match="line"):
        run(shop, head + b"\nx,y,z,1\n")


def test_an_empty_file_announces_nothing(shop: Shop) -> None:
    assert run(shop, b"\n\n")[0] == ImportReport(0, 0, 0, 0)


def test_batches_are_told_in_the_order_of_lines(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_LINES", 3)
    lines = [{**LINE, "order_id": f"TU-{n}", "amount": "0" if n % 4 == 0 else "5"} for n in range(10)]
    seen: list[int] = []
    told: dict[int, str] = {}
    report = import_orders(
        shop.engine,
        io.BytesIO(json_lines(lines)),
        clock=shop.tick,
        policy=UNASKED,
        told=told.__setitem__,
        progress=seen.append,
    )
    assert report == ImportReport(10, 7, 0, 3)
    assert list(told) == [1, 5, 9]
    assert seen[-1] == len(json_lines(lines))
    assert seen == sorted(seen)
