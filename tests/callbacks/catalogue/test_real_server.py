"""A real server in production with every provider's secret: what their vectors are answered over a real connection."""

import contextlib
import http.client
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.providers.catalog.model import Provider, Vector, schemes_of
from app.providers.set_up import signs_path
from tests.callbacks.catalogue.posting import CATALOG, body_of, given_of, handler_for, request_of
from tests.callbacks.catalogue.test_every_vector import OF_THE_SCHEME
from tests.chaos.shop import Shop, until

WITH_CODE = {"midtrans", "digiflazz", "discord", "telegram"}
ORIGIN = "https://shop.example"


def address(name: str) -> str:
    return f"/callbacks/webhook/{name}"


def sent(name: str, provider: Provider) -> Iterator[Vector]:
    """Its vectors of one secret and one set of values, as far as they can be sent today to this address."""
    vectors = CATALOG.with_vectors(name).vectors
    dated = any(scheme.clock and scheme.clock.tolerance_seconds != "any" for scheme in schemes_of(provider))
    for vector in vectors:
        url = urlsplit(vector.url)
        elsewhere = (url.path or vector.path or address(name)) != address(name) and signs_path(provider)
        one = vector.secret == vectors[0].secret and vector.config == vectors[0].config
        if one and not dated and not elsewhere and (not vector.url or vector.url.startswith(f"{ORIGIN}/")):
            yield vector


def is_kept(name: str, vector: Vector) -> bool:
    return vector.method == "POST" and handler_for(name, vector).keeps(request_of(name, vector))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    given: dict[str, Any] = {
        "CALLBACK_ENV": "production",
        "CALLBACK_PUBLIC_URL": ORIGIN,
        "CALLBACK_ADMIN_TOKEN": "the-shops-own-token",
    }
    for name in sorted(set(CATALOG.names()) - WITH_CODE):
        vectors = CATALOG.with_vectors(name).vectors
        given = {**given_of(CATALOG.get(name), vectors[0]), **given}
    shop = Shop(tmp_path, **given)
    shop.start("serve", "worker")
    shop.until_listening()
    yield shop
    shop.stop()


def test_each_that_is_proved_is_kept_and_decided_and_no_other_is(shop: Shop) -> None:
    kept, refused = Counter[str](), 0
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", shop.port, timeout=20)) as connection:
        for name in sorted(set(CATALOG.names()) - WITH_CODE):
            provider = CATALOG.get(name)
            for vector in sent(name, provider):
                query = urlsplit(vector.url).query or vector.query
                path = f"{address(name)}?{query}" if query else address(name)
                try:
                    connection.request(vector.method, path, body_of(vector), vector.headers)
                except (UnicodeEncodeError, ValueError):  # a header that no connection can carry
                    connection.close()
                    continue
                answer = connection.getresponse()
                told = (name, vector.case, answer.status, answer.read())
                kept[name] += 0
                if vector.expected == "valid" and (name, vector.case) not in OF_THE_SCHEME:
                    assert answer.status in range(200, 300), told
                    kept[name] += is_kept(name, vector)
                elif vector.expected == "invalid":
                    assert answer.status in {400, 401, 405}, told
                    refused += 1
                else:
                    kept[name] += answer.status == http.HTTPStatus.OK and is_kept(name, vector)
    assert len(kept) >= 70
    assert kept.total() > 120
    assert refused > 250
    until(
        lambda: shop.rows("SELECT count(*) FROM callback_outcomes") == [(len(shop.log()),)],
        lambda: shop.said("worker"),
    )
    log = shop.log()
    assert Counter(callback.provider for callback in log) == +kept
    assert {callback.verification.partition(":")[0] for callback in log} == {"signature", "token"}
    assert shop.rows("SELECT count(*) FROM callback_dead WHERE reason IN ('no_handler', 'handler_failed')") == [(0,)]
    assert "Traceback" not in shop.said("serve") + shop.said("worker")
