"""The settings and the secrets: what is missing, blank, misspelt, told twice, or of the wrong kind. Never a value."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import SecretStr, ValidationError

from app.core.config import SEVERAL, Settings, secrets_of, usable_secrets
from app.core.errors import StartRefused
from app.core.language import Text
from app.core.secrets import Secrets
from app.core.variables import ENV_FILE
from app.engine.peers import Proxies, is_loopback
from app.engine.supervisor import SUPERVISOR_PID, WAKE_FD
from app.operate.checkup import secret_ends
from app.operate.checkup.finding import Finding, ok, warn, wrong
from app.providers.schemes import is_ed25519_key

_PREFIXES = ("CALLBACK_", "MIDTRANS_", "DIGIFLAZZ_", "DISCORD_", "TELEGRAM_", "DATABASE_")
_OURS = frozenset({WAKE_FD, SUPERVISOR_PID})
_SHORT_CHARS = 16

#: What proves a sender: the setting, and the address that depends on it.
_SENDERS = {
    "midtrans_server_key": "/callbacks/webhook/midtrans",
    "digiflazz_webhook_secret": "/callbacks/webhook/digiflazz",
    "discord_public_key": "/callbacks/webhook/discord",
    "telegram_webhook_secret": "/callbacks/webhook/telegram",
}
_SECRETS = (
    "callback_admin_token",
    "midtrans_server_key",
    "midtrans_client_key",
    "digiflazz_api_key",
    "digiflazz_webhook_secret",
    "discord_bot_token",
    "telegram_bot_token",
    "telegram_webhook_secret",
)
#: Whoever guesses one of these may write callbacks: they are made by us, the others by the provider.
_MADE_BY_US = ("callback_admin_token", "digiflazz_webhook_secret", "telegram_webhook_secret")


def read(file: Path = ENV_FILE) -> tuple[Settings, list[Finding]]:
    """The settings as far as they can be read, a default in the place of each that is wrong, and what is wrong."""
    found: list[Finding] = []
    env_file: Path | None = file
    try:
        if file.exists():
            file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        found.append(wrong("settings", _UNREADABLE, _MEND_FILE, file=file, reason=reason))
        env_file = None
    bad: dict[str, str] = {}
    try:
        settings = Settings(_env_file=env_file)
    except ValidationError as error:
        bad = {str(each["loc"][-1]): each["msg"] for each in error.errors(include_input=False)}
        settings = _without(bad, env_file)
    bad |= dict.fromkeys(_no_text(settings), "not UTF-8")
    found += [wrong("settings", _INVALID, _MEND_SETTING, name=name.upper(), reason=why) for name, why in bad.items()]
    return _without(bad, env_file) if bad else settings, found


def _without(bad: Iterable[str], env_file: Path | None) -> Settings:
    return Settings(_env_file=env_file, **{name: Settings.model_fields[name].default for name in bad})


def _no_text(settings: Settings) -> Iterator[str]:
    """Those whose bytes in the environment are no text; nothing could be compared with them."""
    for name, value in settings:
        try:
            (value.get_secret_value() if isinstance(value, SecretStr) else str(value)).encode()
        except UnicodeEncodeError:
            yield name


def look(settings: Settings, given: Mapping[str, str], at: int) -> Iterator[Finding]:
    """What the settings say; `given` are the variables as they stand in the environment and `.env`."""
    told = list(_spelling(given)) + list(_reach(settings)) + list(_secrets(settings, given))
    told += secret_ends.look({name.upper(): Secrets(getattr(settings, name)) for name in SEVERAL}, at)
    if not [finding for finding in told if finding.what == "settings" and finding.state != "ok"]:
        yield ok("settings", Text("dapat dibaca, {mode}", "can be read, {mode}"), mode=settings.callback_env)
    yield from told


def _spelling(given: Mapping[str, str]) -> Iterator[Finding]:
    known = {name.upper() for name in Settings.model_fields}
    for name in sorted(name for name in given if name.startswith(_PREFIXES) and name not in known | _OURS):
        near = get_close_matches(name, known, 1)
        if near:
            yield warn("settings", _MISSPELT, _RENAME, name=name, near=near[0])


def _reach(settings: Settings) -> Iterator[Finding]:
    host = settings.callback_host
    if not settings.production and host != "localhost" and not is_loopback(host):
        yield wrong("settings", _REACHED, _HOST_TO_DO, host=host)
    try:
        Proxies(settings.callback_trusted_proxies)
    except StartRefused as error:
        yield wrong("settings", Text("{error}", "{error}"), _MEND_PROXIES, error=error)
    if settings.production and settings.midtrans_confirm == "never":
        yield warn("settings", _NEVER, _NEVER_TO_DO)


def _secrets(settings: Settings, given: Mapping[str, str]) -> Iterator[Finding]:
    for name in (*_SECRETS, "discord_public_key"):
        value = given.get(name.upper())
        if value is not None and not value.strip(" \t,"):
            yield warn("secrets", _BLANK, _SET_OR_REMOVE, name=name.upper())
    if not secrets_of(settings.callback_admin_token):
        if settings.production:
            yield wrong("secrets", _NO_TOKEN, _SET_TOKEN)
        else:
            yield ok("secrets", _NO_TOKEN_NEEDED)
    for name, path in _SENDERS.items():
        yield _sender(settings, name, path)
    yield from _twice(settings)
    yield from _short(settings)
    yield from _midtrans(settings)


def _sender(settings: Settings, name: str, path: str) -> Finding:
    keys = usable_secrets(getattr(settings, name))
    if name == "discord_public_key" and not all(map(is_ed25519_key, keys)):
        return wrong("secrets", _NO_KEY, _KEY_TO_DO)
    if keys:
        more = f" ({len(keys)})" if len(keys) > 1 else ""
        return ok("secrets", Text("{name} terpasang{more}", "{name} is set{more}"), name=name.upper(), more=more)
    if settings.production:
        return warn("secrets", _REFUSES, _SET_SECRET, name=name.upper(), path=path)
    return ok("secrets", _UNVERIFIED, name=name.upper(), path=path)


def _twice(settings: Settings) -> Iterator[Finding]:
    used: dict[bytes, list[str]] = {}
    for name in _SECRETS:
        for secret in dict.fromkeys(usable_secrets(getattr(settings, name))):
            used.setdefault(secret, []).append(name.upper())
    for names in used.values():
        if len(names) > 1:
            yield warn("secrets", _SAME, _SAME_TO_DO, names=", ".join(names))


def _short(settings: Settings) -> Iterator[Finding]:
    for name in _MADE_BY_US:
        value: SecretStr | None = getattr(settings, name)
        if any(len(secret) < _SHORT_CHARS for secret in usable_secrets(value)):
            yield warn("secrets", _GUESSED, _LONGER, name=name.upper(), least=_SHORT_CHARS)


def _midtrans(settings: Settings) -> Iterator[Finding]:
    keys = usable_secrets(settings.midtrans_server_key)
    if not keys:
        return
    sandbox, address = keys[0].startswith(b"SB-"), settings.midtrans_api()
    if b"client" in keys[0].lower():
        yield wrong("secrets", _CLIENT_KEY, _SERVER_KEY)
    elif settings.production and sandbox:
        yield warn("secrets", _SANDBOX, _PRODUCTION_KEY)
    elif not settings.production and not sandbox and keys[0].startswith(b"Mid-"):
        yield warn("secrets", _REAL_MONEY, _SANDBOX_KEY)
    if ("sandbox" in address) != sandbox and "midtrans.com" in address:
        kind = "sandbox" if sandbox else "production"
        yield wrong("secrets", _OTHER_API, _API_TO_DO, kind=kind, address=address)


_UNREADABLE = Text("{file} tidak dapat dibaca: {reason}", "{file} cannot be read: {reason}")
_MEND_FILE = Text("perbaiki hak atau isinya (UTF-8)", "mend its rights or contents (UTF-8)")
_INVALID = Text("{name}: {reason}", "{name}: {reason}")
_MEND_SETTING = Text("perbaiki; artinya ada di docs/settings.md", "mend it; docs/settings.md says what it means")
_MISSPELT = Text("{name} tidak dikenal", "{name} is not known")
_RENAME = Text("maksudnya {near}?", "is {near} meant?")
_REACHED = Text(
    "CALLBACK_HOST={host} terjangkau orang lain, dan mode development tidak memeriksa pengirim",
    "CALLBACK_HOST={host} can be reached by others, and development does not verify senders",
)
_HOST_TO_DO = Text(
    "pasang CALLBACK_ENV=production atau CALLBACK_HOST=127.0.0.1",
    "set CALLBACK_ENV=production, or CALLBACK_HOST=127.0.0.1",
)
_MEND_PROXIES = Text("tulis alamat atau jaringan, dipisah koma", "write addresses or networks, separated by commas")
_NEVER = Text(
    "MIDTRANS_CONFIRM=never: yang meragukan tidak ditanyakan kepada Midtrans",
    "MIDTRANS_CONFIRM=never: Midtrans is not asked about what is in doubt",
)
_NEVER_TO_DO = Text("hapus, kecuali memang dimaksudkan", "remove it unless you mean it")
_BLANK = Text("{name} kosong, jadi dianggap tidak terpasang", "{name} is blank, which counts as not set")
_SET_OR_REMOVE = Text("isi atau hapus barisnya", "set it, or remove the line")
_NO_TOKEN = Text(
    "CALLBACK_ADMIN_TOKEN tidak terpasang: alamat pengelolaan menjawab 503",
    "CALLBACK_ADMIN_TOKEN is not set: management addresses answer 503",
)
_SET_TOKEN = Text("pasang, misalnya hasil `openssl rand -hex 32`", "set it, such as what `openssl rand -hex 32` prints")
_NO_TOKEN_NEEDED = Text(
    "CALLBACK_ADMIN_TOKEN tidak terpasang: hanya mesin ini yang boleh mengelola",
    "CALLBACK_ADMIN_TOKEN is not set: only this machine may manage",
)
_NO_KEY = Text("DISCORD_PUBLIC_KEY bukan kunci publik", "DISCORD_PUBLIC_KEY is no public key")
_KEY_TO_DO = Text(
    "64 angka heksadesimal dari halaman aplikasi di Discord", "64 hex digits, from the application's page at Discord"
)
_REFUSES = Text("{name} tidak terpasang: {path} menjawab 503", "{name} is not set: {path} answers 503")
_SET_SECRET = Text("pasang bila pengirim ini dipakai", "set it if you use this sender")
_UNVERIFIED = Text(
    "{name} tidak terpasang: {path} menerima tanpa pemeriksaan (development)",
    "{name} is not set: {path} takes callbacks unverified (development)",
)
_SAME = Text("rahasia yang sama dipakai untuk {names}", "the same secret is used for {names}")
_SAME_TO_DO = Text("buat rahasia sendiri untuk masing-masing", "make one for each")
_GUESSED = Text(
    "{name} lebih pendek dari {least} karakter dan dapat ditebak",
    "{name} is shorter than {least} characters and can be guessed",
)
_LONGER = Text("buat yang lebih panjang: `openssl rand -hex 32`", "make a longer one: `openssl rand -hex 32`")
_CLIENT_KEY = Text("MIDTRANS_SERVER_KEY berisi kunci klien", "MIDTRANS_SERVER_KEY holds a client key")
_SERVER_KEY = Text("salin server key dari dasbor Midtrans", "copy the server key from Midtrans' dashboard")
_SANDBOX = Text(
    "MIDTRANS_SERVER_KEY tampaknya kunci sandbox: callback pembayaran sungguhan ditolak 401",
    "MIDTRANS_SERVER_KEY looks like the sandbox's: callbacks of real payments get 401",
)
_PRODUCTION_KEY = Text("pasang kunci production", "set the production key")
_REAL_MONEY = Text(
    "MIDTRANS_SERVER_KEY tampaknya kunci production, padahal mode development",
    "MIDTRANS_SERVER_KEY looks like production's, in development",
)
_SANDBOX_KEY = Text(
    "pakai kunci sandbox (`SB-`) untuk mencoba, atau CALLBACK_ENV=production",
    "use the sandbox's (`SB-`) to try things, or CALLBACK_ENV=production",
)
_OTHER_API = Text(
    "kunci Midtrans tampaknya {kind}, tetapi yang ditanya {address}",
    "Midtrans' key looks like {kind}, but {address} is asked",
)
_API_TO_DO = Text("hapus MIDTRANS_API_URL: kunci yang menentukan", "remove MIDTRANS_API_URL: the key decides then")
