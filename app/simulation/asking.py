"""Asks a running system until it answers, as senders do: again after 503 and broken connections."""

import asyncio
import json
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from app.core.errors import NoAnswer, StartRefused
from app.simulation.plan import Call
from app.simulation.report import Report
from app.simulation.wire import Answer, Broken, Pool, Target

_PAUSE_SECONDS = 0.02  # before something is sent again; doubled each time
_PAUSE_SECONDS_MAX = 1.0
_JSON = (("Content-Type", "application/json"),)


class Asker:
    """The system, as senders and its manager reach it; what was answered is counted in the report."""

    def __init__(self, target: Target, report: Report, *, connections: int, again_seconds: float) -> None:
        self._pool = Pool(target, connections)
        self._report = report
        self._again_seconds = again_seconds
        self._token = (("Authorization", f"Bearer {target.token}"),) if target.token else ()

    async def call(self, call: Call) -> Answer:
        """Send a callback. Raises NoAnswer."""
        return await self._until_answered("POST", call.target, call.headers, call.body, call)

    async def manage(self, method: str, path: str, data: Any = None) -> tuple[int, Any]:
        """Ask a management address → status and JSON. Raises NoAnswer, StartRefused."""
        headers = self._token if data is None else (*_JSON, *self._token)
        body = b"" if data is None else json.dumps(data).encode()
        answer = await self._until_answered(method, path, headers, body)
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise StartRefused(f"{path}: {shown(answer)}; set CALLBACK_ADMIN_TOKEN here as it is set there")
        try:
            return answer.status, json.loads(answer.body)
        except ValueError:
            raise NoAnswer(f"{path}: {answer.status}, and no JSON; is this the system?") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def _until_answered(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes, call: Call | None = None
    ) -> Answer:
        """Ask until there is an answer that a repetition cannot improve."""
        deadline = time.monotonic() + self._again_seconds
        pause = _PAUSE_SECONDS
        while True:
            began = time.monotonic()
            try:
                answer = await self._pool.ask(method, path, headers, body)
            except Broken as broken:
                why = str(broken)
            else:
                if call is not None:
                    self._report.answers[answer.status] += 1
                    self._report.latencies.append(time.monotonic() - began)
                if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    return answer
                why = shown(answer)
            if time.monotonic() > deadline:
                raise NoAnswer(f"{method} {path}: {why}, for {self._again_seconds:.0f} s")
            self._report.again[why] += 1
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE_SECONDS_MAX)


class Pace:
    """So many turns a second; what was missed is made up for, but not more than a second of it."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._due: float | None = None

    async def turn(self) -> None:
        """Wait for the next turn."""
        if self._rate is None:
            return
        now = time.monotonic()
        self._due = now if self._due is None else max(self._due + 1 / self._rate, now - 1.0)
        await asyncio.sleep(self._due - now)


def shown(answer: Answer, wanted: int = 0) -> str:
    """`503 too many callbacks wait for the disk; …`; of what was wanted the status alone."""
    if answer.status == wanted:
        return str(answer.status)
    try:
        told = json.loads(answer.body)
    except ValueError:
        return str(answer.status)
    return f"{answer.status} {sentence(told)}".strip()


def sentence(told: Any) -> str:
    """What an answer's problem says."""
    return str(told.get("detail") or told.get("title") or "")[:200] if isinstance(told, dict) else ""
