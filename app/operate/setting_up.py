"""What setting up a bot shares, whichever service it lives at: its token, its answers, what is shown of them."""

from typing import Any

from app.core.config import Settings, usable_secrets
from app.core.errors import ExternalAPIError, StartRefused
from app.core.telemetry import hide, redact
from app.providers.bot_setup import SetupAnswer


def token_of(settings: Settings, name: str, where: str) -> str:
    """The first token of a setting, hidden from now on wherever texts are redacted. Raises StartRefused without one."""
    tokens = usable_secrets(getattr(settings, name))
    if not tokens:
        raise StartRefused(f"{name.upper()} is not set; put it into .env: {where}")
    hide(*(token.decode() for token in tokens))
    return tokens[0].decode()


def told_by(service: str, setting: str, heard: SetupAnswer) -> Any:
    """What was told. Raises ExternalAPIError with the service's words, and what to do where that is known."""
    if heard.kind == "told":
        return heard.told
    advice = ""
    if heard.kind == "key_refused":
        advice = f"; {setting.upper()} is wrong: copy it anew"
    elif heard.kind == "wait":
        seconds = heard.retry_after_seconds
        advice = "; try again later" if seconds is None else f"; try again in {seconds:g} s"
    elif heard.kind == "unavailable":
        advice = "; nothing is known to have changed: try again"
    raise ExternalAPIError(redact(f"{service}: {heard.detail}{advice}"))
