"""Which providers there are, how each proves itself, what its words mean, and whether it is set up here."""

from collections.abc import Iterator, Mapping

from pydantic import Field

from app.core.config import Settings
from app.operate.shown import Shown
from app.providers.catalog import Catalog
from app.providers.catalog.model import Clock, Provider, Scheme, schemes_of, several
from app.providers.set_up import set_up


class ProviderRow(Shown):
    """One line of the list."""

    name: str
    title: str
    group: str
    proof: str = Field(description="How it proves itself, in a line.")
    variable: str = Field(description="Where its secret is set.")
    set_up: bool
    pays: bool = Field(description="Whether its callbacks move orders in the ledger.")
    confirmed: str


class ProvidersShown(Shown):
    """Providers, by name."""

    providers: list[ProviderRow]


class ProviderShown(ProviderRow):
    """Everything that its file says; no secret."""

    file: str
    docs: str
    source: str
    notes: str
    hint: str = Field(description="Where its owner finds the secret.")
    address: str = Field(description="What to enter at the provider.")
    lacking: list[str] = Field(description="Variables that are not set yet.")
    signed: list[str] = Field(description="What is signed; of several any may fit.")
    time: str
    config: dict[str, str] = Field(description="Further variables, and what they are.")
    words: list[str] = Field(description="What its words mean to an order.")
    unproved: str = Field(description="What money rests on and the proof does not cover.")
    asked: str = Field(description="The variable that lets its API be asked before money moves; empty: not asked.")
    vectors: int


def list_providers(catalog: Catalog, given: Mapping[str, str], *, group: str = "", sought: str = "") -> ProvidersShown:
    """Those of a group whose name or title holds this text; `given`: variables by name."""
    rows = (_row(name, catalog.get(name), given) for name in catalog.names())
    found = [
        row
        for row in rows
        if group.lower() in row.group.lower() and sought.lower() in f"{row.name} {row.title}".lower()
    ]
    return ProvidersShown(providers=found)


def show_provider(catalog: Catalog, name: str, settings: Settings, given: Mapping[str, str]) -> ProviderShown:
    """One of them. Raises UnknownProvider, CatalogRefused."""
    provider = catalog.with_vectors(name)
    schemes = schemes_of(provider)
    payment = provider.payment
    host = settings.public_url() or f"http://{settings.callback_host}:{settings.callback_port}"
    return ProviderShown(
        **_row(name, provider, given).model_dump(),
        file=catalog.file(name),
        docs=provider.docs,
        source=provider.source,
        notes=provider.notes,
        hint=provider.secret.hint if provider.secret else "",
        address=f"{host}/callbacks/webhook/{name}",
        lacking=list(set_up(provider, given).lacking),
        signed=[text for scheme in schemes if scheme.kind not in {"token", "jwt"} for text in several(scheme.signed)],
        time=next((_time(scheme.clock) for scheme in schemes if scheme.clock), "no time is signed"),
        config={each.variable: each.hint for each in provider.config.values()} | _asks(provider),
        words=[] if payment is None else [_word(says.when, says.word) for says in payment.says],
        unproved="" if payment is None else payment.unproved,
        asked="" if provider.ask is None else provider.ask.variable,
        vectors=len(provider.vectors),
    )


def _asks(provider: Provider) -> dict[str, str]:
    ask = provider.ask
    return {} if ask is None or not ask.hint else {ask.variable: ask.hint}


def proof_of(provider: Provider) -> str:
    """`HMAC-SHA256, hex, in header X-Signature`."""
    scheme = schemes_of(provider)[0]
    kind = {"hmac": "HMAC-", "digest": "digest ", "rsa": "RSA-", "ecdsa": "ECDSA-"}.get(scheme.kind, "")
    named = f"{kind}{scheme.algorithm.upper()}" if kind else {"token": "a token", "jwt": "JWT"}.get(scheme.kind, "")
    return ", ".join(filter(None, (named or "Ed25519", _encoding(scheme), f"in {', '.join(several(scheme.from_))}")))


def _encoding(scheme: Scheme) -> str:
    return "" if scheme.encoding == "none" else scheme.encoding


def _time(clock: Clock) -> str:
    if clock.tolerance_seconds == "any":
        return f"signed, in {clock.from_}; any time is taken, because its retries keep the old one"
    return f"signed, in {clock.from_}; {clock.tolerance_seconds} s off at most"


def _word(when: Mapping[str, str | tuple[str, ...]], word: str) -> str:
    return f"{', '.join(_wants(when)) or 'anything'}: {word}"


def _wants(when: Mapping[str, str | tuple[str, ...]]) -> Iterator[str]:
    for where, words in when.items():
        yield f"{where} is there" if words == "[]" else f"{where} {' or '.join(several(words))}"


def _row(name: str, provider: Provider, given: Mapping[str, str]) -> ProviderRow:
    return ProviderRow(
        name=name,
        title=provider.title,
        group=provider.group,
        proof=proof_of(provider),
        variable=provider.secret.variable if provider.secret else "",
        set_up=not set_up(provider, given).lacking,
        pays=provider.payment is not None or provider.code == "orders",
        confirmed=provider.confirmed,
    )
