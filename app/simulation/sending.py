"""One callback of a body that somebody wrote: signed as its sender would, sent, answered."""

import asyncio

import msgspec

from app.core.errors import FieldError, NoAnswer, StartRefused
from app.simulation import bodies
from app.simulation.plan import Secrets
from app.simulation.wire import Answer, Broken, Connection, Target


def sign(provider: str, body: bytes, secrets: Secrets) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """A body and its headers, signed where the sender's secret is set; others go as they are.

    Midtrans' signature stands in the body, so that is written anew. Raises FieldError for a body it cannot stand in.
    """
    if provider == "midtrans" and secrets.midtrans:
        return _sign_midtrans(body, secrets.midtrans), bodies.midtrans_headers()
    if provider == "digiflazz" and secrets.digiflazz:
        return body, bodies.digiflazz_headers(body, secrets.digiflazz)
    plain = (("Content-Type", "application/json"),)
    if provider == "telegram" and secrets.telegram:
        return body, (*plain, ("X-Telegram-Bot-Api-Secret-Token", secrets.telegram.decode()))
    return body, plain


def _sign_midtrans(body: bytes, key: bytes) -> bytes:
    try:
        told = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        raise FieldError("--file", "is not JSON") from None
    if not isinstance(told, dict):
        raise FieldError("--file", "is not a JSON object")
    for name in ("order_id", "status_code", "gross_amount"):
        if not isinstance(told.get(name), str):
            raise FieldError("--file", f"{name} has to be a text: Midtrans signs order_id, status_code, gross_amount")
    return bodies.signed_midtrans(told, key)


def send(target: Target, provider: str, body: bytes, headers: tuple[tuple[str, str], ...]) -> Answer:
    """Send it once. Raises NoAnswer."""
    return asyncio.run(_ask(target, "POST", f"/callbacks/webhook/{provider}", headers, body))


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
