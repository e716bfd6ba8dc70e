"""Carries out a plan against a running system: announces, sends like a sender would, waits, and checks."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

import uvloop

from app.core.errors import StartRefused
from app.simulation.asking import Asker, Pace, sentence, shown
from app.simulation.checking import check, in_doubt_now, settled
from app.simulation.plan import Call, Order, Plan, Story
from app.simulation.report import Report
from app.simulation.status_api import StatusApi
from app.simulation.together import side_by_side
from app.simulation.wire import Target

Phase: TypeAlias = Literal["announcing", "sending", "settling", "checking"]
#: Told now and then how far a phase is.
Watch: TypeAlias = Callable[[Phase, Report], None]

#: Announces orders in bulk → the ids of those that were refused, with the reasons.
Announce: TypeAlias = Callable[[Sequence[Order]], list[tuple[str, str]]]

_PAGE_STORIES = 2_000
_TICK_SECONDS = 0.1


@dataclass(frozen=True)
class Way:
    """How a plan is carried out."""

    connections: int = 64
    rate: float | None = None  # callbacks a second; None: as fast as they are answered
    api_port: int = 0
    again_seconds: float = 60.0  # how long something is sent again before it is given up
    still_seconds: float = 60.0  # how long the system may decide nothing before it is not waited for any more
    checks: bool = True
    announce: Announce | None = None  # in bulk, where the state is at hand; by default over HTTP


def run(plan: Plan, target: Target, way: Way | None = None, watch: Watch | None = None) -> Report:
    """Carry out a plan → what came of it; what is not answered is sent again, whatever happens to the server.

    Raises NoAnswer when the system answers nothing for `again_seconds`, StartRefused when it refuses to be managed.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(drive(plan, target, way or Way(), watch or _nobody))


async def drive(plan: Plan, target: Target, way: Way, watch: Watch) -> Report:
    """The same in a loop that runs already."""
    report = Report(plan.name, orders=plan.count)
    asker = Asker(target, report, connections=way.connections, again_seconds=way.again_seconds)
    ticking: asyncio.Task[None] | None = None
    try:
        async with StatusApi(way.api_port) as api:
            it = _Drive(plan, way, report, asker, api)
            for phase, step in it.steps():
                ticking = asyncio.create_task(_tick(watch, phase, report))
                await step()
                ticking.cancel()
                watch(phase, report)
    finally:
        if ticking is not None:
            ticking.cancel()
        await asker.close()
    return report


def _nobody(_phase: Phase, _report: Report) -> None:
    """Nobody watches."""


async def _tick(watch: Watch, phase: Phase, report: Report) -> None:
    while True:
        watch(phase, report)
        await asyncio.sleep(_TICK_SECONDS)


class _Drive:
    """One run's parts."""

    def __init__(self, plan: Plan, way: Way, report: Report, asker: Asker, api: StatusApi) -> None:
        self.plan = plan
        self.way = way
        self.report = report
        self.asker = asker
        self.api = api
        self.pace = Pace(way.rate)
        self.others = 0

    def steps(self) -> Iterator[tuple[Phase, Callable[[], Awaitable[None]]]]:
        """What is done, in this order."""
        yield "announcing", self.announce
        yield "sending", self.send
        if self.way.checks:
            yield "settling", self.settle
            yield "checking", self.check

    async def announce(self) -> None:
        """Announce every order; what purchases are paid from is announced, sent and waited for before them."""
        self.others = await in_doubt_now(self.get)
        funding, lanes = self.plan.funding(), self.way.connections
        if funding:
            await side_by_side(funding, self._announce, lanes)
            await side_by_side(funding, self._send, lanes)
            await self.settle()
            self.report.funding, self.report.sent = self.report.sent, 0
            self.report.answers.clear()
            del self.report.latencies[:]
        began = time.monotonic()
        if self.way.announce is None:
            await side_by_side(self._stories(), self._announce, lanes)
        else:
            await self._announce_in_bulk(self.way.announce)
        self.report.announced_seconds = time.monotonic() - began

    async def send(self) -> None:
        """Send everything, story beside story."""
        self.report.began = time.monotonic()
        await side_by_side(self._stories(), self._send, self.way.connections)
        self.report.seconds = time.monotonic() - self.report.began

    async def settle(self) -> None:
        """Wait until everything is decided."""
        await settled(
            self.get,
            self.report,
            still_seconds=self.way.still_seconds,
            asked=lambda: self.api.asked,
            others=self.others,
        )
        self.report.asked = self.api.asked

    async def check(self) -> None:
        """Compare every wallet and every order with what must have come."""
        await check(self.get, self.report, self.way.connections)

    async def get(self, path: str) -> tuple[int, Any]:
        """Ask a management address → status and JSON."""
        return await self.asker.manage("GET", path)

    def _stories(self) -> Iterator[Story]:
        return (self.plan.story(number) for number in range(self.plan.count))

    async def _announce_in_bulk(self, announce: Announce) -> None:
        stories, number = self._stories(), 0
        while page := list(itertools.islice(stories, _PAGE_STORIES)):
            for story in page:
                self._expect(story)
            orders = [order for story in page if not story.early for order in story.orders]
            for order_id, reason in await asyncio.to_thread(announce, orders):
                self.report.differ("announcement", order_id, "201", reason)
            self.report.announced += len(orders)
            if not number and orders:
                await self._reads_the_same(orders[0])
            number += len(page)

    async def _reads_the_same(self, order: Order) -> None:
        status, _ = await self.get(f"/transactions/{order.order_id}")
        if status != HTTPStatus.OK:
            raise StartRefused("the system reads another state than DATABASE_URL names here; announce without --local")

    async def _announce(self, story: Story) -> None:
        if not story.early:
            for order in story.orders:
                await self._announce_one(order)
        self._expect(story)

    def _expect(self, story: Story) -> None:
        self.report.expect(story.expected)
        self.report.asks += story.asks
        self.report.calls += sum(map(len, story.rounds))

    async def _announce_one(self, order: Order) -> None:
        status, said = await self.asker.manage("POST", "/transactions", order.announcement())
        if status in {HTTPStatus.OK, HTTPStatus.CREATED}:
            self.report.announced += 1
        else:
            self.report.differ("announcement", order.order_id, "201", f"{status} {sentence(said)}")

    async def _send(self, story: Story) -> None:
        for calls in story.rounds:
            await _all(self._send_one(call) for call in calls)
        if story.early:
            for order in story.orders:
                await self._announce_one(order)

    async def _send_one(self, call: Call) -> None:
        await self.pace.turn()
        for truth in call.truths:
            self.api.learn(truth)
        answer = await self.asker.call(call)
        self.report.sent += 1
        self.report.differ("answer", call.order_id, str(call.status), shown(answer, call.status))
        if answer.status == HTTPStatus.OK:
            with suppress(ValueError, KeyError, TypeError):
                self.report.acknowledged[int(json.loads(answer.body)["callback_id"])] = call.order_id


async def _all(doing: Iterable[Awaitable[None]]) -> None:
    """At the same moment; of one alone no task is made."""
    first, *more = doing
    if not more:
        await first
        return
    await asyncio.gather(first, *more)
