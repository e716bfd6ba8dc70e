"""Destinations on loopback for the slow lane: `/d0`, `/d1` …, of which the first few take what comes and never answer.

python -m bench.sink PORT DEAD
"""

import asyncio
import sys
from typing import Any

import msgspec
import uvicorn


def application(dead: int) -> Any:
    """The ASGI application; `/told` says what came."""
    told: dict[str, int] = {}

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if scope["path"] == "/told":
            body = msgspec.json.encode({"different": len(told), "most": max(told.values(), default=0)})
        else:
            if int(scope["path"].removeprefix("/d")) < dead:
                await asyncio.Event().wait()
            key = dict(scope["headers"])[b"idempotency-key"].decode()
            told[key] = told.get(key, 0) + 1
            body = b"{}"
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    return answer


def main() -> int:
    """Serve until it is stopped."""
    port, dead = map(int, sys.argv[1:])
    more: dict[str, Any] = {"log_config": None, "access_log": False, "timeout_graceful_shutdown": 0}
    uvicorn.run(application(dead), port=port, lifespan="off", **more)
    return 0


if __name__ == "__main__":
    sys.exit(main())
