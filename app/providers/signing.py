"""Signs a request as its sender would, by the same file that proves it: for trying a set-up, and for tests. Pure.

Who signs with a key pair needs the private key: PEM for RSA and ECDSA, the seed of Ed25519 written as the public key
is, a JWK with `d`. What the file reads from the request and the request lacks (ids, times) is put in.
"""

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from app.core.errors import FieldError
from app.providers import proofs
from app.providers.catalog.model import Clock, Provider, Scheme, is_asymmetric, schemes_of, several
from app.providers.message import Message
from app.providers.proofs import base64url
from app.providers.proving import Reading
from app.providers.putting import put
from app.providers.templates import Place, Template, compiled, place

_SECOND_US = 1_000_000


def sign(
    provider: Provider, message: Message, secret: str, config: Mapping[str, str], at: int, *, scheme_no: int = 0
) -> Message:
    """The request with its proof, made at `at` (microseconds).

    Raises FieldError where this secret cannot sign, or the body lacks what is signed.
    """
    return _Signing(provider, schemes_of(provider)[scheme_no], secret, config, at).sign(message)


class _Signing:
    """One request being signed; what is put in grows from step to step."""

    def __init__(self, provider: Provider, scheme: Scheme, secret: str, config: Mapping[str, str], at: int) -> None:
        self.provider = provider
        self.scheme = scheme
        self.secret = secret.encode()
        self.config = config
        self.at = at
        self.claims: dict[str, Any] = {}
        self.time = _time_text(scheme.clock, at) if scheme.clock else ""

    def sign(self, message: Message) -> Message:
        message = self._with_time(message)
        message = self._with_headers(message)
        message = self._with_must(message)
        proof = self._encoded(self._made(self._signed(message)))
        prefix = self._rendered(compiled(self.scheme.prefix), message, "the prefix").decode()
        return self._put(message, several(self.scheme.from_)[0], self._with_parts(prefix + proof))

    def _reading(self, message: Message) -> Reading:
        given = {"timestamp": self.time.encode()} if self.time else {}
        return Reading(
            message,
            self.provider.body,
            config=self.config,
            secret=self.secret,
            rewrite=self.scheme.rewrite,
            given=given,
        )

    def _rendered(self, text: Template, message: Message, what: str) -> bytes:
        value = text.render(self._reading(message))
        if value is None:
            missing = next((each.name for each in text.places() if each.read(self._reading(message)) is None), what)
            raise FieldError("body", f"{missing} is missing: it is part of what this sender signs")
        return value

    def _with_time(self, message: Message) -> Message:
        clock = self.scheme.clock
        if clock is None or clock.from_.startswith("part:"):
            return message
        return self._put(message, clock.from_, self.time, number=clock.unit != "iso")

    def _with_headers(self, message: Message) -> Message:
        """Ids that texts read and the request lacks."""
        for each in self._read_places():
            if each.room == "header" and each.read(self._reading(message)) is None:
                message = self._put(message, f"header:{each.name}", uuid.uuid4().hex)
        return message

    def _read_places(self) -> list[Place]:
        signed = several(self.scheme.signed)[:1]
        return [each for text in signed for each in compiled(text).places()]

    def _with_must(self, message: Message) -> Message:
        for where, text in self.scheme.must.items():
            value = self._rendered(compiled(text), message, where).decode()
            message = self._put(message, where, value)
        return message

    def _signed(self, message: Message) -> bytes:
        if self.scheme.kind in {"token", "jwt"}:
            return b""
        return self._rendered(compiled(several(self.scheme.signed)[0]), message, "what is signed")

    def _made(self, text: bytes) -> bytes:
        scheme = self.scheme
        if is_asymmetric(scheme):
            return _signature(scheme, self.secret, text, self.claims)
        rendered = compiled(scheme.secret).render(self._reading(Message(b"")))
        key = None if rendered is None else proofs.key_of(rendered, scheme.key)
        if not key:
            raise FieldError("secret", f"is no key of this sender: {scheme.key}")
        if scheme.kind == "jwt":
            return _token({"alg": scheme.algorithm}, self.claims, lambda head: hmac.digest(key, head, "sha256"))
        return _MAKES[scheme.kind](key, text, scheme.algorithm)

    def _encoded(self, proof: bytes) -> str:
        return proof.decode() if self.scheme.kind == "jwt" else proofs.encoded(proof, self.scheme.encoding)

    def _with_parts(self, proof: str) -> str:
        clock = self.scheme.clock
        if clock is None or not clock.from_.startswith("part:"):
            return proof
        return f"{clock.from_.removeprefix('part:')}={self.time}{self.scheme.separator}{proof}"

    def _put(self, message: Message, where: str, value: str, *, number: bool = False) -> Message:
        each = place(where)
        if each.room == "header":
            name = each.name.replace("*", "1").encode()
            return msgspec.structs.replace(message, headers={**message.headers, name: value.encode()})
        if each.room == "claim":
            self.claims[each.name] = int(value) if number else value
            return message
        if each.room == "query":
            query = "&".join(filter(None, (message.query, urlencode({each.name: value}))))
            url = f"{message.url.partition('?')[0]}?{query}"
            return msgspec.structs.replace(message, query=query, url=url)
        if each.room == "field":
            return msgspec.structs.replace(message, body=put(message.body, self.provider.body, each.path, value))
        raise FieldError("from", f"{where} is no place to put a proof; a field of that name is field:{where}")


def _time_text(clock: Clock, at: int) -> str:
    if clock.unit == "iso":
        return datetime.fromtimestamp(at // _SECOND_US, UTC).isoformat().replace("+00:00", "Z")
    return str(at // 1000 if clock.unit == "ms" else at // _SECOND_US)


_MAKES: Mapping[str, Callable[[bytes, bytes, str], bytes]] = {
    "hmac": hmac.digest,
    "digest": lambda _key, text, algorithm: hashlib.new(algorithm, text, usedforsecurity=False).digest(),
    "token": lambda key, _text, _algorithm: key,
}


def _token(head: Mapping[str, Any], claims: Mapping[str, Any], make: Callable[[bytes], bytes]) -> bytes:
    parts = [base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims)]
    signed = ".".join(parts).encode()
    return signed + b"." + base64url(make(signed)).encode()


def _signature(scheme: Scheme, secret: bytes, text: bytes, claims: Mapping[str, Any]) -> bytes:
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - six megabytes, where needed
    from cryptography.hazmat.primitives.asymmetric import ec, padding  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    try:
        if scheme.kind == "ed25519":
            seed = proofs.key_of(secret.replace(b"whsk_", b"whpk_"), scheme.key) or b""
            return Ed25519PrivateKey.from_private_bytes(seed).sign(text)
        if scheme.kind == "jwt":
            return _token({"alg": scheme.algorithm}, claims, _es256(secret))
        private: Any = serialization.load_pem_private_key(secret.replace(b"\\n", b"\n"), None)
        if scheme.kind == "rsa":
            return bytes(private.sign(text, padding.PKCS1v15(), hashes.SHA256()))
        return bytes(private.sign(text, ec.ECDSA(hashes.SHA256())))
    except (ValueError, TypeError, AttributeError, KeyError):
        raise FieldError(
            "key", f"this sender signs with a private key ({scheme.kind}); what proves it cannot sign"
        ) from None


def _es256(secret: bytes) -> Callable[[bytes], bytes]:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415

    number = int.from_bytes(proofs.decoded(json.loads(secret)["d"].encode(), "base64url") or b"", "big")
    private = ec.derive_private_key(number, ec.SECP256R1())

    def make(text: bytes) -> bytes:
        r, s = utils.decode_dss_signature(private.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return make
