"""One request of a sender, signed with what is set here."""

from pathlib import Path
from urllib.parse import quote

import msgspec

from app.cli import parts
from app.core.clock import now_us
from app.core.config import Settings
from app.core.errors import FieldError
from app.core.secrets import usable_secrets
from app.core.variables import variables
from app.operate.providers import trying
from app.providers.catalog import open_catalog
from app.providers.catalog.model import Provider, is_asymmetric, schemes_of
from app.providers.key_pairs import KeyPair
from app.providers.message import Message
from app.providers.signing import sign
from app.simulation.catalogue import Sender

_JSON = {b"content-type": b"application/json"}
_FORM = {b"content-type": b"application/x-www-form-urlencoded"}


def provider_message(settings: Settings, name: str, body: bytes | None, key: Path | None, *, public: str) -> Message:
    """A body (by default one of the provider's own) as this sender would send it; unsigned where no secret is set.

    `public`: where senders think that the system is. Raises FieldError for what cannot be signed.
    """
    path = f"/callbacks/webhook/{quote(name, safe='')}"
    catalog = open_catalog(settings.callback_providers)
    if name not in catalog:
        if body is None:
            raise FieldError("--file", f"is missing: no file of a provider {name[:60]!r} says what it sends")
        return Message(body, _JSON, path=path)
    provider = catalog.with_vectors(name)
    if body is None or provider.vectors:
        message = trying.samples_of(name, provider, public)[0]
    else:
        message = Message(body, {}, "POST", f"{public}{path}", path)
    if body is not None:
        message = msgspec.structs.replace(
            message, body=body, headers=_FORM if provider.body.startswith("form") else _JSON
        )
    pair = own_pair(provider, key)
    if not pair.signs:
        return message
    return sign(provider, message, pair.signs, trying.config_of(provider, variables(), message), now_us())


def provider_sender(settings: Settings, name: str, key: Path | None, *, public: str) -> Sender:
    """A provider that tells stories. Raises UnknownProvider, FieldError for what cannot sign."""
    provider = open_catalog(settings.callback_providers).with_vectors(name)
    pair = own_pair(provider, key)
    if not pair.signs:
        variable = provider.secret.variable if provider.secret else "secret"
        raise FieldError(variable, "is not set; set the same for the system and for this command")
    samples = trying.samples_of(name, provider, public)
    config = trying.config_of(provider, variables(), samples[0])
    return Sender(name, provider, samples, pair.signs, config, believed=name in settings.believed())


def own_pair(provider: Provider, key: Path | None) -> KeyPair:
    """What is set here; empty where nothing is. Raises FieldError where only the public half of a pair is."""
    variable = provider.secret.variable if provider.secret else ""
    secrets = usable_secrets(variables().get(variable))
    if key is not None:
        with parts.file_trouble():
            return KeyPair(key.read_text(encoding="utf-8"), "")
    if secrets and is_asymmetric(schemes_of(provider)[0]):
        raise FieldError("--key", f"is missing: {variable} proves this sender, only its private key signs")
    secret = secrets[0].decode() if secrets else ""
    return KeyPair(secret, secret)
