"""What Midtrans says about a payment when it is asked; whether that fits the question is the ledger's to judge."""

import base64
from http import HTTPStatus
from typing import Literal
from urllib.parse import quote, urlsplit

import httpx2
import msgspec

from app.core.errors import NoAnswer
from app.providers.asking import Kind, SenderAnswer
from app.providers.json_call import object_of
from app.providers.outgoing import Reply, retry_after_seconds, send

_ID_MAX = 128  # characters; Midtrans' own ids have at most 50
_EXPIRED = "407"  # an expired payment, not an error. Source: Midtrans, Get status


class StatusAnswer(SenderAnswer, frozen=True, kw_only=True):
    """What the status API said, and under which of its names the payment was found, or not found."""

    by: Literal["order", "transaction"]
    #: the order's own name was asked for first and is unknown there
    order_unknown: bool = False


async def ask(
    client: httpx2.AsyncClient,
    base_url: str,
    server_key: bytes,
    order_id: str,
    attempt: str,
    *,
    total_seconds: float = 10.0,
) -> StatusAnswer:
    """Ask by the order's id, and by the attempt's where that tells of another attempt or nothing; never raises.

    `attempt` is the `transaction_id`, empty when none is known. Source: Midtrans, Get status: Basic auth, the server
    key as user, no password; some methods (DANA, BI-SNAP accounts) are known by transaction alone.
    """

    async def look(name: str, by: Literal["order", "transaction"]) -> StatusAnswer:
        return await _look(client, base_url, server_key, name, by, total_seconds)

    first = await look(order_id, "order")
    if not attempt or attempt == order_id or first.kind not in {"found", "unknown"}:
        return first
    if first.kind == "found" and _transaction_of(first.body) == attempt:
        return first
    second = await look(attempt, "transaction")
    return msgspec.structs.replace(second, order_unknown=first.kind == "unknown")


async def _look(
    client: httpx2.AsyncClient,
    base_url: str,
    server_key: bytes,
    name: str,
    by: Literal["order", "transaction"],
    total_seconds: float,
) -> StatusAnswer:
    path = _path_of(name)
    asked = _without_user(base_url) + (path or "/v2/…/status")
    if path is None:
        return StatusAnswer("unknown", asked, detail="no payment can have this id", by=by, order_unknown=by == "order")
    headers = {
        "authorization": "Basic " + base64.b64encode(server_key + b":").decode(),
        "accept": "application/json",
    }
    try:
        reply = await send(client, "GET", base_url.rstrip("/") + path, headers=headers, total_seconds=total_seconds)
    except NoAnswer as error:
        return StatusAnswer("unavailable", asked, detail=str(error), by=by)
    kind, detail = read(reply)
    return StatusAnswer(
        kind,
        asked,
        reply.body,
        detail,
        retry_after_seconds(reply.headers) if kind == "unavailable" else None,
        by=by,
        order_unknown=kind == "unknown" and by == "order",
    )


def read(reply: Reply) -> tuple[Kind, str]:
    """What one HTTP answer means, and a sentence for a person. Pure.

    Midtrans answers errors with HTTP 200 and the code in the body (`status_code` "404", "401"), or with the HTTP
    status; 407 inside is an expired payment.
    """
    told = object_of(reply.body)
    code = str(told.get("status_code", "")) if told is not None else ""
    words = f"HTTP {reply.status}" + (f", status_code {code[:8]}" if code else "")
    effective = code if HTTPStatus(200) <= reply.status < HTTPStatus(300) else str(reply.status)
    if effective == "401":
        return "key_refused", words
    if effective == "404" and (told is not None or not reply.body.strip()):
        return "unknown", words
    if told is None:
        return "unavailable", f"{words}: the body is no JSON object"
    if effective != _EXPIRED and not (effective.startswith("2") and len(effective) == len("200")):
        return "unavailable", words
    if reply.status >= HTTPStatus(300) or not isinstance(told.get("transaction_status"), str):
        return "unavailable", f"{words}: the body tells no transaction_status"
    return "found", words


def _transaction_of(body: bytes) -> object:
    return (object_of(body) or {}).get("transaction_id")


def _path_of(name: str) -> str | None:
    """`TU/1` → `/v2/TU%2F1/status`; None for what cannot stand in an address (dots alone would climb out of it)."""
    if not name.strip(".") or len(name) > _ID_MAX:
        return None
    try:
        return f"/v2/{quote(name, safe='')}/status"
    except UnicodeEncodeError:  # a lone surrogate
        return None


def _without_user(base_url: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
