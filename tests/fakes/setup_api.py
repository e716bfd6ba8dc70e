"""A real HTTP server on loopback that plays what Telegram and Discord offer for setting a bot up, and keeps it.

    with setup_api() as api:
        ...                                        # TELEGRAM_API_URL=api.url, DISCORD_API_URL=api.discord_url
        assert api.webhook["url"] == "https://…"   # what setWebhook was given
        api.fails("17 minutes ago", "…")           # what getWebhookInfo tells of the last delivery
        api.say("setWebhook", refused(400, "…"))   # another answer than the truth, by method or path, for ever

Another token than TOKEN (Telegram) or BOT_TOKEN (Discord) is refused, each as the real one does it.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.fakes.chat_api import TOKEN, Answer, discord_no, refused

BOT_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.Gh-tests.discord-token-of-the-tests"
APPLICATION_ID = "1195900000000000001"
VERIFY_KEY = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"

_TELEGRAM = re.compile(r"/bot([^/]*)/(\w+)")
_SECRET = re.compile(r"[A-Za-z0-9_-]{0,256}", re.ASCII)


class Asked(NamedTuple):
    """One request as it came in."""

    method: str
    path: str  # without the token
    fields: Any
    headers: dict[str, str]


class SetupApi:
    """The fake's strings, pulled from the test's thread while the server answers from others."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.webhook: dict[str, Any] = {}
        self.info: dict[str, Any] = {"url": "", "has_custom_certificate": False, "pending_update_count": 0}
        self.menus: dict[str, list[dict[str, str]]] = {}  # by language_code, "" for all others
        self.registered: list[dict[str, Any]] = []
        self.application: dict[str, Any] = {
            "id": APPLICATION_ID,
            "name": "Toko Pulsa",
            "verify_key": VERIFY_KEY,
            "interactions_endpoint_url": None,
        }
        self._said: dict[str, Answer] = {}

    @property
    def discord_url(self) -> str:
        """Discord's API."""
        return f"{self.url}/api/v10"

    def say(self, what: str, answer: Answer) -> None:
        """Answer this method of Telegram's or path of Discord's so."""
        self._said[what] = answer

    def fails(self, at: int, words: str, *, pending: int = 3) -> None:
        """Deliveries fail: since `at` (Unix seconds), with these words."""
        self.info |= {"last_error_date": at, "last_error_message": words, "pending_update_count": pending}

    def take(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """For the server: what to answer."""
        fields = json.loads(body) if body else None
        if telegram := _TELEGRAM.fullmatch(path):
            token, name = telegram.groups()
            self.asked.append(Asked(method, name, fields, headers))
            if token != TOKEN:
                return refused(401, "Unauthorized")
            return self._said.get(name) or self._telegram(name, fields or {})
        path = path.removeprefix("/api/v10")
        self.asked.append(Asked(method, path, fields, headers))
        if headers.get("authorization") != f"Bot {BOT_TOKEN}":
            return discord_no(401, 0, "401: Unauthorized")
        return self._said.get(path) or self._discord(method, path, fields)

    def _telegram(self, name: str, fields: dict[str, Any]) -> Answer:
        if name == "getMe":
            return _ok({"id": 12345, "is_bot": True, "first_name": "Toko", "username": "toko_pulsa_bot"})
        if name == "getWebhookInfo":
            return _ok(self.info)
        if name == "deleteWebhook":
            self.webhook, self.info = {}, {"url": "", "has_custom_certificate": False, "pending_update_count": 0}
            return _ok(result=True)
        if name == "setMyCommands":
            self.menus[fields.get("language_code", "")] = fields["commands"]
            return _ok(result=True)
        if name != "setWebhook":
            return refused(404, "Not Found")
        if not _SECRET.fullmatch(fields["secret_token"]):
            return refused(400, "Bad Request: secret token contains unallowed characters")
        self.webhook = fields
        self.info |= {name: fields[name] for name in ("url", "max_connections", "allowed_updates")}
        if fields.get("drop_pending_updates"):
            self.info["pending_update_count"] = 0
        return _ok(result=True)

    def _discord(self, method: str, path: str, fields: Any) -> Answer:
        if (method, path) == ("GET", "/applications/@me"):
            return _json(self.application)
        if (method, path) == ("PUT", f"/applications/{self.application['id']}/commands"):
            self.registered = fields
            return _json([{"id": str(number), **command} for number, command in enumerate(fields)])
        return discord_no(404, 0, "404: Not Found")


def _ok(result: Any) -> Answer:
    return _json({"ok": True, "result": result})


def _json(told: Any) -> Answer:
    return Answer(200, json.dumps(told).encode())


@contextmanager
def setup_api() -> Iterator[SetupApi]:
    """The fake at `api.url`, until the end of the block."""
    api = SetupApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="setup-api")
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(api: SetupApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = api.take(self.command, self.path, body, headers)
            self.close_connection = answer.cuts
            if answer.cuts:
                return
            content = answer.body or b""
            self.send_response(answer.status)
            for name, value in {"content-type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing: pytest's output belongs to the tests."""

    return Handler
