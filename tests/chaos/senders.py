"""Senders of one server and what they were answered, in all its lives."""

import json
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from http.client import HTTPException

from tests.chaos.flood import Pipe, a_post
from tests.chaos.shop import Sender, Shop, notice, until

OK, CREATED = 200, 201


class Senders:
    """What the senders of one server were answered, in all its lives."""

    orders: Mapping[str, str] = {f"S-{number}x": f"{10_000 + number}.00" for number in range(8)}
    over_http: Mapping[str, str] = {
        "order_id": "S-9x", "user_id": "ani", "kind": "topup", "amount": "19000.00"
    }  # fmt: skip

    def __init__(self) -> None:
        self.bodies = [notice(order_id, amount) for order_id, amount in self.orders.items()]
        self.acknowledged: dict[int, bytes] = {}
        self.announced = False

    def send(self, shop: Shop) -> None:
        """Three callbacks one after the other, three and four side by side, and an announcement."""
        sender = Sender(shop.port)
        for body in self.bodies[:3]:
            if (callback_id := sender.send_once(body)) is not None:
                self.acknowledged[callback_id] = body
        sender.close()
        with suppress(OSError, EOFError), Pipe(shop.port) as one, Pipe(shop.port) as other:
            sides = ((one, self.bodies[3:6]), (other, [*self.bodies[6:], self.bodies[0], self.bodies[3]]))
            for pipe, bodies in sides:
                pipe.send(b"".join(map(a_post, bodies)))
            for pipe, bodies in sides:
                with suppress(EOFError, ConnectionError):
                    self.hear(pipe, bodies)
        with suppress(OSError, HTTPException):
            self.announced |= shop.ask("POST", "/transactions", self.over_http)[0] in {OK, CREATED}

    def hear(self, pipe: Pipe, bodies: Iterable[bytes]) -> None:
        for body in bodies:
            answer = pipe.answer()
            assert answer.status == OK, answer
            self.acknowledged[int(json.loads(answer.body)["callback_id"])] = body


def served(shop: Shop, senders: Senders) -> int:
    """Let the real server take what the senders have until that is all, or it dies → its exit code."""
    shop.start("serve")
    server = shop.processes["serve"]
    until(lambda: server.poll() is not None or shop.listens(), lambda: shop.stands("serve"))
    if server.poll() is None:
        senders.send(shop)
    server.send_signal(signal.SIGTERM)
    return server.wait(15)
