"""The port: free, ours, or somebody else's; and whether the server knows the handlers that the worker would know."""

import errno
import http.client
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import msgspec
from sqlalchemy import Engine, text

from app.core.config import Settings, usable_secrets
from app.core.database import reading
from app.core.language import Text
from app.operate.checkup.finding import Finding, ok, warn, wrong

_TIMEOUT_SECONDS = 3
_ANSWER_BYTES_MAX = 1 << 20
#: Where one connects to reach a server that listens everywhere.
_REACHED_AT = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound to it


class Answering(msgspec.Struct, frozen=True):
    """Who listens at the port, as it is seen from here."""

    ours: bool = False
    #: `kind/name` → whether what proves its sender is set up; None where it could not be asked
    handlers: Mapping[str, bool] | None = None


def look_at_port(settings: Settings) -> tuple[Answering, list[Finding]]:
    """Ask whoever listens where our server would."""
    host, port = settings.callback_host, settings.callback_port
    values = {"host": host, "port": port}
    if not port:
        return Answering(), [ok("port", _ANY)]
    try:
        live = _get(settings, "/health/live")
    except ConnectionRefusedError:
        return Answering(), [_can_listen(host, port)]
    except (OSError, http.client.HTTPException, ValueError):
        live = None
    if live != {"success": True}:
        return Answering(), [wrong("port", _TAKEN, _FREE_IT, **values)]
    try:
        rows = _get(settings, "/callbacks/handlers")["handlers"]
        handlers = {f"{row['kind']}/{row['name']}": bool(row["configured"]) for row in rows}
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return Answering(ours=True), [warn("port", _OTHER_TOKEN, _RESTART, **values)]
    return Answering(ours=True, handlers=handlers), [ok("port", _OURS, **values)]


def _get(settings: Settings, path: str) -> Any:
    host = _REACHED_AT.get(settings.callback_host, settings.callback_host)
    tokens = usable_secrets(settings.callback_admin_token)
    headers = {"Authorization": b"Bearer " + tokens[0]} if tokens else {}
    with closing(http.client.HTTPConnection(host, settings.callback_port, timeout=_TIMEOUT_SECONDS)) as connection:
        connection.request("GET", path, headers=headers)
        return json.loads(connection.getresponse().read(_ANSWER_BYTES_MAX))


def _can_listen(host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as found:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((host, port))
    except OSError as error:
        if error.errno == errno.EACCES:
            return wrong("port", _NOT_ALLOWED, _HIGHER, host=host, port=port)
        return wrong("port", _NOT_OURS, _OTHER_HOST, host=host, port=port, reason=error.strerror or error)
    return ok("port", _FREE, host=host, port=port)


def handlers(known: Sequence[Mapping[str, Any]], answering: Answering) -> Iterator[Finding]:
    """`known`: as `CallbackManager.list_handlers` tells, with the settings as they are now; so a worker would start."""
    here = {f"{row['kind']}/{row['name']}": bool(row["configured"]) for row in known}
    there = answering.handlers
    if there is None:
        yield ok("handlers", Text("{count} terdaftar", "{count} are registered"), count=len(here))
        return
    one_sided = sorted(here.keys() ^ there.keys())
    changed = sorted(name for name in here.keys() & there.keys() if here[name] != there[name])
    if one_sided:
        yield wrong("handlers", _ONE_SIDED, _RESTART, names=", ".join(one_sided))
    if changed:
        yield warn("handlers", _CHANGED, _RESTART, names=", ".join(changed))
    if not one_sided and not changed:
        yield ok("handlers", _SAME, count=len(here))


def unknown_to_the_worker(engine: Engine) -> Iterator[Finding]:
    """Senders whose callbacks the worker put aside because it had no handler for them."""
    query = "SELECT detail FROM callback_dead WHERE reason = 'no_handler' AND closed_at IS NULL LIMIT 1000"
    with reading(engine) as connection:
        details = [json.loads(row[0]) for row in connection.execute(text(query)) if row[0]]
    names = sorted({str(detail.get("name", "")) for detail in details})
    if names:
        yield wrong("handlers", _UNKNOWN, _REGISTER, names=", ".join(names)[:300])


_ANY = Text("0: sistem yang memilih", "0: the system chooses")
_TAKEN = Text("{host}:{port} dipakai program lain", "{host}:{port} is taken by another program")
_FREE_IT = Text("hentikan program itu atau pakai CALLBACK_PORT lain", "stop it, or set another CALLBACK_PORT")
_FREE = Text("{host}:{port} kosong; server tidak berjalan", "{host}:{port} is free; the server does not run")
_OURS = Text("{host}:{port} dijawab server kita", "{host}:{port} is answered by our server")
_OTHER_TOKEN = Text(
    "server di {host}:{port} menolak token yang terpasang sekarang",
    "the server at {host}:{port} refuses the admin token that is set now",
)
_RESTART = Text(
    "mulai ulang `callbacks up` dengan pengaturan yang sekarang", "restart `callbacks up` with the settings as they are"
)
_NOT_ALLOWED = Text(
    "{host}:{port}: pengguna ini tidak boleh memakainya", "{host}:{port}: this user may not listen there"
)
_HIGHER = Text(
    "pakai port di atas 1023 di belakang proxy, atau beri CAP_NET_BIND_SERVICE",
    "use a port above 1023 behind a proxy, or grant CAP_NET_BIND_SERVICE",
)
_NOT_OURS = Text("{host}:{port}: {reason}", "{host}:{port}: {reason}")
_OTHER_HOST = Text("perbaiki CALLBACK_HOST", "mend CALLBACK_HOST")
_ONE_SIDED = Text(
    "hanya dikenal server atau hanya dikenal worker: {names}", "known to the server or to a worker only: {names}"
)
_CHANGED = Text(
    "server yang berjalan memakai pengaturan lain untuk {names}", "the running server has other settings for {names}"
)
_SAME = Text("{count} terdaftar, sama di server", "{count} are registered, the same in the server")
_UNKNOWN = Text("worker tidak punya handler untuk {names}", "the worker has no handler for {names}")
_REGISTER = Text(
    "daftarkan lewat CALLBACK_APP, mulai ulang, lalu `callbacks dead retry`",
    "register them by CALLBACK_APP, restart, then `callbacks dead retry`",
)
