"""What is asked to be sent becomes requests within every limit; what cannot be sent is told by its field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import FieldError
from app.providers.chat_messages import DISCORD, TELEGRAM, discord_message, message_of, telegram_message
from app.providers.chat_text import units

WEBHOOK = "https://discord.com/api/webhooks/123456/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"


def test_a_message_to_telegram_is_one_request_a_part() -> None:
    message = telegram_message({"chat_id": 4711, "message": "x" * 4_097, "parse_mode": "HTML", "silent": True})
    assert (message.service, message.destination, message.address) == (TELEGRAM, "4711", "")
    assert [len(part["text"]) for part in message.parts] == [4_096, 1]
    assert message.part == {
        "chat_id": "4711",
        "text": "x" * 4_096,
        "parse_mode": "HTML",
        "disable_notification": True,
    }


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"message": "x"}, "chat_id"),
        ({"chat_id": True, "message": "x"}, "chat_id"),
        ({"chat_id": "4711/../x", "message": "x"}, "chat_id"),
        ({"chat_id": 1, "message": "x", "parse_mode": "html"}, "parse_mode"),
        ({"chat_id": 1}, "message"),
        ({"chat_id": 1, "message": " \n"}, "message"),
        ({"chat_id": 1, "message": ["x"]}, "message"),
        ({"chat_id": 1, "message": "\ud800"}, "message"),
        ({"chat_id": 1, "message": "x" * 4_096 * 20 + "x"}, "message"),
    ],
)
def test_what_telegram_cannot_be_sent_is_told_by_its_field(data: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as told:
        telegram_message(data)
    assert told.value.field == field


def test_a_text_alone_is_content_and_nobody_is_mentioned() -> None:
    message = discord_message({"webhook_url": WEBHOOK, "message": "@everyone hello"})
    assert (message.service, message.destination, message.address) == (DISCORD, "123456", WEBHOOK)
    assert message.parts == [{"content": "@everyone hello", "allowed_mentions": {"parse": []}}]


def test_a_title_or_a_color_makes_an_embed_and_a_long_text_goes_on_below() -> None:
    message = discord_message(
        {
            "webhook_url": WEBHOOK,
            "title": "t" * 300,
            "message": "word " * 1_000,
            "color": "#00ff00",
            "footer": "f",
            "author": "a",
            "url": "https://shop.example",
            "image": "https://shop.example/i.png",
            "fields": [{"name": "n", "value": "v" * 2_000, "inline": True}],
            "username": "Toko",
        }
    )
    first, second = message.parts
    (embed,) = first["embeds"]
    assert (len(embed["title"]), embed["title"][-1], embed["color"]) == (256, "…", 0x00FF00)
    assert embed["fields"] == [{"name": "n", "value": "v" * 1_023 + "…", "inline": True}]
    assert (embed["footer"], embed["author"], embed["image"]) == (
        {"text": "f"},
        {"name": "a"},
        {"url": "https://shop.example/i.png"},
    )
    assert set(second["embeds"][0]) == {"color", "description"}
    assert first["username"] == second["username"] == "Toko"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"webhook_url": "http://discord.com/api/webhooks/1/aaaaaaaaaa"}, "webhook_url"),
        ({"webhook_url": "https://evil.example/api/webhooks/1/aaaaaaaaaa"}, "webhook_url"),
        ({"webhook_url": "https://discord.com.evil.example/api/webhooks/1/aaaaaaaaaa"}, "webhook_url"),
        ({"webhook_url": "https://discord.com@evil.example/api/webhooks/1/aaaaaaaaaa"}, "webhook_url"),
        ({"webhook_url": "https://discord.com:8443/api/webhooks/1/aaaaaaaaaa"}, "webhook_url"),
        ({"webhook_url": "https://discord.com:99999/api/webhooks/1/aaaaaaaaaa"}, "webhook_url"),
        ({"webhook_url": "https://discord.com/api/users/1/aaaaaaaaaa"}, "webhook_url"),
        ({"webhook_url": "https://[discord.com/api/webhooks/1/aaaaaaaaaa"}, "webhook_url"),
        ({"webhook_url": WEBHOOK + "\n"}, "webhook_url"),
        ({"webhook_url": None}, "webhook_url"),
        ({"color": 1 << 24}, "color"),
        ({"color": "red"}, "color"),
        ({"color": True}, "color"),
        ({"username": "My Discord bot"}, "username"),
        ({"fields": [{"name": "n"}]}, "fields[0]"),
        ({"fields": [{}] * 26}, "fields"),
        ({"fields": [{"name": "n" * 256, "value": "v" * 1_024}] * 5}, "fields"),
        ({"allowed_mentions": "everyone"}, "allowed_mentions"),
        ({"message": 5}, "message"),
        ({"message": ""}, "message"),
        ({"title": ["x"]}, "title"),
    ],
)
def test_what_discord_cannot_be_sent_is_told_by_its_field_and_never_with_the_address(
    more: dict[str, Any], field: str
) -> None:
    with pytest.raises(FieldError) as told:
        discord_message({"webhook_url": WEBHOOK, "message": "x", **more})
    assert told.value.field == field
    assert "aaaa" not in str(told.value)


def test_a_webhook_may_be_where_the_operator_says_that_discord_is() -> None:
    url = "http://127.0.0.1:99/api/webhooks/shop/aaaaaaaaaaaa"
    assert discord_message({"webhook_url": url, "message": "x"}, api="http://127.0.0.1:99/api/v10").address == url
    with pytest.raises(FieldError):
        discord_message({"webhook_url": url, "message": "x"}, api="http://127.0.0.1:98/api/v10")


def test_a_type_that_nobody_knows_is_told() -> None:
    with pytest.raises(FieldError, match="webhook_type"):
        message_of("fax", {})


@given(
    st.text(st.sampled_from("ab \n😀`"), max_size=9_000),
    st.text(st.sampled_from("a😀"), max_size=300),
    st.lists(st.tuples(st.text("a😀", min_size=1, max_size=300), st.text("b", min_size=1, max_size=1_100)), max_size=4),
)
def test_every_request_to_discord_keeps_its_limits(text: str, title: str, fields: list[tuple[str, str]]) -> None:
    data = {
        "webhook_url": WEBHOOK,
        "message": text,
        "title": title,
        "fields": [{"name": name, "value": value} for name, value in fields],
    }
    try:
        message = discord_message(data)
    except FieldError as error:
        assert not text.strip() or error.field == "fields"  # noqa: PT017 - which of them may be refused
        return
    for part in message.parts:
        assert units(part.get("content", "")) <= 2_000
        for embed in part.get("embeds", []):
            lengths = [units(embed.get("title", "")), units(embed.get("description", ""))]
            assert lengths[0] <= 256
            assert lengths[1] <= 4_096
            for field in embed.get("fields", []):
                assert units(field["name"]) <= 256
                assert units(field["value"]) <= 1_024
                lengths += [units(field["name"]), units(field["value"])]
            assert sum(lengths) <= 6_000
