import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from app.callbacks.payment.midtrans_callback import Notification
from app.providers import schemes
from app.providers.schemes import Verdict
from tests.callbacks.vectors import HOSTILE_SIGNATURES, VECTORS, Vector

_KEY = b"bc1ff0ac3c4a08deda30beb28c75814adaad6f00fbc2b525c488816a32e1c284"
_PING = next(vector for vector in VECTORS if (vector.provider, vector.case) == ("discord", "ping"))


def _midtrans(vector: Vector, secrets: tuple[bytes, ...]) -> Verdict:
    told = msgspec.json.decode(vector.body, type=Notification)
    return schemes.sha512_of_parts((told.order_id, told.status_code, told.gross_amount), told.signature_key, secrets)


def _digiflazz(vector: Vector, secrets: tuple[bytes, ...]) -> Verdict:
    return schemes.hmac_sha1_of_body(vector.body, vector.headers.get(b"x-hub-signature"), secrets)


def _discord(vector: Vector, secrets: tuple[bytes, ...]) -> Verdict:
    timestamp = vector.headers.get(b"x-signature-timestamp")
    signature = vector.headers.get(b"x-signature-ed25519")
    return schemes.ed25519(vector.body, timestamp, signature, secrets, at=vector.at)


def _telegram(vector: Vector, secrets: tuple[bytes, ...]) -> Verdict:
    return schemes.fixed_token(vector.headers.get(b"x-telegram-bot-api-secret-token"), secrets)


CHECKS: dict[str, Callable[[Vector, tuple[bytes, ...]], Verdict]] = {
    "midtrans": _midtrans,
    "digiflazz": _digiflazz,
    "discord": _discord,
    "telegram": _telegram,
}


@pytest.mark.parametrize("vector", VECTORS, ids=repr)
def test_every_sample_gets_the_verdict_that_is_due(vector: Vector) -> None:
    verdict = CHECKS[vector.provider](vector, (vector.secret.encode(),))
    assert verdict.fitted == (0 if vector.expected == "invalid" else 1)
    assert bool(verdict.reason) is (verdict.fitted == 0)


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.expected == "valid"], ids=repr)
def test_of_several_secrets_the_verdict_names_the_one_that_fitted_and_none_fits_without_any(vector: Vector) -> None:
    check, secret = CHECKS[vector.provider], vector.secret.encode()
    assert check(vector, (b"another-secret", secret)).fitted == 2
    assert check(vector, (b"", secret, b"third")).fitted == 2
    assert check(vector, ()).fitted == 0
    assert check(vector, (b"another-secret",)).fitted == 0


@pytest.mark.parametrize("told", HOSTILE_SIGNATURES, ids=lambda value: repr(value)[:20])
def test_a_hostile_signature_is_a_verdict_and_never_an_exception(told: Any) -> None:
    parts = ("T-1", "200", "100.00")
    verdicts = [
        schemes.sha512_of_parts(parts, told, (b"key",)),
        schemes.hmac_sha1_of_body(b"{}", told, (b"key",)),
        schemes.ed25519(b"{}", b"1764000000", told, (_KEY,), at=1_764_000_000_000_000),
        schemes.ed25519(b"{}", told, b"0" * 128, (_KEY,), at=1_764_000_000_000_000),
        schemes.fixed_token(told, (b"key",)),
    ]
    assert [verdict.fitted for verdict in verdicts] == [0] * len(verdicts)
    assert all(verdict.reason for verdict in verdicts)


@pytest.mark.parametrize("part", [None, 200, 1.5, ["x"], {}, "\ud800"])
def test_what_is_no_text_was_not_signed(part: Any) -> None:
    assert schemes.sha512_of_parts(("T-1", part, "100.00"), "0" * 128, (b"key",)).reason == "signature_wrong"


def test_an_empty_secret_proves_nobody() -> None:
    unkeyed = hashlib.sha512(b"T-1200100.00").hexdigest()
    assert schemes.sha512_of_parts(("T-1", "200", "100.00"), unkeyed, (b"",)).fitted == 0
    assert schemes.fixed_token(b"", (b"",)).fitted == 0
    keyless = b"sha1=" + hmac.digest(b"", b"{}", "sha1").hex().encode()
    assert schemes.hmac_sha1_of_body(b"{}", keyless, (b"",)).fitted == 0


@pytest.mark.parametrize(("late_seconds", "fitted"), [(0, 1), (900, 1), (-900, 1), (901, 0), (-901, 0), (10**9, 0)])
def test_a_discord_signature_is_worth_something_for_a_quarter_of_an_hour(late_seconds: int, fitted: int) -> None:
    at = _PING.at + late_seconds * 1_000_000
    verdict = schemes.ed25519(
        _PING.body,
        _PING.headers[b"x-signature-timestamp"],
        _PING.headers[b"x-signature-ed25519"],
        (_KEY,),
        at=at,
    )
    assert verdict.fitted == fitted
    assert verdict.reason == ("" if fitted else "timestamp_out_of_range")


@pytest.mark.parametrize("key", [b"", b"zz", b"a" * 63, b"\xff" * 64, b"0" * 66])
def test_what_is_no_public_key_fits_nothing(key: bytes) -> None:
    assert not schemes.is_ed25519_key(key)
    verdict = schemes.ed25519(
        _PING.body, _PING.headers[b"x-signature-timestamp"], _PING.headers[b"x-signature-ed25519"], (key,), at=_PING.at
    )
    assert verdict.fitted == 0
