"""How values look outside, for the API and `--json`: ids and amounts as strings, times in ISO 8601 UTC."""

import base64
from datetime import UTC, datetime
from typing import Any, overload

import msgspec
from pydantic import BaseModel, ConfigDict

from app.core.money import Minor, format_amount
from app.core.telemetry import HIDDEN, without_webhooks
from app.operate.codes import without_codes
from app.providers.json_call import value_of


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

    Discord's interactions carry a token by which anybody can answer for a quarter of an hour. A body that holds such
    a thing is shown as JSON written anew; `export` has the bytes.
    """
    text = body.decode(errors="replace")
    told = value_of(body)
    clean = _cleaned(told)
    shown = without_webhooks(text if clean == told else msgspec.json.encode(clean).decode())
    if shown != text:
        return shown, base64.b64encode(shown.encode()).decode()
    return text, base64.b64encode(body).decode()


#: What people write: a message's text, a picture's caption.
_WRITTEN = frozenset({"text", "caption"})


def _cleaned(value: Any) -> Any:
    """The same JSON with what is secret in it hidden."""
    if isinstance(value, dict):
        hidden = {"token"} | ({"value"} if value.get("custom_id") == "code" else set())
        return {name: _field(name, inner, hidden) for name, inner in value.items()}
    return [_cleaned(inner) for inner in value] if isinstance(value, list) else value


def _field(name: str, value: Any, hidden: set[str]) -> Any:
    if not isinstance(value, str):
        return _cleaned(value)
    if name in hidden:
        return HIDDEN
    return without_codes(value, HIDDEN) if name in _WRITTEN else value
