import hashlib
import json
from collections.abc import Callable
from typing import Any, get_args

import pytest

from bench.orders import SERVER_KEY, Arrival, Ids, Shape, announcement, body, numbers, order, request

SHAPES = [Shape(ids, arrival) for ids in get_args(Ids) for arrival in get_args(Arrival)]


@pytest.mark.parametrize("ids", get_args(Ids))
def test_a_body_is_signed_as_midtrans_signs(ids: Ids) -> None:
    said = json.loads(body(7, ids))
    signed = said["order_id"] + said["status_code"] + said["gross_amount"] + SERVER_KEY
    assert said["signature_key"] == hashlib.sha512(signed.encode()).hexdigest()


def test_a_body_has_the_fields_of_a_real_one(payload_json: Callable[[str], Any]) -> None:
    real = payload_json("midtrans/settlement_bca_va")
    assert list(json.loads(body(7, "ascending"))) == list(real)
    assert 500 <= len(body(7, "ascending")) <= 700


def test_what_is_paid_is_what_was_announced() -> None:
    announced = json.loads(announcement(7, "ascending"))
    said = json.loads(body(7, "ascending"))
    assert (said["order_id"], said["gross_amount"]) == (announced["order_id"], announced["amount"])


@pytest.mark.parametrize("ids", get_args(Ids))
def test_no_two_orders_have_the_same_id(ids: Ids) -> None:
    assert len({order(number, ids).order_id for number in range(5_000)}) == 5_000


@pytest.mark.parametrize("shape", SHAPES)
def test_no_order_is_paid_twice_and_none_that_was_not_announced(shape: Shape) -> None:
    paid = numbers(shape, announced=1_000, count=400)
    assert len(set(paid)) == 400
    assert set(paid) <= set(range(1_000))
    assert (paid == sorted(paid)) is (shape.arrival == "announced")


def test_a_request_says_how_long_its_body_is() -> None:
    head, _, content = request(7, "ascending", "/x").partition(b"\r\n\r\n")
    assert f"Content-Length: {len(content)}".encode() in head
