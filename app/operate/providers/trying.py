"""Tries a provider's file: its own vectors, and requests signed as it signs, over real HTTP against a server."""

import base64
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

import httpx2
import msgspec

from app.core.errors import FieldError, StartRefused
from app.providers.catalog.model import Provider, Vector, schemes_of
from app.providers.key_pairs import KeyPair, made_up
from app.providers.message import Message
from app.providers.proving import Prover
from app.providers.set_up import secret_variables, set_up
from app.providers.signing import sign

_SECOND_US = 1_000_000
_LISTENS = "Callbacks are received at "
_ERROR = "error: "
_START_LINES_MAX = 200
_TIMEOUT_SECONDS = 10.0
_AN_HOUR_US = 3_600 * _SECOND_US

#: Sends a request to the server that is tried → the status of its answer.
Post: TypeAlias = Callable[[Message], int]


class Tried(NamedTuple):
    """One thing that was tried: what came, and whether it had to."""

    what: str
    ok: bool
    told: str


def try_vectors(name: str, provider: Provider) -> Iterator[Tried]:
    """Each vector of the file with its verdict."""
    prover = Prover(provider)
    for vector in provider.vectors:
        if vector.method != "POST":
            continue
        message = message_of(name, vector)
        at = (vector.at or _WHENEVER) * _SECOND_US
        verdict = prover.verify(message, _secrets(vector.secret), _config(provider, vector, message), at)
        told = "proved" if verdict.fitted else verdict.reason
        ok = vector.expected == "either" or bool(verdict.fitted) == (vector.expected == "valid")
        yield Tried(f"vector {vector.case}", ok, told)


#: Where a server that is tried says it is: some senders sign the address.
PUBLIC_URL = "https://shop.example"
#: Of vectors whose signature says no time.
_WHENEVER = 1_764_000_000


def message_of(name: str, vector: Vector) -> Message:
    """A vector's request."""
    body = vector.body.encode() if vector.body is not None else base64.b64decode(vector.body_base64 or "")
    path = vector.path or urlsplit(vector.url).path or f"/callbacks/webhook/{name}"
    headers = {key.lower().encode(): value.encode() for key, value in vector.headers.items()}
    return Message(body, headers, vector.method, vector.url, path, vector.query)


def samples_of(name: str, provider: Provider, public: str) -> list[Message]:
    """The requests of the good vectors, to sign and send to a system that is at `public` for its senders.

    Raises FieldError for a file without one.
    """
    path = f"/callbacks/webhook/{name}"
    found = [
        msgspec.structs.replace(message_of(name, vector), url=f"{public}{path}", path=path, query="")
        for vector in provider.vectors
        if vector.expected == "valid" and vector.method == "POST"
    ]
    if not found:
        raise FieldError("vectors", f"the file of {name} has no good vector that could be sent; --file gives a body")
    return found


class Server(NamedTuple):
    """Where a server is, and where its senders think it is."""

    address: str
    public: str


def try_sending(
    name: str, provider: Provider, pair: KeyPair, config: Mapping[str, str], server: Server, at: int
) -> Iterator[Tried]:
    """A signed request is taken, and what is not signed so is refused. Raises FieldError for what cannot be signed."""
    post, sample = poster(server.address), samples_of(name, provider, server.public)[0]
    signed = sign(provider, sample, pair.signs, config, at)
    yield _sent("signed as it signs", post(signed), _taken(provider))
    yield _sent("the same again", post(signed), _taken(provider))
    other = sign(provider, sample, made_up(provider).signs, config, at)
    yield _sent("signed with another secret", post(other), HTTPStatus.UNAUTHORIZED)
    scheme = schemes_of(provider)[0]
    if scheme.kind not in {"token", "jwt"} and "{body}" in scheme.signed:
        changed = msgspec.structs.replace(signed, body=signed.body + b" ")
        yield _sent("changed after signing", post(changed), HTTPStatus.UNAUTHORIZED)
    clock = scheme.clock
    if clock is not None and clock.tolerance_seconds != "any":
        late = sign(provider, sample, pair.signs, config, at - clock.tolerance_seconds * _SECOND_US - _AN_HOUR_US)
        yield _sent("signed too long ago", post(late), HTTPStatus.UNAUTHORIZED)


def _taken(provider: Provider) -> int:
    """How it is answered when all is well."""
    plain = [answer.status for answer in provider.answers if answer.method == "POST" and not answer.when]
    return plain[0] if plain else HTTPStatus.OK


def _sent(what: str, status: int, due: int) -> Tried:
    return Tried(what, status == due, f"answered {status}" if status == due else f"answered {status}, not {due}")


def poster(address: str) -> Post:
    """Sends to a server at this address. Raises StartRefused where nobody answers."""

    def post(message: Message) -> int:
        headers = [(name, value) for name, value in message.headers.items() if name != b"content-length"]
        url = f"{address}{message.path}" + (f"?{message.query}" if message.query else "")
        try:
            reply = httpx2.post(url, headers=headers, content=message.body, timeout=_TIMEOUT_SECONDS, trust_env=False)
        except httpx2.HTTPError as error:
            raise StartRefused(f"{address}: {error}; is the system running? `callbacks up` starts it") from None
        return int(reply.status_code)

    return post


@contextmanager
def a_server(name: str, provider: Provider, pair: KeyPair, config: Mapping[str, str], folders: str) -> Iterator[Server]:
    """A system of our own in an empty folder, with this secret; it believes what the sender says of orders.

    Raises StartRefused.
    """
    given = {provider.secret.variable: pair.proves} if provider.secret else {}
    given |= {each.variable: config[name] for name, each in provider.config.items() if name in config}
    for variable in secret_variables(provider):
        given.setdefault(variable, "made-up")
    absolute = os.pathsep.join(str(Path(folder).resolve()) for folder in folders.split(os.pathsep) if folder)
    with tempfile.TemporaryDirectory(prefix="callbacks-") as folder:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "CALLBACK_PORT": "0",
            "CALLBACK_PROVIDERS": absolute,
            "CALLBACK_PUBLIC_URL": PUBLIC_URL,
            "CALLBACK_BELIEVE": name if provider.payment is not None else "",
            **given,
        }
        errors = Path(folder) / "errors"
        with (
            errors.open("wb") as stream,
            subprocess.Popen(
                [sys.executable, "-m", "app", "up"],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
            ) as process,
        ):
            try:
                yield Server(_address(process, errors), PUBLIC_URL)
            finally:
                process.terminate()


def _address(process: "subprocess.Popen[str]", errors: Path) -> str:
    if process.stdout is not None:
        for _ in range(_START_LINES_MAX):
            line = process.stdout.readline()
            if line.startswith(_LISTENS):
                return line.removeprefix(_LISTENS).split("/callbacks", 1)[0]
            if not line:
                break
    told = errors.read_text(encoding="utf-8", errors="replace").splitlines()
    why = next((line.removeprefix(_ERROR) for line in told if line.startswith(_ERROR)), "it says no reason")
    raise StartRefused(f"the server that was to be tried did not start: {why}")


def made_up_config(provider: Provider) -> dict[str, str]:
    """A value for each that has no default."""
    return {name: f"the-{name}" for name, each in provider.config.items() if each.default is None}


def config_of(provider: Provider, given: Mapping[str, str], message: Message) -> Mapping[str, str]:
    """As it is set up here."""
    return set_up(provider, given).config_of(message, provider.body)


def _config(provider: Provider, vector: Vector, message: Message) -> Mapping[str, str]:
    given = {each.variable: vector.config.get(name, "") for name, each in provider.config.items()}
    return set_up(provider, given).config_of(message, provider.body)


def _secrets(text: str) -> list[bytes]:
    if text.startswith(("{", "-----")):
        return [text.encode()]
    return [part.strip().encode() for part in text.split(",") if part.strip()]
