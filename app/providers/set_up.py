"""What the shop has set for a provider: secrets, and values that only the shop knows, by the file's variables."""

from collections.abc import Iterator, Mapping

import msgspec

from app.core.secrets import Secrets
from app.providers.catalog.covering import payment_places
from app.providers.catalog.model import Provider, schemes_of, several
from app.providers.message import Message
from app.providers.proving import Reading
from app.providers.templates import Place, Template, compiled, place


class SetUp(msgspec.Struct, frozen=True):
    """A provider's secrets and config, and the variables that are missing before anything can be proved."""

    secrets: Secrets
    config: Mapping[str, str]
    lacking: tuple[str, ...]
    #: what makes access tokens, where the file has some
    access: Secrets
    #: what is shown to the sender's API, where it is asked
    asking: Secrets
    #: defaults that are texts of the request: `{path}`
    texts: Mapping[str, Template]

    def config_of(self, message: Message, how: str) -> Mapping[str, str]:
        """The config as this request has it."""
        if not self.texts:
            return self.config
        reading = Reading(message, how, config=self.config)
        told = {name: text.render(reading) for name, text in self.texts.items()}
        return {**self.config, **{name: value.decode() for name, value in told.items() if value is not None}}


def set_up(provider: Provider, given: Mapping[str, str]) -> SetUp:
    """`given`: variables by name. Raises ValueError with the variable's name for a secret whose end is none."""
    variable = provider.secret.variable if provider.secret is not None else ""
    secrets = _secrets(variable, given)
    issuing = "" if provider.access is None else provider.access.variable
    access = _secrets(issuing, given)
    shown = "" if provider.ask is None else provider.ask.variable
    asking = _secrets(shown, given)
    config, texts = {}, {}
    for name, each in provider.config.items():
        if value := given.get(each.variable):
            config[name] = value
        elif each.default is not None:
            config[name] = each.default
            if "{" in each.default:
                texts[name] = compiled(each.default)
    lacking = tuple(provider.config[name].variable for name in _needed(provider) if name not in config)
    if shown and not asking:
        lacking = (shown, *lacking)
    if issuing and not access:
        lacking = (issuing, *lacking)
    if variable and not secrets:
        lacking = (variable, *lacking)
    return SetUp(secrets, config, tuple(dict.fromkeys(lacking)), access, asking, texts)


def _secrets(variable: str, given: Mapping[str, str]) -> Secrets:
    try:
        return Secrets(given.get(variable))
    except ValueError as error:
        raise ValueError(f"{variable}: {error}") from None


def secret_variables(provider: Provider) -> tuple[str, ...]:
    """Every variable that holds a secret of it."""
    told = (provider.secret, provider.access, provider.ask)
    return tuple(dict.fromkeys(each.variable for each in told if each is not None))


def signs_address(provider: Provider) -> bool:
    """Whether the public address is part of what is signed."""
    return any(place.room == "named" and place.name == "url" for place in _proof_places(provider))


def signs_path(provider: Provider) -> bool:
    """Whether the address or its path is part of what is signed."""
    defaults = (each.default or "" for each in provider.config.values())
    places = [*_proof_places(provider), *(place for text in defaults for place in compiled(text).places())]
    return any(place.room == "named" and place.name in {"url", "path"} for place in places)


def proof_headers(provider: Provider) -> tuple[str, ...]:
    """Headers that prove a callback again from what is kept of it; () where more than that was signed, or less is kept.

    A token is no proof to keep, and neither the address nor a blanked field is kept.
    """
    schemes = schemes_of(provider)
    if provider.hidden or signs_path(provider) or any(scheme.kind == "token" for scheme in schemes):
        return ()
    stand = [each for scheme in schemes for each in (*several(scheme.from_), *scheme.must)]
    stand += [scheme.clock.from_ for scheme in schemes if scheme.clock is not None]
    places = [*map(place, stand), *_proof_places(provider)]
    return tuple(dict.fromkeys(each.name for each in places if each.room == "header" and "*" not in each.name))


def payment_headers(provider: Provider) -> tuple[str, ...]:
    """Headers that say what was paid: the ledger reads them from what is kept."""
    return tuple(dict.fromkeys(each.name for _, each in payment_places(provider.payment) if each.room == "header"))


def _needed(provider: Provider) -> list[str]:
    places = [*_proof_places(provider), *asking_places(provider)]
    return list(dict.fromkeys(each.name for each in places if each.room == "config"))


def asking_places(provider: Provider) -> Iterator[Place]:
    """What the question to the sender's API is made of."""
    if provider.ask is not None:
        for text in (provider.ask.url, provider.ask.body, *provider.ask.headers.values()):
            yield from compiled(text).places()


def _proof_places(provider: Provider) -> Iterator[Place]:
    for scheme in schemes_of(provider):
        for text in (*several(scheme.signed), scheme.prefix, scheme.secret, *scheme.must.values()):
            yield from compiled(text).places()
