"""Messages for the tests that kill: what a shop was asked to send, and what came to the chats of the fake."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from app.core.database import writing
from app.operate.chats import channels
from tests.chaos.shop import Sender, Shop, a_shop, until
from tests.fakes.chat_api import BOT_TOKEN, TOKEN, ChatApi, Sent

ADMIN = "admin-token-of-the-tests-0001"
_WORD = re.compile(r"[MP][0-9]+x(?:\.[0-9])?")


class Asked(NamedTuple):
    """One message that was asked for: where it goes, and the word that each of its parts begins with."""

    key: str
    to: str
    words: Sequence[str]
    repeatable: bool


@contextmanager
def a_talking_shop(folder: Path, api: ChatApi, **settings: str) -> Iterator[Shop]:
    """A shop whose Telegram and Discord is the fake."""
    told = {
        "CALLBACK_ADMIN_TOKEN": ADMIN,
        "TELEGRAM_API_URL": api.url,
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "DISCORD_API_URL": f"{api.url}/api/v10",
        "DISCORD_BOT_TOKEN": BOT_TOKEN,
        **settings,
    }
    with a_shop(folder) as shop:
        shop.environment |= told
        yield shop


def link(shop: Shop, user: str, service: str, address: str) -> int:
    """Link a user with a chat → the channel's number."""
    known = ("telegram", "discord")
    shown = channels.link_by_hand(shop.engine, user, service, address, lang="id", who="owner", at=1, known=known)
    return int(shown.id)


def ask_for(sender: Sender, kind: str, data: dict[str, Any], word: str) -> int | None:
    """Ask for a message over HTTP → its callback, None where it was not acknowledged."""
    body = json.dumps({"webhook_type": kind, "id": word, "data": data}).encode()
    return sender.send_once(body, "notification", Authorization=f"Bearer {ADMIN}")


def a_text(word: str, parts: int, each: int) -> tuple[str, tuple[str, ...]]:
    """A text that is sent as so many messages of about `each` characters → it, and the word that each begins with."""
    words = tuple(f"{word}.{part}" for part in range(parts))
    return "\n\n".join(f"{each_word} ".ljust(each, "a") for each_word in words), words


def word_of(sent: Sent) -> str:
    """What tells a message from all others of its chat: its own word, an order's with what became of it."""
    found = _WORD.search(sent.text)
    assert found is not None, sent
    if found[0].startswith("M"):
        return found[0]
    return f"{found[0]} {'paid' if 'berhasil' in sent.text else 'pending'}"


def came(sent: Iterable[Sent]) -> Counter[tuple[str, str]]:
    """How often each message came to its chat."""
    return Counter((one.to, word_of(one)) for one in sent)


def is_settled(shop: Shop) -> bool:
    """Whether nothing waits to be sent."""
    return shop.rows("SELECT count(*) FROM callback_tasks WHERE state IN ('ready', 'running')") == [(0,)]


def until_settled(shop: Shop, seconds: float) -> None:
    """Wait until each message is sent or a dead letter; a worker runs."""
    open_ones = (
        "SELECT kind, destination, state, tries, last_error FROM callback_tasks WHERE state NOT IN ('done', 'dead')"
    )
    until(lambda: is_settled(shop), lambda: (shop.rows(open_ones)[:5], shop.said("worker")), seconds)


def end_leases(shop: Shop) -> None:
    """Let the time go by for which a worker that was killed holds its tasks."""
    with writing(shop.engine) as connection:
        connection.exec_driver_sql("UPDATE callback_tasks SET due_at = 0 WHERE state = 'running'")
