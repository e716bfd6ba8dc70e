"""The page about embedding, as a team would follow it: its files in a folder, its commands, its answers."""

import asyncio
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

import httpx2
import pytest
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware

from app.callbacks import examples
from app.core.config import get_settings
from app.engine.log import open_log
from tests.callbacks.web import application
from tests.cli.shell import environment, running

COURIER = "/callbacks/webhook/courier"
STARTS_WORKER = "\ninitialize_callbacks(db, worker=True)\n"
TOLD = {"parcel": "P-1", "status": "delivered"}


def files(root: Path) -> tuple[str, str]:
    """`courier.py` and `shop.py` of the page."""
    courier, shop = re.findall(r"```python\n(.*?)```", (root / "docs" / "embedding.md").read_text(), re.DOTALL)
    return courier, shop


@contextmanager
def uvicorn() -> Iterator[str]:
    """The shop, served as the page says, on any port → its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "shop:shop", "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(COURIER_TOKEN="s3cret"),
    )
    said: list[str] = []
    try:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"running on (\S+)", line):
                break
        else:
            raise AssertionError("".join(said))
        yield found[1]
        process.terminate()
        rest = process.communicate(timeout=20)[1]
        assert "Traceback" not in "".join(said) + rest
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("worker", ["inside", "beside"])
def test_the_shop_of_this_page_takes_a_callback_once_with_the_worker_inside_or_beside(
    root: Path, tmp_path: Path, worker: str
) -> None:
    courier, shop = files(root)
    assert STARTS_WORKER in shop
    (tmp_path / "courier.py").write_text(courier)
    (tmp_path / "shop.py").write_text(shop if worker == "inside" else shop.replace(STARTS_WORKER, ""))
    with ExitStack() as stack:
        address = stack.enter_context(uvicorn())
        if worker == "beside":
            stack.enter_context(running("worker", CALLBACK_APP="courier:setup", COURIER_TOKEN="s3cret"))
        proof = {"X-Courier-Token": "s3cret"}
        assert httpx2.post(address + COURIER, json=TOLD, headers={"X-Courier-Token": "guess"}).status_code == 401
        for _ in range(3):
            assert httpx2.post(address + COURIER, json=TOLD, headers=proof).json()["success"] is True
        deadline = time.monotonic() + 20
        while sum((outcomes := httpx2.get(f"{address}/callbacks/stats").json()["outcomes"]).values()) < 3:
            assert time.monotonic() < deadline, outcomes
        assert outcomes == {"applied": 1, "duplicate": 2}
        assert httpx2.get(f"{address}/parcels/P-1").json() == ["delivered"]
    with sqlite3.connect(tmp_path / "data" / "state.db") as state:
        assert state.execute("SELECT count(*) FROM shop_parcels").fetchone() == (1,)
    state.close()


async def reads(request: Request, call_next: RequestResponseEndpoint) -> Response:
    assert b"order_id" in await request.body()
    return await call_next(request)


async def hurries(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Gives up at once where the sender is in a hurry."""
    try:
        return await asyncio.wait_for(call_next(request), float(request.headers["x-seconds"]))
    except TimeoutError:
        return Response(status_code=504)


def test_middleware_that_reads_packs_and_hurries_turns_no_200_into_a_loss() -> None:
    with application() as web:
        shop = cast("FastAPI", web.app)
        shop.middleware_stack = None
        shop.add_middleware(GZipMiddleware, minimum_size=1)
        shop.add_middleware(BaseHTTPMiddleware, dispatch=reads)
        shop.add_middleware(BaseHTTPMiddleware, dispatch=hurries)
        answers = [
            web.post("/callbacks/webhook/midtrans", json=examples.MIDTRANS, headers={"x-seconds": seconds})
            for seconds in ("20", "0.0001", "0", "20")
        ]
        assert {answers[0].status_code, answers[-1].status_code} == {200}
        assert answers[0].headers["content-encoding"] == "gzip"
        log = open_log(get_settings().callback_log_url, server=False)
        kept = {str(callback.id) for callback in log.read_after(0, 100)}
        log.close()
        assert {answer.json()["callback_id"] for answer in answers if answer.status_code == 200} <= kept
