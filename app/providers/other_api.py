"""Sending over any other channel through apprise: one blocking call, and what became of it.

apprise says yes or no, and the rest to its log, where addresses with their passwords may stand: what it says while we
send is heard here, goes to no handler, and is told without secrets.
"""

import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import msgspec

from app.core.errors import FieldError, StartRefused
from app.core.telemetry import HIDDEN, hide, redact
from app.providers.chat_api import Kind, Said
from app.providers.other_channels import PLACE, SETTING, OtherMessage, address_for

if TYPE_CHECKING:
    from apprise import Apprise, AppriseAsset
    from apprise.plugins.base import NotifyBase

#: requests' own log tells paths at `debug`, and some hold tokens.
logging.getLogger("urllib3").setLevel(logging.WARNING)

_DETAIL_MAX = 300
#: Whom a template is tried with at the start: some providers take addresses only, some numbers only.
_SAMPLES = ("someone@example.com", "+6281234567890", "someone")
#: Shorter parts of an address than these are ordinary words.
_PASSWORD_LEAST, _PART_LEAST = 4, 8
_TELLING = re.compile(r"[+:-]|.*(?:token|pass|secret|key|auth|sid)", re.IGNORECASE)
#: How apprise tells of an exception. By how a line begins: others hold the message, which may say anything.
_END = re.compile(r"[\w/. ]{0,40}Exception: |Connection error while submitting email")
#: A mail server's final no to a recipient, not to our login.
_NOBODY = re.compile(r"^Socket Exception: \{.*: \(5\d\d, b['\"]")
#: What requests tells of a path, where tokens may stand.
_PATH = re.compile(r"with url: \S+")
#: An exception with one of these came before anything was handed over: not connected, or an answer that says no.
_SURELY_UNSENT = re.compile(
    r"Connection error while submitting email|Connection refused|NewConnectionError|NameResolutionError"
    r"|Name or service not known|name resolution|No route to host|unreachable|connect timeout|ConnectTimeout|SSLError"
    r"|CERTIFICATE_VERIFY_FAILED|\(\d{3}, b['\"]"
)


class Channel(msgspec.Struct, frozen=True):
    """A channel that apprise takes: its template, and the texts in it that nobody may read."""

    name: str
    template: str
    secrets: tuple[str, ...]
    #: to how many one message goes: the recipient, and whom the operator's template names beside; 0 where nobody says
    targets: int


class Line(msgspec.Struct, frozen=True):
    """One thing that apprise said."""

    level: int
    text: str


def open_channels(channels: Mapping[str, str]) -> Mapping[str, Channel]:
    """Each template as apprise takes it; its secrets are hidden from logs from then on. Raises StartRefused."""
    return {name: _open(name, template) for name, template in channels.items()}


def send_other(channel: Channel, message: OtherMessage) -> Said:
    """Send and wait, in a thread that may block: `sent`, `unavailable`, `lost` or `refused`. Never tells an address."""
    try:
        address = address_for(channel.template, message.address)
    except FieldError as error:
        return Said("refused", str(error))
    with _listening() as heard:
        plugin = _plugin(address)
        if plugin is None or _targets(plugin) != channel.targets:
            return Said("refused", f"channel {channel.name}: this address leads to no recipient of it")
        if _notify(plugin, message):
            return Said("sent")
    words = [f"channel {channel.name}: not sent; see the provider's own log", *_worth_telling(heard)]
    return Said(kind_of(heard), _without("; ".join(words), channel, address, message.address)[:_DETAIL_MAX])


def kind_of(heard: Iterable[Line]) -> Kind:
    """What became of a message that was not sent, from what apprise said meanwhile. Pure.

    `refused`: a mail server does not know the recipient. `lost`: the connection broke after something was handed over.
    """
    ends = [line.text for line in heard if _END.match(line.text)]
    if any(_NOBODY.search(line) for line in ends):
        return "refused"
    if ends and not any(_SURELY_UNSENT.search(line) for line in ends):
        return "lost"
    return "unavailable"


def _worth_telling(heard: Iterable[Line]) -> list[str]:
    told = [line.text for line in heard if line.level >= logging.WARNING or _END.match(line.text)]
    return [_PATH.sub("with url: …", line) for line in told]


def _open(name: str, template: str) -> Channel:
    try:
        with _listening(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # at its first use it imports what Python is about to drop
            tried = [_plugin(address_for(template, sample)) for sample in _SAMPLES]
    except ImportError:
        raise StartRefused(f"{SETTING} needs the library apprise: pip install apprise") from None
    plugins = [plugin for plugin in tried if plugin is not None]
    if not plugins:
        raise StartRefused(f"{SETTING}: channel {name!r} is no address that apprise knows how to send to")
    secrets = (template, *_secrets_in(template, unquote(_shown(plugins[0]))))
    hide(*secrets)
    return Channel(name, template, secrets, max(map(_targets, plugins)))


def _shown(plugin: "NotifyBase") -> str:
    told: Any = plugin
    return str(told.url(privacy=True))


def _secrets_in(template: str, shown: str) -> Iterator[str]:
    """The parts of a template that apprise itself would not show, as written and as decoded."""
    public = set(re.split(r"[/:?&=@#]", shown))
    rest, _, query = template.partition("://")[2].partition("?")
    login, at, place = rest.rpartition("@")
    candidates = [(part, _PASSWORD_LEAST if at else _PART_LEAST) for part in re.split("[:/]", login)]
    candidates += [(part, _PASSWORD_LEAST) for part in re.split("[:/]", place)]
    found = {part for part, least in candidates if len(part) >= least and unquote(part) not in public}
    for pair in re.split("[&;]", query):
        key, _, value = pair.partition("=")
        telling = _TELLING.match(unquote(key)) is not None and len(value) >= _PASSWORD_LEAST
        if telling or (len(value) >= _PART_LEAST and unquote(value) not in shown):
            found.add(value)
    for part in found:
        if PLACE not in part:
            yield from {part, unquote(part)}


def _without(text: str, channel: Channel, address: str, recipient: str) -> str:
    for secret in sorted({address, recipient, quote(recipient, safe=""), *channel.secrets}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return redact(text)


def _notify(plugin: "NotifyBase", message: OtherMessage) -> bool:
    from apprise import NotifyFormat  # noqa: PLC0415 - an extra that need not be there

    told = _apprise(plugin).notify(message.text, title=message.title, body_format=NotifyFormat.TEXT.value)
    return bool(told)  # an object that is never `is True`


def _apprise(plugin: "NotifyBase") -> "Apprise":
    from apprise import Apprise  # noqa: PLC0415 - as above

    one = Apprise(asset=plugin.asset)
    one.add(plugin)
    return one


def _plugin(address: str) -> "NotifyBase | None":
    """A sender of its own for this address: they wait between two messages of one sender, and keep state."""
    from apprise import Apprise  # noqa: PLC0415 - as above

    return Apprise.instantiate(address, asset=_asset())


def _asset() -> "AppriseAsset":
    from apprise import AppriseAsset  # noqa: PLC0415 - as above

    return AppriseAsset(
        app_id="Callbacks",
        async_mode=False,  # in this thread: those of its own pools are waited for at the end of the process
        service_timeout=0,  # the same; each socket has its own limit, the slow lane one over all
        storage_mode="memory",
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
        secure_logging=True,
    )


def _targets(plugin: "NotifyBase") -> int:
    told: Any = getattr(plugin, "targets", None)
    return len(told) if isinstance(told, (list, tuple, set)) else 0


_heard: ContextVar[list[Line] | None] = ContextVar("heard", default=None)


class _Ear(logging.Filter):
    """Takes what is said while we send; what an application around us sends by itself goes on as before."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        heard = _heard.get()
        if heard is None:
            return record.levelno >= (self._level or logging.getLogger().getEffectiveLevel())
        heard.append(Line(record.levelno, record.getMessage()))
        return False


@contextmanager
def _listening() -> Iterator[list[Line]]:
    """What apprise says in this thread until the end of the block."""
    logger = logging.getLogger("apprise")
    if not any(isinstance(each, _Ear) for each in logger.filters):
        logger.addFilter(_Ear(logger.level))
    if logger.getEffectiveLevel() > logging.DEBUG:
        logger.setLevel(logging.DEBUG)  # why it failed is told at `debug` only
    heard: list[Line] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)
