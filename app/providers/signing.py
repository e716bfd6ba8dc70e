"""Signs a request as its sender would, by the same file that proves it: for trying a set-up, and for tests. Pure.

Who signs with a key pair needs the private key: PEM for RSA and ECDSA, the seed of Ed25519 written as the public key
is, a JWK with `d`. What the file reads from the request and the request lacks (ids, times) is put in.
"""

import hashlib
import hmac
import json
import secrets as dice
import uuid
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

import msgspec

from app.core.errors import FieldError
from app.providers import proofs
from app.providers.catalog.checking import schemes_of, several
from app.providers.catalog.model import Clock, Encoding, Provider, Scheme
from app.providers.message import Message
from app.providers.proving import Reading
from app.providers.templates import Place, Template, compiled, place

_SECOND_US = 1_000_000
_RSA_BITS = 2048


class KeyPair(NamedTuple):
    """What a sender signs with, and what proves it; the same where a secret is shared."""

    signs: str
    proves: str


def sign(
    provider: Provider, message: Message, secret: str, config: Mapping[str, str], at: int, *, scheme_no: int = 0
) -> Message:
    """The request with its proof, made at `at` (microseconds).

    Raises FieldError where this secret cannot sign, or the body lacks what is signed.
    """
    return _Signing(provider, schemes_of(provider)[scheme_no], secret, config, at).sign(message)


def is_asymmetric(scheme: Scheme) -> bool:
    """Whether what proves the sender cannot sign."""
    return scheme.kind in {"rsa", "ecdsa", "ed25519"} or scheme.algorithm == "ES256"


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
        return proof.decode() if self.scheme.kind == "jwt" else encoded(proof, self.scheme.encoding)

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
        raise FieldError("from", f"{where} is no place to put a proof")


def put(body: bytes, how: str, path: Sequence[str | int], value: str) -> bytes:
    """The body with this text at a path, made where it is missing. Raises FieldError for a body that is not so."""
    if how.startswith("form") or (how == "json_or_form" and body.lstrip()[:1] not in {b"{", b"["}):
        return _put_form(body, how.partition(":")[2], path, value)
    return json.dumps(_put_json(_loaded(body), path, value), separators=(",", ":"), ensure_ascii=False).encode()


def _put_form(body: bytes, inner: str, path: Sequence[str | int], value: str) -> bytes:
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    first = str(path[0])
    if len(path) == 1:
        fields[first] = value
    elif first == inner:
        fields[first] = json.dumps(_put_json(_loaded(fields.get(first, "{}").encode()), path[1:], value))
    else:
        raise FieldError("body", f"{first} is no field of a form")
    return urlencode(fields).encode()


def _loaded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise FieldError("body", "is not JSON") from None


def _put_json(data: Any, path: Sequence[str | int], value: str) -> Any:
    at = data
    for step, following in pairwise(path):
        if isinstance(step, str) and isinstance(at, dict):
            at = at.setdefault(step, [] if isinstance(following, int) else {})
        elif isinstance(step, int) and isinstance(at, list) and step < len(at):
            at = at[step]
        else:
            raise FieldError("body", f"has no place {'.'.join(map(str, path))}")
    if isinstance(at, dict) and isinstance(path[-1], str):
        old = at.get(path[-1])
        at[path[-1]] = _as_before(old, value)
    elif isinstance(at, list) and isinstance(path[-1], int) and path[-1] < len(at):
        at[path[-1]] = _as_before(at[path[-1]], value)
    else:
        raise FieldError("body", f"has no place {'.'.join(map(str, path))}")
    return data


def _as_before(old: Any, value: str) -> Any:
    """A number stays one, where the new text is one."""
    if isinstance(old, int | float) and not isinstance(old, bool):
        try:
            return int(value) if value.lstrip("-").isdigit() else float(value)
        except ValueError:
            return value
    return value


def encoded(proof: bytes, encoding: Encoding) -> str:
    """A proof as it is written."""
    if encoding == "hex":
        return proof.hex()
    if encoding == "base64":
        return b64encode(proof).decode()
    if encoding == "base64url":
        return _base64url(proof)
    return proof.decode(errors="replace")


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


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
    parts = [_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims)]
    signed = ".".join(parts).encode()
    return signed + b"." + _base64url(make(signed)).encode()


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
    public = {"kty": "EC", "crv": "P-256", **{n: _base64url(getattr(point, n).to_bytes(32, "big")) for n in ("x", "y")}}
    secret = {**public, "d": _base64url(numbers.private_value.to_bytes(32, "big"))}
    return KeyPair(json.dumps(secret), json.dumps(public))


_PAIRS: Mapping[str, Callable[[Scheme], KeyPair]] = {
    "rsa": _rsa_pair,
    "ecdsa": _ec_pair,
    "ed25519": _ed25519_pair,
    "jwt": _jwk_pair,
}
