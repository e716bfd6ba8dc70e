import asyncio
import json

import pytest

from app.core.errors import StartRefused
from app.providers.outgoing import open_client
from app.providers.status_api import StatusAnswer, ask
from app.simulation.plan import Truth
from app.simulation.status_api import StatusApi


def a_truth(attempt: str, number: int, status: str, order_id: str = "TU/1 ä") -> Truth:
    told = {"order_id": order_id, "transaction_id": attempt, "transaction_status": status, "status_code": "200"}
    return Truth(order_id, attempt, number, json.dumps(told).encode())


async def asked(api: StatusApi, attempt: str, order_id: str = "TU/1 ä") -> StatusAnswer:
    client = open_client(public_only=False)
    try:
        return await ask(client, api.url, b"SB-key", order_id, attempt)
    finally:
        await client.aclose()


async def test_an_order_leads_to_its_latest_attempt_and_a_transaction_to_itself() -> None:
    async with StatusApi() as api:
        api.learn(a_truth("T1", 1, "deny"))
        api.learn(a_truth("T2", 2, "settlement"))
        assert json.loads((await asked(api, "T2")).body)["transaction_status"] == "settlement"
        assert api.asked == 1
        assert json.loads((await asked(api, "T1")).body)["transaction_status"] == "deny"
        assert api.asked == 3


async def test_what_was_true_before_does_not_come_back() -> None:
    async with StatusApi() as api:
        api.learn(a_truth("T1", 2, "deny"))
        api.learn(a_truth("T1", 1, "settlement"))
        assert json.loads((await asked(api, "T1")).body)["transaction_status"] == "deny"


async def test_what_nobody_spoke_of_is_unknown() -> None:
    async with StatusApi() as api:
        assert (await asked(api, "T1")).kind == "unknown"


async def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    async with StatusApi() as api:
        with pytest.raises(StartRefused, match="--api-port"):
            async with StatusApi(api.port):
                raise AssertionError


async def test_it_ends_while_a_connection_is_kept_alive() -> None:
    async with StatusApi() as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(b"GET /v2/T1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
    async with asyncio.timeout(5):
        await reader.read()
    writer.close()
