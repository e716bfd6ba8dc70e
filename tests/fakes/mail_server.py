"""A real mail server on loopback: it takes mails, refuses recipients, is busy, hangs up, says nothing.

with mail_server() as server:
    server.say(busy(), takes())     # in turn, the last one for ever
    ...                              # mailto://user@127.0.0.1:{server.port}?…&to={address}
    assert [mail.to for mail in server.mails] == [["ani@example.com"]]
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


class Mail(NamedTuple):
    """One mail as it came in, whatever was answered."""

    sender: str
    to: list[str]
    content: Message

    @property
    def subject(self) -> str:
        return str(make_header(decode_header(self.content["Subject"] or "")))

    @property
    def text(self) -> str:
        told = self.content.get_payload(decode=True)
        return told.decode() if isinstance(told, bytes) else ""


class Saying(NamedTuple):
    """How one mail is answered; `at` is the command: RCPT or DATA."""

    at: str = "DATA"
    words: str = "250 OK"
    hangs_up: bool = False
    silent: bool = False


def takes() -> Saying:
    """Taken."""
    return Saying()


def refuses_recipient() -> Saying:
    """Nobody of this name here."""
    return Saying("RCPT", "550 5.1.1 no such user")


def busy() -> Saying:
    """Later."""
    return Saying("RCPT", "421 4.3.2 too busy")


def hangs_up() -> Saying:
    """Taken whole; the connection is cut before the answer."""
    return Saying(hangs_up=True)


def silent() -> Saying:
    """Taken whole, never answered."""
    return Saying(silent=True)


class MailServer:
    """The fake's strings, pulled from the test's thread while the server answers from another."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[Mail] = []
        self.logins: list[tuple[str, str]] = []
        self._script = [takes()]
        self._changed = threading.Condition()

    def say(self, *sayings: Saying) -> None:
        with self._changed:
            self._script = list(sayings)

    def until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait for something that a mail brings about; fails the test when it was not in time."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), f"{len(self.mails)} mails came in"

    def login(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, told: Any) -> AuthResult:
        self.logins.append((told.login.decode(), told.password.decode()))
        return AuthResult(success=True)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        saying = self._script[0]
        if saying.at == "RCPT":
            self._next()
            return saying.words
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        with self._changed:
            saying = self._script[0]
            self.mails.append(Mail(envelope.mail_from or "", list(envelope.rcpt_tos), message_from_bytes(content)))
        self._next()
        if saying.hangs_up:
            transport: Any = server.transport
            transport.abort()
        if saying.silent:
            await asyncio.Event().wait()  # until the server is stopped
        return saying.words

    def _next(self) -> None:
        with self._changed:
            if len(self._script) > 1:
                self._script.pop(0)
            self._changed.notify_all()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """The fake at `server.port`, until the end of the block."""
    server = MailServer()
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=server.login,
        auth_require_tls=False,
        auth_required=False,
    )
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()
