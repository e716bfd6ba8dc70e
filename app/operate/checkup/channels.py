"""Whether users can be reached where they are linked: channels that are set up, tokens that are there."""

from collections.abc import Iterator

from sqlalchemy import Engine, text

from app.core.config import Settings, usable_secrets
from app.core.database import reading
from app.core.errors import StartRefused
from app.core.language import Text
from app.operate.checkup.finding import Finding, ok, warn, wrong
from app.providers.chat_messages import DISCORD, TELEGRAM
from app.providers.other_channels import SETTING, channels_of

_LINKED = text("SELECT service, count(*) FROM callback_channels WHERE ended_at IS NULL GROUP BY service ORDER BY 1")


def settings_of_channels(settings: Settings) -> Iterator[Finding]:
    """Whether CALLBACK_CHANNELS can be read, and what reads it is installed."""
    try:
        channels = channels_of(settings.callback_channels)
    except StartRefused as error:
        yield wrong("channels", Text("{error}", "{error}"), _MEND, error=error)
        return
    if not channels:
        return
    try:
        import apprise  # noqa: F401, PLC0415 - an extra, and a heavy one
    except ImportError:
        yield wrong("channels", _NO_APPRISE, _INSTALL, setting=SETTING)
    else:
        yield ok("channels", _NAMED, names=", ".join(channels))


def linked(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Whether each service that users are linked at can be written to."""
    try:
        ready = set(channels_of(settings.callback_channels))
    except StartRefused:
        return  # told above
    bots = {TELEGRAM: settings.telegram_bot_token, DISCORD: settings.discord_bot_token}
    ready |= {service for service, key in bots.items() if usable_secrets(key)}
    with reading(engine) as connection:
        rows = connection.execute(_LINKED).all()
    for service, number in rows:
        if service in ready:
            yield ok("channels", _LINKED_AT, number=number, service=service)
        else:
            needed = f"{service.upper()}_BOT_TOKEN" if service in bots else SETTING
            yield warn("channels", _CANNOT, _SET, number=number, service=service, setting=needed)


_MEND = Text("perbaiki pengaturan itu; worker tidak mau mulai", "mend that setting; the worker does not start with it")
_NO_APPRISE = Text("{setting} terpasang, tetapi apprise belum", "{setting} is set, and apprise is not installed")
_INSTALL = Text("pip install apprise", "pip install apprise")
_NAMED = Text("saluran lain: {names}", "other channels: {names}")
_LINKED_AT = Text("{number} chat atau alamat terhubung di {service}", "{number} linked at {service}")
_CANNOT = Text(
    "{number} terhubung di {service}, tetapi {setting} belum memuatnya: pesan menunggu",
    "{number} linked at {service}, which {setting} does not provide for: messages wait",
)
_SET = Text(
    "pasang {setting}, atau akhiri salurannya: callbacks channels list",
    "set {setting}, or end those channels: callbacks channels list",
)
