"""What is genuine for one sender or one order proves nothing for another one."""

import json
from typing import Any

import pytest

from app.callbacks.callback_manager import CallbackManager
from app.engine.callback import Request
from tests.callbacks.vectors import VECTORS, Vector, a_request, settings

GENUINE = [vector for vector in VECTORS if vector.expected == "valid"]
SECRETS = {vector.provider: (vector.secret_name.lower(), vector.secret) for vector in GENUINE}


@pytest.fixture(scope="module")
def manager() -> CallbackManager:
    return CallbackManager(settings=settings(**dict(SECRETS.values())))


def proves(manager: CallbackManager, request: Request, at: int) -> bool:
    return bool(manager.handlers[request.provider].verify(request, at).ok)


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if vector.expected == "invalid"], ids=repr)
def test_a_forged_sample_is_refused(vector: Vector, manager: CallbackManager) -> None:
    assert not proves(manager, vector.request, vector.at)


@pytest.mark.parametrize("provider", sorted(SECRETS))
def test_what_one_sender_signed_proves_nothing_at_the_address_of_another(
    provider: str, manager: CallbackManager
) -> None:
    carriers = {"digiflazz": b"x-hub-signature", "telegram": b"x-telegram-bot-api-secret-token"}
    for vector in GENUINE:
        if vector.provider == provider:
            assert proves(manager, vector.request, vector.at), vector
            continue
        headers = dict(vector.headers)
        signed = [*headers.values(), str(_object(vector.body).get("signature_key")).encode()]
        tried = [headers, *({**headers, carriers[provider]: value} for value in signed if provider in carriers)]
        for each in tried:
            request = Request(provider, vector.body, each, "127.0.0.1", vector.at)
            assert not proves(manager, request, vector.at), (vector, each)


def test_the_signature_of_one_order_proves_no_other_order_code_or_amount(manager: CallbackManager) -> None:
    notices = {v.case: _object(v.body) for v in GENUINE if v.provider == "midtrans"}
    signed = ("order_id", "status_code", "gross_amount")
    tried = 0
    for told in notices.values():
        for other in notices.values():
            for names in (("order_id",), ("status_code",), ("gross_amount",), signed):
                forged = told | {name: other[name] for name in names}
                if any(forged[name] != told[name] for name in signed):
                    assert not proves(manager, a_request("midtrans", forged), 1), (told, forged)
                    tried += 1
    assert tried > 1_000


def test_the_signature_of_one_body_proves_no_other_body(manager: CallbackManager) -> None:
    calls = [vector for vector in GENUINE if vector.provider == "digiflazz"]
    for told in calls:
        for other in calls:
            if told.body != other.body:
                forged = Request("digiflazz", other.body, told.headers, "127.0.0.1", 1)
                assert not proves(manager, forged, 1), (told, other)


def _object(body: bytes) -> dict[str, Any]:
    told = json.loads(body)
    return told if isinstance(told, dict) else {}
