"""Made-up secrets and pairs of keys, of the kind that a provider's file asks for: to try a provider with."""

import json
import secrets as dice
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from app.providers.catalog.model import Provider, Scheme, is_asymmetric, schemes_of
from app.providers.proofs import base64url

_RSA_BITS = 2048


class KeyPair(NamedTuple):
    """What a sender signs with, and what proves it; the same where a secret is shared."""

    signs: str
    proves: str


def made_up(provider: Provider) -> KeyPair:
    """A fresh secret, or pair of keys, of the provider's kind."""
    scheme = schemes_of(provider)[0]
    if is_asymmetric(scheme):
        return _PAIRS["jwt" if scheme.kind == "jwt" else scheme.kind](scheme)
    raw = dice.token_bytes(32)
    text = {
        "hex": raw.hex(),
        "base64": b64encode(raw).decode(),
        "whsec": f"whsec_{b64encode(raw).decode()}",
    }.get(scheme.key, dice.token_hex(24))
    return KeyPair(text, text)


def _pem_pair(private: Any) -> KeyPair:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - as above

    signs = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    proves = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return KeyPair(signs.decode(), proves.decode())


def _rsa_pair(_scheme: Scheme) -> KeyPair:
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - as above

    return _pem_pair(rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS))


def _ec_pair(_scheme: Scheme) -> KeyPair:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above

    return _pem_pair(ec.generate_private_key(ec.SECP256R1()))


def _ed25519_pair(scheme: Scheme) -> KeyPair:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - as above

    private = Ed25519PrivateKey.generate()
    seed, public = private.private_bytes_raw(), private.public_key().public_bytes_raw()
    if scheme.key == "hex":
        return KeyPair(seed.hex(), public.hex())
    return KeyPair(f"whsk_{b64encode(seed).decode()}", f"whpk_{b64encode(public).decode()}")


def _jwk_pair(_scheme: Scheme) -> KeyPair:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above

    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.private_numbers()
    point = numbers.public_numbers
    public = {"kty": "EC", "crv": "P-256", **{n: base64url(getattr(point, n).to_bytes(32, "big")) for n in ("x", "y")}}
    secret = {**public, "d": base64url(numbers.private_value.to_bytes(32, "big"))}
    return KeyPair(json.dumps(secret), json.dumps(public))


_PAIRS: Mapping[str, Callable[[Scheme], KeyPair]] = {
    "rsa": _rsa_pair,
    "ecdsa": _ec_pair,
    "ed25519": _ed25519_pair,
    "jwt": _jwk_pair,
}
