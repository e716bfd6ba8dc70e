"""How values look outside, for the API and `--json`: ids and amounts as strings, times in ISO 8601 UTC."""

import base64
import re
from datetime import UTC, datetime
from typing import overload

from pydantic import BaseModel, ConfigDict

from app.core.money import Minor, format_amount
from app.core.telemetry import HIDDEN, without_webhooks

#: What people type to link a chat: in a message, and in a form, whichever of its two fields comes first.
_CODES = (
    re.compile(r"(/start(?:@\w+)?(?: |\\n|\\t)+)[^\"\\]+"),
    re.compile(r'("custom_id"\s*:\s*"code"[^{}]*?"value"\s*:\s*")[^"]*'),
    re.compile(r'("value"\s*:\s*")[^"]*(?="[^{}]*?"custom_id"\s*:\s*"code")'),
    re.compile(r'("text"\s*:\s*")[A-Za-z2-9]{4}-[A-Za-z2-9]{4}(?=")'),
)
_TOKEN = re.compile(r'("token"\s*:\s*")(?:[^"\\]|\\.)+(")')


def time_text(at: int) -> str:
    """Microseconds UTC → `"2025-11-25T04:49:00.123456Z"`."""
    seconds, micro = divmod(at, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{micro:06d}Z"


@overload
def amount_text(minor: Minor) -> str: ...
@overload
def amount_text(minor: Minor | None) -> str | None: ...
def amount_text(minor: Minor | None) -> str | None:
    """Minor units → a decimal string; None stays None."""
    return None if minor is None else format_amount(minor)


class Shown(BaseModel):
    """What leaves the system; its fields are the API's."""

    model_config = ConfigDict(frozen=True)


def body_shown(body: bytes) -> tuple[str, str]:
    """A body as text and as base64, both without tokens, codes and the secret ends of webhooks' addresses.

    Discord's interactions carry a token by which anybody can answer for a quarter of an hour. `export` has the bytes.
    """
    text = body.decode(errors="replace")
    shown = without_webhooks(_TOKEN.sub(rf"\1{HIDDEN}\2", text))
    for code in _CODES:
        shown = code.sub(rf"\1{HIDDEN}", shown)
    if shown != text:
        return shown, base64.b64encode(shown.encode()).decode()
    return text, base64.b64encode(body).decode()
