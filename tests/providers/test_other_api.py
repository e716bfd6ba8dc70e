"""Through apprise to real servers on loopback: what became of a message, and no secret in what is told of it."""

import logging
import sys
from collections.abc import Iterator

import pytest

from app.core import telemetry
from app.core.errors import StartRefused
from app.providers.other_api import Channel, Line, kind_of, open_channels, send_other
from app.providers.other_channels import OtherMessage
from tests.fakes import mail_server as fake
from tests.fakes.json_receiver import Receiver, json_receiver
from tests.fakes.mail_server import MailServer, free_port, mail_server

PASSWORD = "hunter22-of-the-mail"
MESSAGE = OtherMessage("email", "ani@example.com", "Saldo <b>Rp100</b> & more", "Halo")


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with json_receiver() as made:
        yield made


def email(port: int, more: str = "") -> Channel:
    template = f"mailto://shop:{PASSWORD}@127.0.0.1:{port}?from=shop@example.com&to={{address}}{more}"
    return open_channels({"email": template})["email"]


def hook(port: int, more: str = "") -> Channel:
    template = f"json://shop:{PASSWORD}@127.0.0.1:{port}/notify/{{address}}{more}"
    return open_channels({"hook": template})["hook"]


def test_a_mail_arrives_as_it_was_written(mails: MailServer) -> None:
    assert send_other(email(mails.port), MESSAGE).kind == "sent"
    (mail,) = mails.mails
    assert (mail.sender, mail.to, mail.subject) == ("shop@example.com", ["ani@example.com"], "Halo")
    assert mail.content.get_content_type() == "text/plain"
    assert mail.text.strip() == "Saldo <b>Rp100</b> & more"
    assert mails.logins == [("shop", PASSWORD)]


@pytest.mark.parametrize("title", ["Halo\r\nBcc: all@example.com", "Halo\nTo: all@example.com", "Halo\rX: y"])
def test_a_title_that_was_kept_with_line_breaks_writes_no_header(mails: MailServer, title: str) -> None:
    send_other(email(mails.port), OtherMessage("email", "ani@example.com", "x", title))
    for mail in mails.mails:
        assert mail.to == ["ani@example.com"]
        assert mail.content["Bcc"] is None
        assert mail.content["X"] is None
        assert mail.content.get_all("To") == ["ani@example.com"]


@pytest.mark.parametrize(
    "recipient", ["x?smtp=10.0.0.1", "a@b/../c", "ani@example.com,b@example.com", "a@x.com*b@y.com"]
)
def test_a_recipient_that_could_lead_elsewhere_is_sent_nothing(mails: MailServer, recipient: str) -> None:
    said = send_other(email(mails.port), OtherMessage("email", recipient, "x"))
    assert said.kind == "refused"
    assert "10.0.0.1" not in said.detail
    assert mails.mails == []


def test_a_text_that_is_no_mail_address_is_refused_and_not_sent_to_the_sender(mails: MailServer) -> None:
    said = send_other(email(mails.port), OtherMessage("email", "nobody", "x"))
    assert said.kind == "refused"
    assert "leads to no recipient" in said.detail
    assert mails.mails == []


@pytest.mark.parametrize(
    ("saying", "kind"),
    [
        (fake.refuses_recipient(), "refused"),
        (fake.busy(), "unavailable"),
        (fake.hangs_up(), "lost"),
        (fake.silent(), "lost"),
    ],
)
def test_a_mail_is_lost_only_where_nobody_knows_whether_it_was_taken(
    mails: MailServer, saying: fake.Saying, kind: str
) -> None:
    mails.say(saying)
    said = send_other(email(mails.port, "&cto=0.5"), MESSAGE)
    assert said.kind == kind
    assert said.detail.startswith("channel email: not sent; see the provider's own log")
    assert PASSWORD not in said.detail
    assert "ani@example.com" not in said.detail


def test_a_mail_server_that_is_down_surely_did_not_send() -> None:
    assert send_other(email(free_port()), MESSAGE).kind == "unavailable"


def test_a_message_to_an_http_service_arrives(receiver: Receiver) -> None:
    assert send_other(hook(receiver.port), OtherMessage("hook", "ani+1@example.com", "x")).kind == "sent"
    (posted,) = receiver.posted
    assert posted.path in {"/notify/ani+1%40example.com", "/notify/ani%2B1%40example.com", "/notify/ani+1@example.com"}
    assert posted.body["message"] == "x"


def test_an_answer_that_says_no_is_unavailable_and_a_redirect_is_not_followed(receiver: Receiver) -> None:
    channel = hook(receiver.port)
    for status, location in ((500, ""), (429, ""), (307, f"http://127.0.0.1:{receiver.port}/else")):
        receiver.status, receiver.location = status, location
        said = send_other(channel, OtherMessage("hook", "ani", "Socket Exception: Connection refused"))
        assert said.kind == "unavailable"
        assert str(receiver.status) in said.detail
    assert [one.path for one in receiver.posted] == ["/notify/ani"] * 3


def test_an_answer_that_was_cut_or_never_came_is_lost_whatever_the_message_says(receiver: Receiver) -> None:
    channel = hook(receiver.port, "?rto=0.3")
    receiver.cuts = True
    assert send_other(channel, OtherMessage("hook", "ani", "Connection refused")).kind == "lost"
    receiver.cuts, receiver.silent = False, True
    assert send_other(channel, OtherMessage("hook", "ani", "Connection refused")).kind == "lost"


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([], "unavailable"),
        (["Failed to send: Internal server error., error=500."], "unavailable"),
        (["Socket Exception: HTTPConnectionPool(host='h'): Read timed out. (read timeout=4.0)"], "lost"),
        (["Socket Exception: ('Connection aborted.', RemoteDisconnected())"], "lost"),
        (["Socket Exception: Connection unexpectedly closed"], "lost"),
        (["Notification Exception: anything"], "lost"),
        (["Socket Exception: HTTPSConnectionPool: (Caused by NewConnectionError(…))"], "unavailable"),
        (['Connection error while submitting email to "h"', "Socket Exception: timed out"], "unavailable"),
        (["Socket Exception: (421, b'busy')"], "unavailable"),
        (["Socket Exception: {'a@b.c': (550, b'no such user')}"], "refused"),
        (["Socket Exception: {'a@b.c': (421, b'busy')}"], "unavailable"),
        (["Connection error while submitting email", "Socket Exception: (535, b'no')"], "unavailable"),
        (["JSON Payload: Socket Exception: timed out"], "unavailable"),
        (["Socket Exception: timed out", "JSON Payload: Connection refused"], "lost"),
    ],
)
def test_what_apprise_said_tells_whether_it_may_have_arrived(lines: list[str], kind: str) -> None:
    assert kind_of([Line(logging.DEBUG, line) for line in lines]) == kind


def test_no_secret_reaches_a_log_line_at_any_level(
    mails: MailServer, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.status = 500
    mails.say(fake.hangs_up())
    told = [
        send_other(email(mails.port), MESSAGE).detail,
        send_other(hook(receiver.port, "?+X-Key=the-key-of-the-hook"), MESSAGE).detail,
        send_other(hook(free_port()), MESSAGE).detail,
        *(record.getMessage() for record in caplog.records if record.name != "mail.log"),  # the fake's own
    ]
    for secret in (PASSWORD, "the-key-of-the-hook", "ani@example.com", "ani%40example.com"):
        assert secret not in "\n".join(told)


def test_what_others_say_through_apprise_s_log_goes_on_as_before(caplog: pytest.LogCaptureFixture) -> None:
    email(free_port())
    caplog.set_level(logging.WARNING)
    logging.getLogger("apprise").info("not asked for")
    logging.getLogger("apprise").warning("of the application around us")
    assert [record.getMessage() for record in caplog.records] == ["of the application around us"]


def test_the_secret_parts_of_an_address_are_hidden_and_its_plain_ones_are_not() -> None:
    channels = {
        "email": f"mailtos://shop:{PASSWORD}%21@smtp.example.com?from=shop@example.com&to={{address}}&mode=ssl",
        "wa": "whatsapp://EAAtoken0123@1234567890/{address}",
        "hook": "json://127.0.0.1:9/a/{address}?+X-Key=abcd1234&-token=efgh5678",
    }
    open_channels(channels)
    line = "smtp.example.com shop@example.com 127.0.0.1 text mode"
    assert telemetry.redact(line) == line
    for secret in (f"{PASSWORD}!", "EAAtoken0123", "abcd1234", "efgh5678", *channels.values()):
        assert secret not in telemetry.redact(f"it says {secret}.")


@pytest.mark.parametrize(
    "template",
    ["bogus://hunter22:hunter22@h/{address}", "mailto://hunter22/{address}", "whatsapp://hunter22/{address}"],
)
def test_an_address_that_apprise_does_not_know_refuses_the_start_without_naming_it(
    template: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StartRefused, match="channel 'email'") as told:
        open_channels({"email": template})
    assert "hunter22" not in str(told.value) + caplog.text


def test_without_the_library_the_start_is_refused_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert open_channels({}) == {}
    with pytest.raises(StartRefused, match=r"pip install apprise"):
        open_channels({"email": "mailto://u:hunter22@h.example?to={address}"})
