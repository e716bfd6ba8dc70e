import json
from typing import Any

import pytest

from app.callbacks.discord.discord_callbacks import DiscordBotEventHandler, DiscordSlashCommandHandler
from app.core.errors import StartRefused, UnreadableBody
from tests.callbacks.vectors import HOSTILE_BODIES, HOSTILE_SIGNATURES, VECTORS, Vector, a_request, settings

SAMPLES = [vector for vector in VECTORS if vector.provider == "discord"]
KEY = SAMPLES[0].secret

#: case → kept, status, type of the answer, event type
ANSWERS: dict[str, tuple[bool, int, int | None, str]] = {
    "ping": (False, 200, 1, "ping"),
    "webhook_event_ping": (False, 204, None, "event"),
    "webhook_event_authorized": (True, 204, None, "application_authorized"),
    "slash_saldo": (True, 200, 5, "command:saldo"),
    "slash_status": (True, 200, 5, "command:status"),
    "slash_topup": (True, 200, 5, "command:topup"),
    "dm_slash_saldo": (True, 200, 5, "command:saldo"),
    "unknown_command": (True, 200, 4, ""),
    "component_button": (True, 200, 5, "component:topup:50000"),
    "modal_submit": (True, 200, 5, ""),
    "autocomplete": (False, 200, 8, "autocomplete:status"),
}


def a_handler(**values: Any) -> DiscordSlashCommandHandler:
    return DiscordSlashCommandHandler(settings=settings(**{"discord_public_key": KEY, **values}))


@pytest.mark.parametrize("vector", SAMPLES, ids=repr)
def test_every_sample_is_verified_and_answered_in_discords_protocol(vector: Vector) -> None:
    handler = a_handler()
    verification = handler.verify(vector.request, vector.at)
    if vector.expected == "invalid":
        assert verification.status == 401
        return
    assert verification.how == "signature"
    kept, status, kind, event_type = ANSWERS[vector.case]
    assert handler.keeps(vector.request) is kept
    answer = handler.reply(vector.request)
    assert answer is not None
    assert answer.status == status
    assert (json.loads(answer.body)["type"] if answer.body else None) == kind
    identity = handler.identify(vector.request)
    assert event_type in {"", identity.event_type}
    assert identity.event_key != ""


def test_an_old_interaction_proves_nothing() -> None:
    vector = SAMPLES[0]
    verification = a_handler().verify(vector.request, vector.at + 3_600_000_000)
    assert (verification.status, verification.reason) == (401, "timestamp_out_of_range")


@pytest.mark.parametrize("name", [*HOSTILE_BODIES, "no_type"])
def test_a_hostile_body_is_unreadable(name: str) -> None:
    body = HOSTILE_BODIES.get(name, b'{"id": "1"}')
    with pytest.raises(UnreadableBody):
        a_handler().identify(a_request("discord", body))


@pytest.mark.parametrize("signature", HOSTILE_SIGNATURES, ids=lambda value: repr(value)[:20])
def test_a_hostile_signature_proves_nothing(signature: Any) -> None:
    headers = {b"x-signature-timestamp": b"1764000000"}
    if signature is not None:
        headers[b"x-signature-ed25519"] = signature
    assert a_handler().verify(a_request("discord", {"type": 1}, headers), 1_764_000_000_000_000).status == 401


def test_without_a_key_development_takes_it_unverified_and_production_is_not_configured() -> None:
    request = a_request("discord", {"type": 1})
    assert a_handler(discord_public_key=" ").verify(request, 1).how == "unverified"
    assert a_handler(discord_public_key=None, callback_env="production").verify(request, 1).status == 503


def test_a_key_that_is_none_stops_the_start() -> None:
    with pytest.raises(StartRefused, match="DISCORD_PUBLIC_KEY"):
        a_handler(discord_public_key="not-a-key")


def test_a_bots_event_says_what_happened() -> None:
    handler = DiscordBotEventHandler(settings=settings())
    assert handler.identify(a_request("discord", {"event_type": "on_ready"})).event_type == "on_ready"
    with pytest.raises(UnreadableBody, match="event_type"):
        handler.identify(a_request("discord", {"guild": 1}))
