"""Places on loopback for messages, and what comes to them: recipients of apprise's `json://`, chats of Telegram's.

python -m bench.places PORT DEAD SILENT

Of the places numbered 0, 1, 2 … the first DEAD are dead: the first SILENT take what comes and never answer, the next
answers 500, all others hang up. A text is `NUMBER TIME`, the time in nanoseconds at which it was asked for.
"""

import asyncio
import sys
import time
from typing import Any

import msgspec
import uvicorn


class Arrival(msgspec.Struct, frozen=True):
    """One message at a place that lives; seconds."""

    number: int
    took: float  # from when it was asked for
    at: float  # of the machine's clock


def application(dead: int, silent: int) -> Any:
    """The ASGI application; `/told` says what came to the living."""
    told: list[Arrival] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        status, said = 200, b'{"ok": true, "result": {"message_id": 1}}'
        if scope["path"] == "/told":
            said = msgspec.json.encode(told)
        else:
            fields = msgspec.json.decode(body)
            place, text = _read(scope["path"], fields)
            if place < silent:
                await asyncio.Event().wait()
            if silent < place < dead:
                raise ConnectionError("hung up")
            if place < dead:
                status, said = 500, b"{}"
            else:
                number, asked_at = map(int, text.split()[:2])
                now = time.time_ns()
                told.append(Arrival(number, (now - asked_at) / 1e9, now / 1e9))
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(said))]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": said})

    return answer


def _read(path: str, fields: dict[str, Any]) -> tuple[int, str]:
    """The number of the place, and the text."""
    if path.startswith("/bot"):
        return int(fields["chat_id"]), fields["text"]
    return int(path.split("/")[1].removeprefix("d")), fields["message"]


def main() -> int:
    """Serve until it is stopped."""
    port, dead, silent = map(int, sys.argv[1:])
    more: dict[str, Any] = {"log_config": None, "access_log": False, "timeout_graceful_shutdown": 0}
    uvicorn.run(application(dead, silent), port=port, lifespan="off", **more)
    return 0


if __name__ == "__main__":
    sys.exit(main())
