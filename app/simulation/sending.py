"""One callback that was signed as its sender would: sent, answered."""

import asyncio

from app.core.errors import NoAnswer, StartRefused
from app.providers.message import Message
from app.simulation.wire import Answer, Broken, Connection, Target


def send(target: Target, message: Message) -> Answer:
    """Send it once. Raises NoAnswer."""
    address = f"{message.path}?{message.query}" if message.query else message.path
    return asyncio.run(_ask(target, message.method, address, headers_of(message), message.body))


def headers_of(message: Message) -> tuple[tuple[str, str], ...]:
    """A message's headers, as they are written."""
    return tuple((name.decode(), value.decode("latin-1")) for name, value in message.headers.items())


def greet(target: Target) -> None:
    """Ask whether somebody is there and lets us manage. Raises NoAnswer, StartRefused."""
    headers = (("Authorization", f"Bearer {target.token}"),) if target.token else ()
    answer = asyncio.run(_ask(target, "GET", "/callbacks/stats", headers, b""))
    if answer.status in {401, 403, 503}:
        raise StartRefused(
            f"{target.url} does not let us manage ({answer.status}); set CALLBACK_ADMIN_TOKEN as it is there"
        )


async def _ask(target: Target, method: str, path: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Answer:
    connection = Connection(target)
    try:
        return await connection.ask(method, path, headers, body)
    except Broken as broken:
        raise NoAnswer(f"{target.url}: {broken}; is the system running? `callbacks up` starts it") from None
    finally:
        await connection.close()
