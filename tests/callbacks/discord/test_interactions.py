"""What interactions say and are told at once; hostile ones say nothing, and none raises."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.callbacks.discord.interactions import Heard, at_once, choices, heard, typed

BASE: dict[str, Any] = {
    "id": "846462639134605312",
    "application_id": "845027738276462632",
    "token": "aW50ZXJhY3Rpb24tdG9rZW4=",
    "locale": "en-US",
    "member": {"user": {"id": "77"}},
}
DEFERRED = {"type": 5, "data": {"flags": 64}}


def command(name: str, *values: Any) -> dict[str, Any]:
    options = [{"name": f"o{place}", "value": value} for place, value in enumerate(values)]
    return {**BASE, "type": 2, "data": {"name": name, "options": options}}


def form(code: Any = "ABCD-EFGH", custom_id: str = "link-account") -> dict[str, Any]:
    field = {"type": 4, "custom_id": "code", "value": code}
    return {**BASE, "type": 5, "data": {"custom_id": custom_id, "components": [{"type": 1, "components": [field]}]}}


def button(custom_id: str) -> dict[str, Any]:
    return {**BASE, "type": 3, "data": {"custom_id": custom_id, "component_type": 2}}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (command("saldo"), ("saldo", "")),
        (command("status", "TU-1"), ("status", "TU-1")),
        (command("topup", 50000), ("topup", "50000")),
        (command("bahasa", "en"), ("bahasa", "en")),
        (button("topup:20000"), ("topup", "20000")),
        (form(), ("link", "ABCD-EFGH")),
        (form(""), ("link", "-")),
    ],
    ids=range(7),
)
def test_what_is_asked_is_deferred_for_the_user_alone_and_then_heard(data: Any, told: tuple[str, str]) -> None:
    assert at_once(data, default="id") == DEFERRED
    asked = heard(data, default="id")
    assert asked == Heard(*told, "77", BASE["application_id"], BASE["token"], "en")


def test_the_form_for_a_code_opens_by_command_and_by_button() -> None:
    for data in (command("link"), button("link")):
        told = at_once(data, default="id")
        assert told["type"] == 9
        assert told["data"]["custom_id"] == "link-account"
        assert told["data"]["components"][0]["components"][0]["custom_id"] == "code"
        assert heard(data, default="id") is None, "the form is the answer, nothing more comes"


def test_what_is_not_ours_is_told_so_or_left_as_it_is() -> None:
    told = at_once(command("tomorrow"), default="id")
    assert told == {"type": 4, "data": {"content": "There is no command /tomorrow.", "flags": 64}}
    assert at_once(button("accept"), default="id") == {"type": 6}
    assert heard(command("tomorrow"), default="id") is None
    assert heard(button("accept"), default="id") is None
    assert heard(form(custom_id="other"), default="id") is None


@pytest.mark.parametrize(
    "more",
    [
        {"member": None},
        {"member": {"user": {"id": [1]}}},
        {"application_id": "../../users"},
        {"application_id": None},
        {"token": "a/../b"},
        {"token": ""},
        {"token": "x" * 600},
        {"token": None},
    ],
    ids=range(8),
)
def test_what_could_not_be_answered_or_would_lead_elsewhere_is_not_heard(more: dict[str, Any]) -> None:
    assert heard({**command("saldo"), **more}, default="id") is None


def test_what_is_typed_is_found_and_long_choices_are_left_out() -> None:
    data = {
        **BASE,
        "type": 4,
        "data": {"name": "status", "options": [{"value": "x"}, {"value": "TU", "focused": True}]},
    }
    assert typed(data) == "TU"
    assert typed({}) == ""
    told = choices(["TU-1", "x" * 101, *(f"T{n}" for n in range(40))])["data"]["choices"]
    assert told[0] == {"name": "TU-1", "value": "TU-1"}
    assert len(told) == 25
    assert {"name": "x" * 101, "value": "x" * 101} not in told


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["type", "data", "member", "user", "token", "locale", "application_id", "id", "message"])
INNER = st.sampled_from(["name", "custom_id", "options", "components"])


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine
@given(st.dictionaries(NAMES, JSON | st.dictionaries(INNER, JSON, max_size=3), max_size=6), st.integers(0, 6))
def test_no_interaction_raises(data: dict[str, Any], kind: int) -> None:
    for each in (data, {**BASE, **data, "type": kind}):
        heard(each, default="id")
        at_once(each, default="id")
        typed(each)
