"""Providers' files as proofs: what is hostile is a verdict, and time is judged where it is signed."""

import base64
import hashlib
import hmac
import re
import time
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from app.providers.catalog import Catalog, read_provider
from app.providers.catalog.model import Provider, schemes_of, several
from app.providers.key_pairs import made_up
from app.providers.message import Message
from app.providers.proving import Prover
from app.providers.templates import compiled, place
from tests.callbacks.catalogue.posting import body_of
from tests.callbacks.vectors import HOSTILE_BODIES, VECTORS, Vector
from tests.providers.test_schemes import CHECKS

CATALOG = Catalog(installed=False)
AT = 1_764_000_000_000_000
SECOND = 1_000_000
KEY = b"the-key"


@lru_cache
def prover_of(name: str) -> tuple[Provider, Prover, bytes]:
    provider = CATALOG.with_vectors(name)
    return provider, Prover(provider), made_up(provider).proves.encode()


@lru_cache
def headers_read(name: str) -> tuple[bytes, ...]:
    """Headers that the file looks at."""
    places = []
    for scheme in schemes_of(CATALOG.get(name)):
        places += [place(each) for each in (*several(scheme.from_), *scheme.must)]
        places += [place(scheme.clock.from_)] if scheme.clock else []
        for text in (*several(scheme.signed), *scheme.must.values()):
            places += compiled(text).places()
    return tuple({each.name.replace("*", "1").encode() for each in places if each.room == "header"})


VALUES = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [
            b"",
            b"v1=" + b"0" * 64,
            b"t=1764000000,v1=" + b"0" * 64,
            b"t=1764000000,t=1,v1=zz,v0==,=",
            b"sha256=" + b"f" * 64,
            b"v1," + b"A" * 43 + b"=",
            b"v1,A v1a,B v1,\xff",
            b"Basic dXNlcjpwYXNz",
            b"Bearer \xc3\xa9",
            b"eyJhbGciOiJub25lIn0.e30.",
            b"eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.AAAA",
            b"a.b.c",
            b"\x80\xff" * 30,
            b"1764000000",
            b"-1",
            b"9" * 40,
            b"2025-11-24T16:00:00Z",
            b"2025-11-24",
            b"0001-01-01T00:00:00+23:59",
            b"9999-12-31T23:59:59-23:59",
            b"x" * 20_000,
        ]
    ),
)
BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([body for name, body in HOSTILE_BODIES.items() if name != "nested"]),
    st.sampled_from([b"{}", b"[]", b'{"data": []}', b"a=1&b=2", b"data=%7B%7D&token=x", b'"\\ud800"']),
)


@tries(max_examples=25, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", CATALOG.names())
def test_whatever_comes_is_a_verdict_and_proves_nobody(name: str, data: st.DataObject) -> None:
    provider, prover, secret = prover_of(name)
    vector = provider.vectors[0]
    body = data.draw(BODIES | st.just(body_of(vector)))
    headers = {header: value for header in headers_read(name) if (value := data.draw(VALUES | st.none())) is not None}
    query = data.draw(st.sampled_from(["", "bodySHA256=x", "hub.mode=subscribe", "%ff=%zz", "a=1&a=2", "\ud800"]))
    message = Message(body, headers, "POST", "https://shop.example/x", "/x", query)
    verdict = prover.verify(message, [b"", secret, b"not-a-key"], dict.fromkeys(provider.config, "x"), AT)
    assert verdict.fitted == 0
    assert verdict.reason


@pytest.mark.parametrize("name", CATALOG.names())
def test_fields_that_hold_anything_but_text_are_a_verdict(name: str) -> None:
    provider, prover, secret = prover_of(name)
    vector = next(each for each in provider.vectors if each.expected == "valid" and each.method == "POST")
    headers = {key.lower().encode(): value.encode() for key, value in vector.headers.items()}
    for hostile in (b'{"%s": ["x"]}', b'{"%s": {"a": 1}}', b'{"%s": 1e400}', b'{"%s": true}', b'{"%s": null}'):
        for scheme in schemes_of(provider):
            for each in (*several(scheme.from_), *(text for text in several(scheme.signed))):
                first = re.split(r"[^\w]", each.strip("{}").rpartition(":")[2])[0]
                body = hostile.replace(b"%s", first.encode())
                assert prover.verify(Message(body, headers), [secret], {}, AT).fitted == 0


@pytest.mark.parametrize("name", CATALOG.names())
def test_a_forged_megabyte_costs_little_time(name: str) -> None:
    provider, prover, secret = prover_of(name)
    vector = next(each for each in provider.vectors if each.expected == "valid" and each.method == "POST")
    headers = {key.lower().encode(): value.encode() for key, value in vector.headers.items()}
    bodies = (b'{"a":[' + b"1, " * 300_000 + b"1]}", b'{"a":[' + b'{"b": "\\/"}, ' * 80_000 + b"1]}")
    for body in bodies:
        began = time.perf_counter()
        assert not prover.verify(Message(body, headers), [secret], dict.fromkeys(provider.config, "x"), AT).fitted
        assert time.perf_counter() - began < 0.5  # measured: 50 ms at most


OWN = """
title = "Own"
group = "Yours"
confirmed = "yours"
[secret]
variable = "OWN_SECRET"
[scheme]
kind = "hmac"
algorithm = "sha256"
from = "header:X-Sign"
"""


def own(more: str = "", how: str = "") -> Provider:
    return read_provider(OWN.replace("\n[secret]", f"{how}\n[secret]") + more, "own.toml")


def proof(text: bytes, key: bytes = KEY) -> bytes:
    return hmac.new(key, text, hashlib.sha256).hexdigest().encode()


def reason(provider: Provider, message: Message, at: int = AT, *secrets: bytes) -> str:
    return Prover(provider).verify(message, secrets or (KEY,), {}, at).reason


@pytest.mark.parametrize(
    ("unit", "text", "moment"),
    [
        ("s", b"1764000000", AT),
        ("ms", b"1764000000250", AT + 250_000),
        ("iso", b"2025-11-24T16:00:00Z", AT),
        ("iso", b"2025-11-24T23:00:00+07:00", AT),
        ("iso", b"2025-11-24T16:00:00.500+00:00", AT + 500_000),
    ],
)
def test_a_time_is_right_within_the_tolerance_both_ways_and_only_once_it_is_signed(
    unit: str, text: bytes, moment: int
) -> None:
    provider = own(
        'signed = "{timestamp}.{body}"\n'
        f'clock = {{ from = "header:X-Time", unit = "{unit}", tolerance_seconds = 60 }}'
    )
    good = Message(b"{}", {b"x-time": text, b"x-sign": proof(text + b".{}")})
    for late in (0, 60 * SECOND, -60 * SECOND):
        assert reason(provider, good, moment + late) == ""
    for late in (62 * SECOND, -62 * SECOND, 10**15):
        assert reason(provider, good, moment + late) == "timestamp_out_of_range"
        forged = Message(b"{}", {b"x-time": text, b"x-sign": b"0" * 64})
        assert reason(provider, forged, moment + late) == "signature_wrong"


@pytest.mark.parametrize("text", [b"", b"soon", b"-5", b"1e9", b"2025-11-24T16:00:00", "٣".encode(), b"1" * 30, None])
def test_a_time_that_is_none_is_malformed(text: bytes | None) -> None:
    for unit in ("s", "ms", "iso"):
        provider = own(f'clock = {{ from = "header:X-Time", unit = "{unit}" }}')
        headers = {b"x-sign": proof(b"{}")} | ({} if text is None else {b"x-time": text})
        assert reason(provider, Message(b"{}", headers)) == "signature_malformed"


def test_of_several_proofs_and_secrets_any_may_fit_and_the_secret_is_counted() -> None:
    provider = own('separator = ","\nprefix = "v1="')
    header = b"v0=" + proof(b"{}") + b", v1=zz , v1=" + b"0" * 64 + b",v1=" + proof(b"{}")
    message = Message(b"{}", {b"x-sign": header})
    assert Prover(provider).verify(message, [b"other", b"", KEY], {}, AT).fitted == 3
    assert reason(provider, Message(b"{}", {b"x-sign": b"v0=" + proof(b"{}")})) == "signature_malformed"
    assert reason(provider, Message(b"{}", {})) == "signature_missing"
    many = b",".join([b"v1=" + b"0" * 64] * 32 + [b"v1=" + proof(b"{}")])
    assert reason(provider, Message(b"{}", {b"x-sign": many})) == "signature_wrong"


def test_a_key_that_is_none_proves_nobody() -> None:
    for key in ("hex", "base64", "whsec"):
        provider = own(f'key = "{key}"')
        message = Message(b"{}", {b"x-sign": proof(b"{}", b"")})
        assert reason(provider, message, AT, b"", b"zz!", b"whsec_") == "signature_wrong"
    for kind in ('kind = "rsa"', 'kind = "ecdsa"'):
        provider = read_provider(OWN.replace('kind = "hmac"', kind) + 'key = "pem"\nencoding = "base64"', "own.toml")
        message = Message(b"{}", {b"x-sign": base64.b64encode(b"x" * 64)})
        pem = b"-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----"
        assert reason(provider, message, AT, b"AAAA", pem, b"\xff") == "signature_wrong"


@pytest.mark.parametrize("algorithm", ["none", "HS512", "RS256", "ES256", None])
def test_a_jwt_of_another_algorithm_than_the_files_proves_nobody(algorithm: str | None) -> None:
    provider = read_provider(
        OWN.replace('"hmac"', '"jwt"').replace('"sha256"', '"HS256"') + 'encoding = "none"', "own.toml"
    )

    def token(told: str | None) -> bytes:
        head = b'{"alg":"%s"}' % told.encode() if told is not None else b"{}"
        signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (head, b"{}"))
        made = hmac.new(KEY, signed, hashlib.sha256).digest()
        return signed + b"." + base64.urlsafe_b64encode(made).rstrip(b"=")

    assert reason(provider, Message(b"{}", {b"x-sign": token("HS256")})) == ""
    assert reason(provider, Message(b"{}", {b"x-sign": token(algorithm)})) == "signature_wrong"


@pytest.mark.parametrize("vector", VECTORS, ids=repr)
def test_the_files_of_senders_with_code_of_their_own_say_what_their_code_says(vector: Vector) -> None:
    _, prover, _ = prover_of(vector.provider)
    secrets = (b"another", vector.secret.encode())
    message = Message(vector.body, vector.headers)
    told, due = prover.verify(message, secrets, {}, vector.at), CHECKS[vector.provider](vector, secrets)
    assert told.fitted == due.fitted == (0 if vector.expected == "invalid" else 2)


def test_a_field_that_is_not_signed_proves_only_what_is() -> None:
    body = b'{"order": "T-1", "sign": "%s"}' % proof(b"T-1")
    provider = read_provider(OWN.replace("header:X-Sign", "sign") + 'signed = "{order}"', "own.toml")
    assert reason(provider, Message(body)) == ""
    assert reason(provider, Message(body.replace(b"T-1", b"T-2"))) == "signature_wrong"
