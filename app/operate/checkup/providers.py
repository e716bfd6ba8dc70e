"""The catalogue's providers that the shop uses: files that are wrong, what is not set, secrets that end."""

from collections.abc import Iterator, Mapping

from app.core.config import SEVERAL, Settings
from app.core.errors import CatalogRefused
from app.core.language import Text
from app.operate.checkup import secret_ends
from app.operate.checkup.finding import Finding, ok, warn, wrong
from app.providers.catalog import Catalog, open_catalog
from app.providers.catalog.model import Provider, schemes_of
from app.providers.message import Message
from app.providers.proofs import key_of
from app.providers.proving import Reading
from app.providers.set_up import SetUp, set_up, signs_address
from app.providers.templates import compiled

#: Secrets that are settings too: the look at those tells of them.
_CODED = frozenset(name.upper() for name in SEVERAL)


def look(settings: Settings, given: Mapping[str, str], at: int) -> Iterator[Finding]:
    """`given` are the variables as they stand in the environment and `.env`."""
    catalog = open_catalog(settings.callback_providers)
    try:
        secrets = catalog.variables()
    except CatalogRefused as error:
        yield wrong("providers", _REFUSED, _MEND, reason=error)
        return
    used = [name for name, variable in secrets.items() if given.get(variable) and variable not in _CODED]
    for name in sorted({*used, *catalog.own()}):
        try:
            provider = catalog.get(name)
        except CatalogRefused as error:
            yield wrong("providers", _REFUSED, _MEND, reason=error)
            continue
        if name in used:
            yield from _used(name, provider, settings, given, at)
    yield from _believed(catalog, settings)


def _used(name: str, provider: Provider, settings: Settings, given: Mapping[str, str], at: int) -> Iterator[Finding]:
    try:
        there = set_up(provider, given)
    except ValueError as error:
        yield wrong("secrets", Text("{error}", "{error}"), _MEND_END, error=error)
        return
    lacking = [*there.lacking]
    if signs_address(provider) and settings.production and not settings.callback_public_url:
        lacking.append("CALLBACK_PUBLIC_URL")
    variable = provider.secret.variable if provider.secret is not None else ""
    if lacking:
        yield wrong("providers", _LACKS, _SET, name=name, variables=", ".join(lacking))
    else:
        yield ok("providers", _SET_UP, name=name, variable=variable)
        yield from _no_keys(name, provider, there)
    named = {variable: there.secrets}
    if provider.access is not None:
        named[provider.access.variable] = there.access
    if provider.ask is not None:
        named[provider.ask.variable] = there.asking
    yield from secret_ends.look(named, at)
    payment = provider.payment
    if payment is not None and payment.unproved and provider.ask is None and name not in settings.believed():
        yield warn("providers", _UNPROVED, _BELIEVE, name=name, unproved=payment.unproved)


def _no_keys(name: str, provider: Provider, there: SetUp) -> Iterator[Finding]:
    """Secrets that are no keys as the file wants them: nothing would ever fit them."""
    variable = provider.secret.variable if provider.secret is not None else ""
    ways = [(compiled(scheme.secret), scheme.key) for scheme in schemes_of(provider)]
    for number, secret in enumerate(there.secrets.each, start=1):
        reading = Reading(Message(b""), provider.body, config=there.config, secret=secret.text)
        told = [(text.render(reading), key) for text, key in ways]
        if all(text is not None and not key_of(text, key) for text, key in told):
            yield wrong("providers", _NO_KEY, _KEY, name=name, variable=variable, number=number, key=ways[0][1])


def _believed(catalog: Catalog, settings: Settings) -> Iterator[Finding]:
    for name in sorted(settings.believed()):
        try:
            payment = catalog.get(name).payment if name in catalog else None
        except CatalogRefused:  # told above
            continue
        if payment is None:
            yield wrong("providers", _NOBODY, _NAME_ONE, name=name)


_REFUSED = Text("{reason}", "{reason}")
_MEND = Text(
    "perbaiki berkas itu: `serve` dan `worker` tidak mau mulai", "mend the file: `serve` and `worker` do not start"
)
_MEND_END = Text("tulis misalnya LAMA;until=2026-12-31", "write it like OLD;until=2026-12-31")
_LACKS = Text(
    "{name}: {variables} belum disetel, callback-nya dijawab 503", "{name}: {variables} is not set; it answers 503"
)
_SET = Text("setel, lalu mulai ulang", "set it, then restart")
_SET_UP = Text("{name}: {variable} terpasang", "{name}: {variable} is set")
_NO_KEY = Text(
    "{name}: rahasia ke-{number} dalam {variable} bukan kunci berbentuk {key}: tanda tangan tidak akan pernah cocok",
    "{name}: secret {number} of {variable} is no key written as {key}: no signature will ever fit it",
)
_KEY = Text("salin lagi dari dasbor pengirim, utuh", "copy it again from the sender's dashboard, whole")
_UNPROVED = Text(
    "{name}: buktinya tidak mencakup {unproved}; pembayarannya menunggu orang",
    "{name}: its proof does not cover {unproved}; its payments wait for a person",
)
_BELIEVE = Text(
    "cocokkan dengan dasbornya, atau sebut {name} dalam CALLBACK_BELIEVE",
    "compare with its dashboard, or name {name} in CALLBACK_BELIEVE",
)
_NOBODY = Text(
    "CALLBACK_BELIEVE menyebut {name}, yang bukan penyedia pembayaran di katalog",
    "CALLBACK_BELIEVE names {name}, which is no payment provider of the catalogue",
)
_NAME_ONE = Text("perbaiki namanya atau hapus", "mend the name, or remove it")
