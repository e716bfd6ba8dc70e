"""Waits until the system has decided everything, then compares every wallet and every order with the model."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import quote

from app.core.errors import NoAnswer
from app.core.money import format_amount
from app.simulation.report import Report
from app.simulation.together import side_by_side

#: Asks a management address → status and JSON.
Get: TypeAlias = Callable[[str], Awaitable[tuple[int, Any]]]

_LOOK_SECONDS = 0.2
_UNASKED_SECONDS = 15.0  # the first question comes at once
_OPEN_SECONDS = 5.0  # questions about what is decided already: our status API is still there to be asked


async def in_doubt_now(get: Get) -> int:
    """How many callbacks are in doubt before anything is sent: those of others."""
    return int((await _stats(get))["waiting"].get("in_doubt", 0))


async def settled(get: Get, report: Report, *, still_seconds: float, asked: Callable[[], int], others: int = 0) -> None:
    """Wait until nothing is undecided, in doubt or still asked about, or nothing moves for `still_seconds`.

    `others`: what was in doubt before, which is not this run's fault.
    """
    began = moved = time.monotonic()
    before: object = None
    while True:
        stats = await _stats(get)
        lag, report.in_doubt = stats["lag"]["callbacks"], stats["waiting"].get("in_doubt", 0)
        report.asked, report.in_doubt_most = asked(), max(report.in_doubt_most, report.in_doubt)
        questions = sum(stats["tasks"].get(state, 0) for state in ("ready", "running")) if report.asks else 0
        now = time.monotonic()
        report.settled_seconds = now - began
        # A question that is asked again and again moves nothing: only what is decided or answered counts.
        place = (stats["outcomes"], report.in_doubt, lag, questions, stats["lag"]["moved_at"])
        if place != before:
            before, moved = place, now
        if not lag and not report.in_doubt and (not questions or now - moved > _OPEN_SECONDS):
            return
        if now - moved > (still_seconds if report.asked else min(still_seconds, _UNASKED_SECONDS)):
            if lag or (report.asks and report.in_doubt > others):  # else what is in doubt is somebody else's
                report.differ("undecided callbacks", "all", "0", f"{lag}, and {report.in_doubt} in doubt")
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _stats(get: Get) -> dict[str, Any]:
    status, stats = await get("/callbacks/stats")
    if status != HTTPStatus.OK:
        raise NoAnswer(f"GET /callbacks/stats: {status}")
    found: dict[str, Any] = stats
    return found


async def check(get: Get, report: Report, lanes: int) -> None:
    """Compare; what differs is noted in the report."""

    async def wallet(user: str) -> None:
        status, found = await get(f"/wallets/{quote(user, safe='')}")
        if status == HTTPStatus.NOT_FOUND:  # a wallet that was never used
            found = {"balance": "0.00", "held": "0.00"}
        purse = report.balances[user]
        report.differ("balance", user, format_amount(purse.balance), str(found.get("balance")))
        report.differ("held", user, format_amount(purse.held), str(found.get("held")))

    async def order(order_id: str) -> None:
        status, found = await get(f"/transactions/{quote(order_id, safe='')}")
        report.differ(
            "status", order_id, report.statuses[order_id], found["status"] if status == HTTPStatus.OK else "none"
        )

    async def kept(callback_id: str) -> None:
        status, _ = await get(f"/callbacks/log/{callback_id}")
        report.differ("callback", callback_id, "200", str(status))

    async def look_at(one: tuple[Callable[[str], Awaitable[None]], str]) -> None:
        look, name = one
        await look(name)
        report.checked += 1

    everything = [*((wallet, user) for user in report.balances), *((order, each) for each in report.statuses)]
    if not everything:  # senders without orders: what was acknowledged is there
        everything = [(kept, str(callback_id)) for callback_id in report.acknowledged]
    await side_by_side(everything, look_at, lanes)
    report.differences.sort(key=lambda each: (each.subject, each.what))
