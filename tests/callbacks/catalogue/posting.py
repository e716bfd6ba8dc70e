"""Posts a catalogue's vector to the receiver, at the vector's own time and address."""

import base64
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from app.callbacks.catalogue.handler import CatalogueWebhook, handler_of
from app.core.config import Settings
from app.engine.callback import Answer, Request, Row
from app.engine.counters import Counters
from app.engine.receive import Receiver
from app.providers.catalog import Catalog
from app.providers.catalog.model import Provider, Vector
from app.providers.set_up import secret_variables
from tests.engine.doors import HandAppender

CATALOG = Catalog(installed=False)
#: When a request comes whose vector has no time.
SOME_TIME = 1_764_000_000


class Posted(msgspec.Struct):
    """What came of one request."""

    answer: Answer
    rows: list[Row]


def body_of(vector: Vector) -> bytes:
    return base64.b64decode(vector.body_base64) if vector.body_base64 else (vector.body or "").encode()


def settings_of(vector: Vector) -> Settings:
    """Production, at the address that the vector's sender knows."""
    url = urlsplit(vector.url)
    return Settings(
        callback_env="production",
        callback_public_url=f"{url.scheme}://{url.netloc}" if vector.url else "https://shop.example",
    )


def given_of(provider: Provider, vector: Vector) -> Mapping[str, str]:
    """The vector's secret and config under the file's variables."""
    told = {each.variable: vector.config[name] for name, each in provider.config.items() if name in vector.config}
    return told | dict.fromkeys(secret_variables(provider), vector.secret)


def handler_for(name: str, vector: Vector, *, set_up: bool = True) -> CatalogueWebhook:
    provider = CATALOG.get(name)
    given = given_of(provider, vector) if set_up else {}
    handler = handler_of(name, provider, settings=settings_of(vector), given=given)
    handler.registered_as = name
    return handler


def request_of(name: str, vector: Vector) -> Request:
    url = urlsplit(vector.url)
    return Request(
        name,
        body_of(vector),
        {header.lower().encode(): value.encode("latin-1", "replace") for header, value in vector.headers.items()},
        "203.0.113.9",
        (vector.at or SOME_TIME) * 1_000_000,
        vector.method,
        (url.query or vector.query).encode(),
        url.path or vector.path,
    )


def post(name: str, vector: Vector, *, set_up: bool = True) -> Posted:
    """One vector, through the receiver; what waits for the disk is on it when this returns.

    `set_up`: whether the shop has set the provider's secret.
    """
    appender = HandAppender(commits=False)
    receiver = Receiver({name: handler_for(name, vector, set_up=set_up)}, appender, counters=Counters())
    request, answers = request_of(name, vector), list[Answer]()
    if vector.method != "POST":
        return Posted(receiver.probe(request), [])
    answer = receiver.receive(request, answers.append)
    if answer is not None:
        return Posted(answer, [])
    appender.commit()
    (answer,) = answers
    return Posted(answer, appender.rows)
