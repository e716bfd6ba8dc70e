from typing import Any

import pytest

from app.callbacks.telegram.telegram_callbacks import TelegramUpdateHandler
from app.core.errors import UnreadableBody
from tests.callbacks.vectors import HOSTILE_BODIES, HOSTILE_SIGNATURES, VECTORS, Vector, a_request, settings

SAMPLES = [vector for vector in VECTORS if vector.provider == "telegram"]
TOKEN = SAMPLES[0].secret
#: case → kind, chat
KINDS = {
    "message_start": ("message", "1111"),
    "edited_message": ("edited_message", "1111"),
    "channel_post": ("channel_post", "-100555"),
    "callback_query": ("callback_query", "1111"),
    "inline_query": ("inline_query", "1111"),
    "my_chat_member_blocked": ("my_chat_member", "1111"),
    "pre_checkout_query": ("pre_checkout_query", "1111"),
    "unknown_kind": ("a_kind_of_tomorrow", ""),
}


def a_handler(**values: Any) -> TelegramUpdateHandler:
    return TelegramUpdateHandler(settings=settings(**{"telegram_webhook_secret": TOKEN, **values}))


@pytest.mark.parametrize("vector", SAMPLES, ids=repr)
def test_every_sample_is_verified_and_identified_by_update_and_chat(vector: Vector) -> None:
    handler = a_handler()
    verification = handler.verify(vector.request, vector.at)
    if vector.expected == "invalid":
        assert verification.status == 401
        return
    assert verification.how == "token"
    identity = handler.identify(vector.request)
    assert identity.event_key.isdigit()
    if vector.case in KINDS:
        assert (identity.event_type, identity.ordering_key) == KINDS[vector.case]
    assert handler.keeps(vector.request)
    reply = handler.reply(vector.request)
    if vector.case == "callback_query":  # the button is let go at once
        assert reply is not None
        assert b"answerCallbackQuery" in reply.body
    else:
        assert reply is None


@pytest.mark.parametrize("name", [*HOSTILE_BODIES, "no_id", "odd_id"])
def test_a_hostile_body_is_unreadable(name: str) -> None:
    more = {"no_id": b'{"message": {}}', "odd_id": b'{"update_id": [1]}'}
    with pytest.raises(UnreadableBody):
        a_handler().identify(a_request("telegram", HOSTILE_BODIES.get(name) or more.get(name, b"")))


@pytest.mark.parametrize("token", HOSTILE_SIGNATURES, ids=lambda value: repr(value)[:20])
def test_a_hostile_token_proves_nothing(token: Any) -> None:
    headers = {} if token is None else {b"x-telegram-bot-api-secret-token": token}
    assert a_handler().verify(a_request("telegram", {"update_id": 1}, headers), 1).status == 401


def test_a_rotated_token_says_which_one_fitted_and_without_any_it_depends_on_where_we_are() -> None:
    request = a_request("telegram", {"update_id": 1}, {b"x-telegram-bot-api-secret-token": TOKEN.encode()})
    assert a_handler(telegram_webhook_secret=f"new,{TOKEN}").verify(request, 1).how == "token:2"
    assert a_handler(telegram_webhook_secret="").verify(request, 1).how == "unverified"
    assert a_handler(telegram_webhook_secret="", callback_env="production").verify(request, 1).status == 503


def test_an_update_whose_inner_parts_are_odd_is_kept_without_a_chat() -> None:
    odd: list[Any] = [None, [], "x", {"chat": 5}, {"chat": {"id": {}}}, {"message": {"chat": []}}]
    for inner in odd:
        assert a_handler().identify(a_request("telegram", {"update_id": 1, "message": inner})).ordering_key == ""
