"""Whether one proof fits one text under one key: a small pure function a scheme, and the table of them.

Comparisons are of bytes and in constant time. A key that is none fits nothing; whether it is one, is asked of `key_of`.
"""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import unhexlify
from collections.abc import Callable, Mapping
from functools import lru_cache
from hmac import compare_digest
from typing import Any, TypeAlias

from app.providers.catalog.model import Encoding, Key, SchemeKind

_TOKEN_PARTS = 3  # head, claims, signature

#: `(proof, text, key, algorithm)` → whether the proof fits.
Fits: TypeAlias = Callable[[bytes, bytes, bytes, str], bool]


def hmac_fits(proof: bytes, text: bytes, key: bytes, algorithm: str) -> bool:
    """HMAC of the text."""
    return compare_digest(proof, hmac.digest(key, text, algorithm))


def digest_fits(proof: bytes, text: bytes, _key: bytes, algorithm: str) -> bool:
    """A plain digest of a text that holds the secret."""
    return compare_digest(proof, hashlib.new(algorithm, text, usedforsecurity=False).digest())


def token_fits(proof: bytes, _text: bytes, key: bytes, _algorithm: str) -> bool:
    """The proof is the secret itself."""
    return compare_digest(proof, key)


def rsa_fits(proof: bytes, text: bytes, key: bytes, algorithm: str) -> bool:
    """RSA with PKCS#1 v1.5; the key is a public one in PEM, or its base64 alone."""
    from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415 - six megabytes, where needed

    public = _public_key(key)
    return isinstance(public, rsa.RSAPublicKey) and _verifies(
        lambda: public.verify(proof, text, padding.PKCS1v15(), _hash(algorithm))
    )


def ecdsa_fits(proof: bytes, text: bytes, key: bytes, algorithm: str) -> bool:
    """ECDSA, the signature in DER; the key is a public one in PEM, or its base64 alone."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above

    public = _public_key(key)
    return isinstance(public, ec.EllipticCurvePublicKey) and _verifies(
        lambda: public.verify(proof, text, ec.ECDSA(_hash(algorithm)))
    )


def ed25519_fits(proof: bytes, text: bytes, key: bytes, _algorithm: str) -> bool:
    """Ed25519; the key is a public one, 32 bytes."""
    public = _ed25519_key(key)
    return public is not None and _verifies(lambda: public.verify(proof, text))


def jwt_fits(proof: bytes, _text: bytes, key: bytes, algorithm: str) -> bool:
    """A JSON Web Token of just this algorithm: HS256 with the secret, ES256 with a public key as JWK."""
    signed, _, signature = proof.rpartition(b".")
    told = decoded(signature, "base64url")
    header = _json_part(signed.partition(b".")[0])
    if told is None or header.get("alg") != algorithm:
        return False
    if algorithm == "HS256":
        return compare_digest(told, hmac.digest(key, signed, "sha256"))
    return algorithm == "ES256" and _es256_fits(told, signed, key)


FITS: Mapping[SchemeKind, Fits] = {
    "hmac": hmac_fits,
    "digest": digest_fits,
    "token": token_fits,
    "rsa": rsa_fits,
    "ecdsa": ecdsa_fits,
    "ed25519": ed25519_fits,
    "jwt": jwt_fits,
}
#: Which algorithms a scheme knows.
ALGORITHMS: Mapping[SchemeKind, tuple[str, ...]] = {
    "hmac": ("sha256", "sha512", "sha1"),
    "digest": ("sha512", "sha256", "sha1", "md5"),
    "token": ("",),
    "rsa": ("sha256",),
    "ecdsa": ("sha256",),
    "ed25519": ("",),
    "jwt": ("HS256", "ES256"),
}


def claims(token: bytes) -> Mapping[str, Any]:
    """What a JSON Web Token claims, {} for what is none; believed by nobody before it fitted."""
    parts = token.split(b".")
    return _json_part(parts[1] if len(parts) == _TOKEN_PARTS else b"")


def decoded(text: bytes, encoding: Encoding) -> bytes | None:
    """A proof's bytes, None for what is not written so."""
    try:
        if encoding == "hex":
            return unhexlify(text)
        if encoding == "base64":
            return b64decode(text, validate=True)
        if encoding == "base64url":
            if not text.translate(None, b"-_").isalnum():
                return None
            return urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (ValueError, Base64Error):
        return None
    return text


def encoded(proof: bytes, encoding: Encoding) -> str:
    """A proof as it is written."""
    if encoding == "hex":
        return proof.hex()
    if encoding == "base64":
        return b64encode(proof).decode()
    if encoding == "base64url":
        return base64url(proof)
    return proof.decode(errors="replace")


def base64url(raw: bytes) -> str:
    """As JSON Web Tokens write bytes: without the padding."""
    return urlsafe_b64encode(raw).decode().rstrip("=")


def key_of(secret: bytes, how: Key) -> bytes | None:
    """A secret's text → the key's bytes, None for what is no such key."""
    if how in {"whsec", "whpk"}:
        return decoded(secret.removeprefix(how.encode() + b"_"), "base64")
    if how == "hex":
        return decoded(secret, "hex")
    if how == "base64":
        return decoded(secret, "base64")
    if how == "sha1":
        return hashlib.sha1(secret, usedforsecurity=False).digest()
    if how == "pem":
        return secret if _public_key(secret) is not None else None
    if how == "jwk":
        return secret if _jwk(secret) is not None else None
    return secret


def _json_part(text: bytes) -> Mapping[str, Any]:
    told = decoded(text, "base64url")
    try:
        value = json.loads(told or b"")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _verifies(verify: Callable[[], object]) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as above

    try:
        verify()
    except (InvalidSignature, ValueError):
        return False
    return True


def _hash(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - as above

    return {"sha256": hashes.SHA256, "sha512": hashes.SHA512}[algorithm]()


@lru_cache(maxsize=64)
def _public_key(text: bytes) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_der_public_key,
        load_pem_public_key,
    )
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415

    # An environment file writes a PEM on one line, with `\n` for its line ends.
    text = text.replace(b"\\n", b"\n").strip()
    try:
        if text.startswith(b"-----BEGIN CERTIFICATE-----"):
            return load_pem_x509_certificate(text).public_key()
        if text.startswith(b"-----"):
            return load_pem_public_key(text)
        return load_der_public_key(b64decode(b"".join(text.split()), validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return None


@lru_cache(maxsize=64)
def _ed25519_key(key: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above

    try:
        return Ed25519PublicKey.from_public_bytes(key)
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _jwk(text: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above

    try:
        told = json.loads(text)
        x, y = (decoded(str(told[name]).encode(), "base64url") or b"" for name in ("x", "y"))
        if told.get("kty") != "EC" or told.get("crv") != "P-256":
            return None
        numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1())
        return numbers.public_key()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _es256_fits(signature: bytes, text: bytes, key: bytes) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415 - as above

    public, half = _jwk(key), len(signature) // 2
    if public is None or len(signature) != 64:  # noqa: PLR2004 - r and s
        return False
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    der = utils.encode_dss_signature(r, s)
    return _verifies(lambda: public.verify(der, text, ec.ECDSA(_hash("sha256"))))
