"""The orders of a run and what Midtrans says about them: made from a number, so that every process makes the same."""

import hashlib
import json
import random
from collections.abc import Iterator
from typing import Literal, NamedTuple

SERVER_KEY = "SB-Mid-server-benchmark"
ORDERS_PER_USER = 10

Ids = Literal["ascending", "random"]
Arrival = Literal["announced", "random"]


class Shape(NamedTuple):
    """How orders are named and in which order their callbacks come; both matter, and differently.

    Random ids scatter over the index on order ids, random arrival over the rows of orders, facts and wallets.
    """

    ids: Ids
    arrival: Arrival

    def __str__(self) -> str:
        """For people: `ids ascending, as announced`."""
        return f"ids {self.ids}, {'as announced' if self.arrival == 'announced' else 'random arrival'}"


class Order(NamedTuple):
    """One announced top-up."""

    order_id: str
    user_id: str
    amount: int  # whole rupiah


def order(number: int, ids: Ids) -> Order:
    """The order of this number; neighbours belong to different users."""
    order_id = f"TU-{number:010d}"
    if ids == "random":
        order_id = "TU-" + hashlib.blake2b(order_id.encode(), digest_size=10).hexdigest()
    user = (number * 7919) % 1_000_003 // ORDERS_PER_USER
    return Order(order_id, f"user-{user:06d}", 10_000 + number % 90 * 1_000)


def announcement(number: int, ids: Ids) -> bytes:
    """A line of `callbacks transactions import`."""
    announced = order(number, ids)
    line = {
        "order_id": announced.order_id,
        "user_id": announced.user_id,
        "kind": "topup",
        "amount": f"{announced.amount}.00",
    }
    return json.dumps(line).encode() + b"\n"


def numbers(shape: Shape, announced: int, count: int, *, first: int = 0) -> list[int]:
    """Which of the `announced` orders are paid, in order of arrival; at most `count` from `first` on, none twice."""
    if shape.arrival == "announced":
        return list(range(first, min(first + count, announced)))
    return random.Random(20_24).sample(range(announced), min(count, announced))  # noqa: S311 - a repeatable shuffle


# The fields, their order and their length are those of a real notification of a bank transfer (BCA).
_BODY = (
    '{{"va_numbers":[{{"va_number":"{number:015d}","bank":"bca"}}],"transaction_time":"2026-06-23 11:27:20",'
    '"transaction_status":"settlement","transaction_id":"{number:08x}-5b6a-401e-894b-a32c91ed1a3a",'
    '"status_message":"midtrans payment notification","status_code":"200","signature_key":"{signature}",'
    '"settlement_time":"2026-06-23 11:27:50","payment_type":"bank_transfer","payment_amounts":[],'
    '"order_id":"{order_id}","merchant_id":"G141532850","gross_amount":"{amount}.00","fraud_status":"accept",'
    '"currency":"IDR"}}'
)


def body(number: int, ids: Ids, *, too_much: int = 0) -> bytes:
    """Midtrans' signed settlement of this order, about 640 bytes; paid are `too_much` whole rupiah too many."""
    paid = order(number, ids)
    paid = paid._replace(amount=paid.amount + too_much)
    signed = f"{paid.order_id}200{paid.amount}.00{SERVER_KEY}"
    return _BODY.format(
        number=number,
        order_id=paid.order_id,
        amount=paid.amount,
        signature=hashlib.sha512(signed.encode()).hexdigest(),
    ).encode()


def request(number: int, ids: Ids, path: str) -> bytes:
    """The same as one HTTP request."""
    content = body(number, ids)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Veritrans\r\nAccept: application/json\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def requests(shape: Shape, path: str, announced: int, count: int, *, first: int = 0) -> Iterator[tuple[int, bytes]]:
    """Amount in rupiah and request, in order of arrival."""
    for number in numbers(shape, announced, count, first=first):
        yield order(number, shape.ids).amount, request(number, shape.ids, path)
