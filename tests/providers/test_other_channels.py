"""What CALLBACK_CHANNELS may say, who may receive, and that nobody who receives changes where it goes."""

import json
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from apprise import Apprise
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import FieldError, StartRefused
from app.providers.other_channels import (
    OtherMessage,
    address_for,
    channels_from,
    channels_of,
    other_message,
    recipient_of,
)

EMAIL = "mailtos://shop:hunter22@smtp.example.com?from=shop@example.com&to={address}"
WHATSAPP = "whatsapp://token12345@1234567890/{address}"


def test_channels_are_an_object_of_names_and_addresses() -> None:
    assert channels_from(json.dumps({"email": EMAIL, "wa-2": WHATSAPP})) == {"email": EMAIL, "wa-2": WHATSAPP}
    assert channels_from("") == channels_from("{}") == channels_of(None) == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mailtos://u:hunter22@h?to={address}", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('["mailtos://u:hunter22@h?to={address}"]', "not a JSON object"),
        ('{"a": "mailto://u:hunter22@h/{address}", "a": "mailto://u:hunter22@h/{address}"}', "twice"),
        ('{"Email": "mailto://u:hunter22@h/{address}"}', "'Email' needs a name"),
        ('{"telegram": "mailto://u:hunter22@h/{address}"}', "taken"),
        ('{"ask": "mailto://u:hunter22@h/{address}"}', "taken"),
        ('{"email": 5}', "not an address"),
        ('{"email": "u:hunter22@h/{address}"}', "not an address"),
        ('{"email": "mailto://u:hunter22@h/{address}\\n"}', "not an address"),
        ('{"email": "mailto://u:hunter22@h"}', "has no {address}"),
        ('{"email": "mailto://u:hunter22@{address}"}', "in the place of the host"),
        ('{"email": "mailto://{address}:hunter22@h/x"}', "in the place of the host"),
        ('{"email": "mailto://u:hunter22@h/x?{address}=1"}', "parameter's name"),
    ],
)
def test_a_setting_that_cannot_be_is_told_by_its_name_and_never_with_an_address(text: str, reason: str) -> None:
    with pytest.raises(StartRefused) as told:
        channels_from(text)
    assert "CALLBACK_CHANNELS" in str(told.value)
    assert reason in str(told.value)
    assert "hunter22" not in str(told.value)
    assert told.value.__cause__ is None


@pytest.mark.parametrize(
    "recipient", ["ani+1@example.com", "o'brien@example.com", "+6281234567890", "@ani:host", "kafé"]
)
def test_a_recipient_stands_in_the_address_percent_encoded_whole(recipient: str) -> None:
    address = address_for(EMAIL, recipient)
    assert unquote(address.partition("&to=")[2]) == recipient
    assert not set("@+:'é") & set(address.partition("&to=")[2])


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "  ",
        None,
        5,
        ["ani@example.com"],
        "a" * 257,
        "ani@example.com\r\nBcc: all@example.com",
        "ani@example.com\0",
        "ani@example.com\ud800",
        "x?smtp=10.0.0.1",
        "x&smtp=10.0.0.1",
        "x%26smtp=10.0.0.1",
        "x;smtp=10.0.0.1",
        "a@b/../c",
        "..",
        "\\\\host",
        "#general",
        "a@example.com,b@example.com",
        "a@example.com b@example.com",
        "Ani <a@example.com>",
        "{address}",
    ],
)
def test_a_recipient_that_could_lead_elsewhere_is_refused(recipient: Any) -> None:
    with pytest.raises(FieldError) as told:
        recipient_of(recipient)
    assert told.value.field == "address"
    assert "10.0.0.1" not in str(told.value)


@given(st.text(max_size=40))
def test_no_recipient_changes_the_host_the_parameters_or_the_path_before(recipient: str) -> None:
    for template in (EMAIL, WHATSAPP, "json://user:hunter22@127.0.0.1:9/notify/{address}?+X-Key=abc"):
        try:
            told, usual = urlsplit(address_for(template, recipient)), urlsplit(address_for(template, "x"))
        except FieldError:
            return
        assert (told.scheme, told.netloc, told.fragment) == (usual.scheme, usual.netloc, "")
        assert told.path.count("/") == usual.path.count("/")
        assert [pair.split("=")[0] for pair in told.query.split("&")] == [
            pair.split("=")[0] for pair in usual.query.split("&")
        ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@settings(deadline=None)  # the first one loads all of its plugins
@given(st.text(st.sampled_from("ab@.:+-=!'~*$^1"), min_size=1, max_size=20))
def test_the_library_that_sends_reads_the_same_host_and_parameters_for_every_recipient(recipient: str) -> None:
    try:
        address = address_for(EMAIL.replace("mailtos", "mailto"), recipient)
    except FieldError:
        return
    plugin: Any = Apprise.instantiate(address)
    assert (plugin.smtp_host, plugin.user, plugin.password, plugin.from_addr[1]) == (
        "smtp.example.com",
        "shop",
        "hunter22",
        "shop@example.com",
    )
    assert (plugin.cc, plugin.bcc, plugin.reply_to) == (set(), set(), set())


def test_a_message_has_one_line_of_title_and_a_text_without_markup() -> None:
    data = {"address": "ani@example.com", "message": " <b>Saldo</b>\nRp100 ", "title": "Halo\r\nBcc: x@y.z\0"}
    assert other_message("email", data) == OtherMessage(
        "email", "ani@example.com", "<b>Saldo</b>\nRp100", "Halo Bcc: x@y.z"
    )
    assert len(other_message("email", {**data, "title": "t" * 300}).title) == 200


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"address": None}, "address"),
        ({"message": None}, "message"),
        ({"message": " \n"}, "message"),
        ({"message": "\ud800"}, "message"),
        ({"message": "x" * 30_001}, "message"),
        ({"title": ["x"]}, "title"),
    ],
)
def test_what_cannot_be_sent_is_told_by_its_field(more: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as told:
        other_message("email", {"address": "ani@example.com", "message": "x", **more})
    assert told.value.field == field
