import base64

import msgspec
import pytest

from app.core.errors import FieldError
from app.providers.catalog import Catalog
from app.providers.catalog.model import Provider, is_asymmetric, schemes_of
from app.providers.key_pairs import made_up
from app.providers.message import Message
from app.providers.proving import Prover
from app.providers.putting import put
from app.providers.signing import sign

AT = 1_764_000_000_000_000
CATALOG = Catalog(installed=False)


def message_of(provider: Provider) -> Message:
    """The first good vector's request, without what signed it."""
    vector = next(each for each in provider.vectors if each.expected == "valid" and each.method == "POST")
    body = vector.body.encode() if vector.body is not None else base64.b64decode(vector.body_base64 or "")
    kept = {name.lower().encode(): value.encode() for name, value in vector.headers.items()}
    return Message(body, kept, "POST", "https://shop.example/callbacks/webhook/x", "/callbacks/webhook/x")


def config_of(provider: Provider) -> dict[str, str]:
    return {name: f"the-{name}" for name in provider.config}


@pytest.mark.parametrize("name", CATALOG.names())
def test_what_is_signed_as_a_sender_signs_is_proved_and_nothing_else_is(name: str) -> None:
    provider = CATALOG.with_vectors(name)
    pair, config, prover = made_up(provider), config_of(provider), Prover(provider)
    signed = sign(provider, message_of(provider), pair.signs, config, AT)
    assert prover.verify(signed, [b"other", pair.proves.encode()], config, AT).fitted == 2
    assert not prover.verify(signed, [made_up(provider).proves.encode()], config, AT).fitted
    clock = schemes_of(provider)[0].clock
    if clock is not None and clock.tolerance_seconds != "any":
        for late in (AT + 86_400_000_000, AT - 86_400_000_000):
            assert prover.verify(signed, [pair.proves.encode()], config, late).reason == "timestamp_out_of_range"
    scheme = schemes_of(provider)[0]
    if scheme.kind not in {"token", "jwt"} and "{body}" in scheme.signed:
        changed = msgspec.structs.replace(signed, body=signed.body + b" ")
        assert not prover.verify(changed, [pair.proves.encode()], config, AT).fitted


@pytest.mark.parametrize("name", [n for n in CATALOG.names() if is_asymmetric(schemes_of(CATALOG.get(n))[0])])
def test_what_proves_a_sender_of_key_pairs_cannot_sign_for_it(name: str) -> None:
    provider = CATALOG.with_vectors(name)
    with pytest.raises(FieldError, match="private key"):
        sign(provider, message_of(provider), made_up(provider).proves[:-8], config_of(provider), AT)


def test_a_body_that_lacks_what_is_signed_is_refused_with_the_fields_name() -> None:
    provider = CATALOG.get("duitku")
    with pytest.raises(FieldError, match="merchantOrderId"):
        sign(provider, Message(b"merchantCode=D1&amount=1"), "key", {}, AT)


def test_a_field_is_put_where_its_path_leads_in_every_kind_of_body() -> None:
    assert put(b'{"a":{"b":[{"c":1}]}}', "json", ("a", "b", 0, "c"), "2") == b'{"a":{"b":[{"c":2}]}}'
    assert put(b"{}", "json", ("a", "b"), "x") == b'{"a":{"b":"x"}}'
    assert put(b"a=1&b=2", "form", ("b",), "3 4") == b"a=1&b=3+4"
    assert put(b"data=%7B%22n%22%3A+1%7D&t=x", "form_json:data", ("data", "n"), "5") == b"data=%7B%22n%22%3A+5%7D&t=x"
    with pytest.raises(FieldError, match="no place"):
        put(b"[]", "json", ("a",), "x")
