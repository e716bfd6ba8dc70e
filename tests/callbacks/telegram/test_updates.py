"""What an update says; hostile ones say nothing, and none raises."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.callbacks.telegram.updates import Blocked, Heard, Moved, said, written
from app.core.language import Lang

ANI = {"id": 1111, "is_bot": False, "language_code": "en"}
PRIVATE = {"id": 1111, "type": "private"}
GROUP = {"id": -100123, "type": "supergroup"}


def heard(message: dict[str, Any], *, bot_name: str = "") -> Any:
    return said({"update_id": 1, "message": message}, bot_name=bot_name, default="id")


@pytest.mark.parametrize(
    ("text", "command", "arguments"),
    [
        ("/saldo", "saldo", ""),
        ("/SALDO", "saldo", ""),
        ("  /status   TU-1  ", "status", "TU-1"),
        ("/start ABCD-EFGH", "start", "ABCD-EFGH"),
        ("/topup\n50000", "topup", "50000"),
        ("/saldo@our_bot", "saldo", ""),
        ("/status@Our_Bot TU-1", "status", "TU-1"),
        ("/status a\nb\x1bc", "status", "a b c"),
    ],
)
def test_a_command_is_read_as_it_was_meant(text: str, command: str, arguments: str) -> None:
    told = heard({"from": ANI, "chat": PRIVATE, "text": text}, bot_name="@our_bot")
    assert told == Heard(command, arguments, "1111", "1111", private=True, lang="en")


@pytest.mark.parametrize(
    "message",
    [
        {"from": ANI, "chat": PRIVATE, "text": "saldo"},
        {"from": ANI, "chat": PRIVATE, "text": "/"},
        {"from": ANI, "chat": PRIVATE, "text": "/saldo@other_bot"},
        {"from": ANI, "chat": PRIVATE, "text": 5},
        {"from": ANI, "chat": PRIVATE},
        {"chat": PRIVATE, "text": "/saldo"},
        {"from": {**ANI, "is_bot": True}, "chat": PRIVATE, "text": "/saldo"},
        {"from": {"id": [1]}, "chat": PRIVATE, "text": "/saldo"},
        {"from": ANI, "sender_chat": {"id": -1}, "chat": GROUP, "text": "/saldo"},
    ],
    ids=range(9),
)
def test_what_is_no_command_of_a_person_to_us_is_left_alone(message: dict[str, Any]) -> None:
    assert heard(message, bot_name="our_bot") is None


def test_a_group_is_not_private() -> None:
    told = heard({"from": ANI, "chat": GROUP, "text": "/saldo"})
    assert told == Heard("saldo", "", "1111", "-100123", private=False, lang="en")


def test_a_group_that_became_a_supergroup_and_one_that_sent_us_away() -> None:
    assert heard({"chat": {"id": -5}, "migrate_to_chat_id": -1005}) == Moved("-5", "-1005")
    gone = {"update_id": 1, "my_chat_member": {"chat": PRIVATE, "date": 7, "new_chat_member": {"status": "kicked"}}}
    assert said(gone, bot_name="", default="id") == Blocked("1111", 7_000_000)
    back = {"update_id": 1, "my_chat_member": {"chat": PRIVATE, "new_chat_member": {"status": "member"}}}
    assert said(back, bot_name="", default="id") is None


@pytest.mark.parametrize(
    ("data", "there"), [("topup:50000", True), ("topup:", False), ("other:1", False), (None, False)]
)
def test_only_buttons_of_ours_are_pressed(data: Any, there: bool) -> None:  # noqa: FBT001
    query = {"id": "1", "from": ANI, "message": {"chat": PRIVATE}, "data": data}
    assert (said({"update_id": 1, "callback_query": query}, bot_name="", default="id") is not None) is there


@pytest.mark.parametrize(("told", "lang"), [("id", "id"), ("en-GB", "en"), ("fr", "id"), (None, "id"), (7, "id")])
def test_the_language_is_the_apps_where_we_speak_it(told: Any, lang: Lang) -> None:
    assert heard({"from": {**ANI, "language_code": told}, "chat": PRIVATE, "text": "/saldo"}).lang == lang


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["from", "chat", "text", "data", "message", "new_chat_member", "sender_chat", "id", "type"])


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine
@given(
    st.sampled_from(["message", "callback_query", "my_chat_member", "new"]), st.dictionaries(FIELDS, JSON, max_size=5)
)
def test_no_update_raises(kind: str, inner: dict[str, Any]) -> None:
    said({"update_id": 1, kind: inner}, bot_name="", default="id")


@pytest.mark.parametrize("text", ["sama-sama", "hati-hati", "SAMA-SAMA", "baik-baik saja"])
def test_a_word_is_no_code(text: str) -> None:
    assert heard({"from": ANI, "chat": PRIVATE, "text": text}) is None


def test_a_code_alone_links_in_private_and_in_a_group_it_is_no_command() -> None:
    for text in (" ABCD-EFG2 ", "kodenya abcd-efg2 ya"):
        assert heard({"from": ANI, "chat": PRIVATE, "text": text}).command == "start"
        assert heard({"from": ANI, "chat": GROUP, "text": text}) is None
    assert heard({"from": ANI, "chat": GROUP, "text": "/link ABCD-EFG2"}).command == "link"
    assert heard({"from": ANI, "chat": GROUP, "text": "/start@other_bot abcd-efg2"}, bot_name="our_bot") is None


def test_what_was_written_is_the_text_or_a_pictures_caption() -> None:
    assert written({"update_id": 1, "edited_message": {"text": "a", "caption": "b"}}) == "a b"
    assert written({"update_id": 1, "message": {"text": ["a"]}}) == ""
    assert written({"update_id": 1}) == ""


def test_commands_of_other_bots_of_a_group_are_left_to_them() -> None:
    for text in ("/roll", "/help", "/roll@our_bot"):
        assert heard({"from": ANI, "chat": GROUP, "text": text}) is None
    assert heard({"from": ANI, "chat": GROUP, "text": "/roll@our_bot"}, bot_name="our_bot").command == "roll"
