"""A real HTTP server on loopback that plays Telegram's Bot API and Discord's: truthful, limiting, failing.

    with chat_api() as api:
        api.say("4711", too_many(3), ok())       # a script for one chat or webhook: in turn, the last one for ever
        ...                                       # TELEGRAM_API_URL=api.url, api.webhook("shop") for Discord
        assert [one.text for one in api.sent] == ["…"]
        api.until(lambda: len(api.sent) == 2)     # waits for a condition, no sleep

What nobody spoke of is answered as the real ones answer a message that they sent. Chats are told apart by their id,
webhooks by their name, what a bot of Discord's writes by `user:ID` or `channel:ID`, answers to commands by
`reply:TOKEN`.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn

TOKEN = "12345:AAF-token-of-the-tests"
BOT_TOKEN = "MTIz.discord-bot-of-the-tests"
_USERS = "9"  # before a user's number: the channel of messages to that user


class Answer(NamedTuple):
    """One answer: what is sent, after how long; `silent` never answers, `cuts` hangs up instead."""

    status: int = 200
    body: bytes | None = None  # None: what the service says of a message that it sent
    headers: Mapping[str, str] = {}
    after_seconds: float = 0.0
    silent: bool = False
    cuts: bool = False


class Sent(NamedTuple):
    """One message as it came in; `at` in seconds of `time.monotonic`."""

    service: str  # `telegram`, `discord`
    to: str
    fields: dict[str, Any]
    at: float
    key: str  # the nonce
    method: str = "POST"

    @property
    def text(self) -> str:
        """What it says."""
        return str(self.fields.get("text") or self.fields.get("content") or "")


def ok() -> Answer:
    """Sent."""
    return Answer()


def slow(seconds: float) -> Answer:
    """Sent, and told late."""
    return Answer(after_seconds=seconds)


def silent() -> Answer:
    """Taken, and never answered."""
    return Answer(silent=True)


def cut() -> Answer:
    """Taken; the connection is cut before the answer."""
    return Answer(cuts=True)


def failing(status: int = 500) -> Answer:
    """An HTML page of a server that failed."""
    return Answer(status, b"<html>no</html>", {"content-type": "text/html"})


def nonsense() -> Answer:
    """A good status, and half a JSON text."""
    return Answer(200, b'{"ok": tr')


def refused(status: int, description: str, **parameters: Any) -> Answer:
    """Telegram's no."""
    told: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    return Answer(status, json.dumps(told | ({"parameters": parameters} if parameters else {})).encode())


def too_many(seconds: float) -> Answer:
    """Telegram's 429."""
    return refused(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def discord_no(status: int, code: int, message: str) -> Answer:
    """Discord's no."""
    return Answer(status, json.dumps({"message": message, "code": code}).encode())


def discord_too_many(seconds: float, *, everywhere: bool = False) -> Answer:
    """Discord's 429, with its words about limits."""
    told = {"message": "You are being rate limited.", "retry_after": seconds, "global": everywhere}
    headers = {"retry-after": str(int(seconds) + 1), "x-ratelimit-limit": "5", "x-ratelimit-remaining": "0"}
    return Answer(429, json.dumps(told).encode(), headers)


def discord_ban() -> Answer:
    """The 429 of Discord's edge: not a word of limits."""
    return Answer(429, json.dumps({"message": "You are being blocked from accessing our API.", "code": 0}).encode())


class ChatApi:
    """The fake's strings, pulled from the test's thread while the server answers from another."""

    def __init__(self) -> None:
        self.url = ""
        self.sent: list[Sent] = []  # everything that came in, whatever was answered
        self.usual: Callable[[], Answer] = ok  # what those are answered that nobody spoke of
        self._scripts: dict[str, list[Answer]] = {}
        self.changed = threading.Condition()
        #: done once each, while a message is under way
        self.meanwhile: list[Callable[[], object]] = []

    def webhook(self, name: str) -> str:
        """A Discord webhook's address."""
        return f"{self.url}/api/webhooks/{name}/wh-secret-{name}-0123456789abcdef"

    def say(self, to: str, *answers: Answer) -> None:
        """Answer messages to this chat or webhook with these in turn, the last one for ever."""
        with self.changed:
            self._scripts[to] = list(answers)

    def forget(self) -> None:
        """Unsay what was said about all."""
        with self.changed:
            self._scripts.clear()

    def to(self, name: str) -> list[Sent]:
        """What came in for this chat or webhook."""
        with self.changed:
            return [one for one in self.sent if one.to == name]

    def until(self, condition: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait for something that a message brings about; fails the test when it was not in time."""
        with self.changed:
            assert self.changed.wait_for(condition, seconds), f"{len(self.sent)} messages came in"

    def take(self, method: str, path: str, fields: dict[str, Any], token: str) -> Answer:
        """For the server: note a message → what to answer."""
        parts = path.strip("/").split("/")
        telegram = parts[0].startswith("bot")
        if telegram and parts != [f"bot{TOKEN}", "sendMessage"]:
            return refused(404, "Not Found")
        bots = not telegram and parts[2] in {"users", "channels"}
        if bots and token != f"Bot {BOT_TOKEN}":
            return discord_no(401, 0, "401: Unauthorized")
        if bots and parts[2:] == ["users", "@me", "channels"]:
            return Answer(body=json.dumps({"id": f"{_USERS}{fields['recipient_id']}"}).encode())
        to = str(fields.get("chat_id")) if telegram else _place(parts)
        key = str(fields.get("nonce", ""))
        with self.changed:
            self.sent.append(Sent("telegram" if telegram else "discord", to, fields, time.monotonic(), key, method))
            number = len(self.sent)
            script = self._scripts.get(to) or [self.usual()]
            answer = script.pop(0) if len(script) > 1 else script[0]
            self.changed.notify_all()
        while self.meanwhile:
            self.meanwhile.pop(0)()
        if answer.body is not None or answer.silent or answer.cuts:
            return answer
        told = {"ok": True, "result": {"message_id": number, "chat": {"id": to}}} if telegram else {"id": str(number)}
        return answer._replace(body=json.dumps(told).encode())


def _place(parts: list[str]) -> str:
    match parts:
        case ["api", _, "channels", number, "messages"]:
            user = number.startswith(_USERS)
            return f"user:{number.removeprefix(_USERS)}" if user else f"channel:{number}"
        case ["api", _, "webhooks", _, token, *_]:
            return f"reply:{token}"
    return parts[2]


@contextmanager
def chat_api() -> Iterator[ChatApi]:
    """The fake at `api.url`, until the end of the block."""
    api = ChatApi()
    config = uvicorn.Config(
        _application(api),
        host="127.0.0.1",
        port=0,
        log_config=None,
        log_level="critical",
        lifespan="off",
        timeout_graceful_shutdown=0,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="chat-api")
    thread.start()
    while not server.started:
        time.sleep(0.005)
    api.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield api
    finally:
        server.should_exit = True
        thread.join()


def _application(api: ChatApi) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        answer = api.take(scope["method"], scope["path"], json.loads(body), headers.get("authorization", ""))
        if answer.silent:
            await receive()  # until they hang up
            return
        await asyncio.sleep(answer.after_seconds)
        content = b"half an answer" if answer.cuts else answer.body or b""
        head = {"content-type": "application/json", **answer.headers, "content-length": str(len(content))}
        start = {"type": "http.response.start", "status": answer.status}
        await send(start | {"headers": [(name.encode(), value.encode()) for name, value in head.items()]})
        if answer.cuts:
            raise ConnectionError("cut")
        await send({"type": "http.response.body", "body": content})

    return application
