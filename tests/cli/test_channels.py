import re

import pytest

from app.core.config import get_settings
from tests.cli.test_commands import Shell, data, shell

__all__ = ["shell"]


def test_a_code_is_made_told_and_takes_the_place_of_the_one_before(shell: Shell) -> None:
    told = shell("channels", "code", "ani").out
    code = told.split()[0]
    assert re.fullmatch(r"[A-Z2-9]{4}-[A-Z2-9]{4}", code)
    assert f"/start {code}" in told
    assert data(shell("channels", "code", "ani", "--json"))["code"] != code


def test_a_user_is_linked_by_hand_listed_and_ended(shell: Shell) -> None:
    shown = shell("channels", "link", "ani", "telegram", "4711", "--who", "sari").out
    assert shown.startswith("channel 1  ani  telegram 4711\n")
    assert "sari" in shown
    assert data(shell("channels", "list", "ani", "--json"))["channels"][0]["lang"] == "en"
    assert "4711" in shell("channels", "list").out
    assert "person" in shell("channels", "end", "1").out
    assert shell("channels", "list").err == "no channels\n"
    assert "4711" in shell("channels", "list", "--all").out
    shell("channels", "end", "9", code=1)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("link", "ani", "fax", "1"), "service"),
        (("link", "ani", "telegram", "ani"), "address"),
        (("link", "ani", "email", "ani@example.com"), "service"),
        (("link", "ani", "telegram", "1", "--lang", "fr"), "lang"),
        (("code", "a b"), "user_id"),
    ],
)
def test_what_does_not_fit_is_told_with_its_field(shell: Shell, arguments: tuple[str, ...], field: str) -> None:
    assert f"{field}: " in shell("channels", *arguments, code=2).err


def test_a_channel_of_the_operators_own_is_a_service(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_CHANNELS", '{"email": "mailtos://u:p@smtp.example.com?to={address}"}')

    get_settings.cache_clear()
    assert "email ani@example.com" in shell("channels", "link", "ani", "email", "ani@example.com").out
    assert "address: " in shell("channels", "link", "ani", "email", "a,b@example.com", code=2).err
