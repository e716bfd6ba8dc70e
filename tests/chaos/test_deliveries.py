"""Messages of the whole program to chats, its worker killed in the middle: none is lost, none is sent twice unasked."""

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import pytest

from app.operate.chats.messaging import notice_keys
from tests.chaos.shop import Sender, Shop, notice, until
from tests.chaos.talk import (
    Asked,
    a_talking_shop,
    a_text,
    ask_for,
    came,
    end_leases,
    link,
    until_settled,
    word_of,
)
from tests.fakes.chat_api import Answer, ChatApi, chat_api, cut, ok, silent, slow

SECONDS = float(os.environ.get("CHAOS_SECONDS", "6"))
SEED = int(os.environ.get("CHAOS_SEED", "20260102"))
USERS = max(30, int(SECONDS * 5))  # of whom each asks for seven messages
KILLS_MIN = 3
LOST_SHARE = 0.04  # of answers that are cut


def command(shop: Shop, *arguments: str) -> str:
    ran = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "app", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=shop.environment,
        cwd=shop.folder,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.decode()


def an_order(number: int) -> tuple[str, str, str]:
    return f"P{number}x", f"user{number}", "100000.00"


def messages(api: ChatApi, number: int) -> list[tuple[Asked, str, dict[str, object]]]:
    """What is asked for beside the notices: short and in parts, to be repeated or not, to a chat and a webhook."""
    asked: list[tuple[Asked, str, dict[str, object]]] = []

    def add(place: int, kind: str, to: str, parts: int, *, repeatable: bool) -> None:
        word = f"M{number}{place}x"
        text, words = a_text(word, parts, 3_000 if kind == "telegram" else 1_500)
        where = {"chat_id": to} if kind == "telegram" else {"webhook_url": api.webhook(to)}
        data = {**where, "message": text, "repeatable": repeatable}
        asked.append((Asked(f"message:notification:{word}", to, words, repeatable), kind, data))

    add(0, "telegram", f"7{number:04}", 1, repeatable=False)
    add(1, "telegram", f"7{number:04}", 1, repeatable=True)
    add(2, "telegram", f"8{number:04}", 3, repeatable=number % 2 == 0)
    add(3, "discord", f"w{number}", 2 if number % 5 == 0 else 1, repeatable=number % 3 == 0)
    return asked


class Load:
    """Programs and Midtrans, who ask for messages until all is asked for."""

    def __init__(self, shop: Shop, api: ChatApi) -> None:
        self.shop = shop
        self.api = api
        self.asked: list[Asked] = []
        self.ended = threading.Event()

    def run(self) -> None:
        began, sender = time.monotonic(), Sender(self.shop.port)
        try:
            for number in range(USERS):
                order_id, _, amount = an_order(number)
                if number % 2:
                    sender.send(order_id, notice(order_id, amount, transaction_status="pending", status_code="201"))
                for asked, kind, data in messages(self.api, number):
                    assert ask_for(sender, kind, data, asked.key.rpartition(":")[2]) is not None
                    self.asked.append(asked)
                sender.send(order_id, notice(order_id, amount))
                threading.Event().wait(max(0.0, began + SECONDS * number / USERS - time.monotonic()))
        finally:
            sender.close()
            self.ended.set()


def kill_at_random(shop: Shop, api: ChatApi, load: Load) -> None:
    """SIGKILL the worker while messages are under way, and start it again, until all was asked for."""
    dice = random.Random(SEED)  # noqa: S311 - a test's dice, to be thrown again
    while not load.ended.is_set() or shop.killed["worker"] < KILLS_MIN:
        # More than begin together at the start: the same ones, killed twelve times, would be taken for the killers.
        enough = len(api.sent) + dice.randint(33, 100)
        with api.changed:
            api.changed.wait_for(lambda: len(api.sent) >= enough, 5.0)  # noqa: B023 - at once
        load.ended.wait(dice.uniform(0.0, 0.1))
        shop.kill("worker")
        end_leases(shop)
        shop.start("worker")


@pytest.mark.timeout(SECONDS * 6 + 120)
def test_whoever_is_killed_each_message_is_sent_or_a_person_is_asked_and_none_is_sent_twice_unasked(
    tmp_path: Path,
) -> None:
    dice = random.Random(f"{SEED} answers")  # noqa: S311 - as above

    def usual() -> Answer:
        return cut() if dice.random() < LOST_SHARE else slow(dice.uniform(0.05, 0.2))

    with chat_api() as api, a_talking_shop(tmp_path, api) as shop:
        api.usual = usual
        shop.announce(an_order(number) for number in range(USERS))
        for number in range(USERS):
            link(shop, f"user{number}", "telegram", f"5{number:04}")
            link(shop, f"user{number}", "discord", f"6{number:04}")
        shop.start("serve", "worker")
        shop.until_listening()
        load = Load(shop, api)
        with ThreadPoolExecutor(2) as threads:
            killer = threads.submit(kill_at_random, shop, api, load)
            threads.submit(load.run).result()
            killer.result()
        shop.until_worked_off()
        until_settled(shop, SECONDS * 2 + 60)

        states = {
            key: (state, reason)
            for key, state, reason in shop.rows(
                "SELECT t.key, t.state, d.reason FROM callback_tasks t"
                " LEFT JOIN callback_dead d ON d.kind = 'task' AND d.ref = t.id AND d.closed_at IS NULL"
            )
        }
        letters = {key for key, state in states.items() if state != ("done", None)}
        cut_by_death = shop.rows("SELECT 1 FROM callback_dead WHERE detail LIKE '%the process ended in the middle%'")
        first = list(api.sent)
        counts = came(first)
        figures = (
            f"seed {SEED}: {len(states)} messages, {len(first)} requests, worker killed {shop.killed['worker']} times,"
            f" in the middle of a try {len(cut_by_death)} dead letters of {len(letters)}"
        )
        print(figures)  # noqa: T201 - what the long form is run for
        assert shop.killed["worker"] >= KILLS_MIN, figures
        assert cut_by_death, figures
        assert {states[key] for key in letters} == {("dead", "perhaps_sent")}, figures

        notices = the_notices(shop)
        assert {asked.key for asked in load.asked} | {asked.key for asked in notices} == states.keys()
        assert {asked: n for asked, n in Counter(asked[1:3] for asked in notices).items() if n > 1} == {}
        assert {asked.words[0] for asked in notices} >= {f"{an_order(number)[0]} paid" for number in range(USERS)}
        for asked in (*load.asked, *notices):
            times = [counts[asked.to, word] for word in asked.words]
            assert asked.key in letters or min(times) >= 1, (asked, times, figures)
            assert asked.repeatable or max(times) <= 1, (asked, times, figures)
            assert not (asked.repeatable and asked.key in letters), (asked, figures)

        api.usual = ok
        command(shop, "dead", "retry", "--reason", "perhaps_sent", "--yes")
        until_settled(shop, SECONDS * 2 + 60)
        shop.stop()
        assert shop.rows("SELECT 1 FROM callback_tasks WHERE state <> 'done'") == []
        counts = came(api.sent)
        for asked in (*load.asked, *notices):
            times = [counts[asked.to, word] for word in asked.words]
            assert min(times) >= 1, f"lost: {asked} {figures}"
            assert asked.repeatable or sum(times) <= len(times) + (asked.key in letters), (asked, times, figures)
            mine = [word_of(one) for one in api.to(asked.to) if word_of(one) in asked.words]
            assert [word for word, _ in groupby(mine)] == list(asked.words), figures

        by_bot = nonces(api)
        assert {len(keys) for keys in by_bot.values()} == {1}, figures
        assert len(set.union(*by_bot.values())) == len(by_bot), figures
        assert sum(n > 1 for (to, _), n in counts.items() if to.startswith("user:")) > 0, figures


def nonces(api: ChatApi) -> dict[tuple[str, str], set[str]]:
    """The nonces that each message of the bot's came with."""
    found: dict[tuple[str, str], set[str]] = {}
    for one in api.sent:
        if one.to.startswith("user:"):
            found.setdefault((one.to, word_of(one)), set()).add(one.key)
    return found


def the_notices(shop: Shop) -> list[Asked]:
    """The messages that the notices ask for, by the channels of their users."""
    found = shop.rows(
        "SELECT n.source_id, n.order_no, n.status, o.order_id, c.id, c.service, c.address FROM callback_notices n"
        " JOIN callback_orders o ON o.id = n.order_no JOIN callback_channels c ON c.user_id = o.user_id"
    )
    return [
        Asked(
            f"{notice_keys(order_no, source)}{status}:{channel}",
            address if service == "telegram" else f"user:{address}",
            (f"{order_id} {status}",),
            service == "discord",
        )
        for source, order_no, status, order_id, channel, service, address in found
    ]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("repeatable", [False, True])
def test_parts_that_were_sent_are_not_sent_again_after_a_kill_in_the_middle_of_one(
    tmp_path: Path, *, repeatable: bool
) -> None:
    with chat_api() as api, a_talking_shop(tmp_path, api) as shop:
        api.say("4711", ok(), silent(), ok())  # the worker dies in the middle of the second part
        shop.start("serve", "worker")
        shop.until_listening()
        sender = Sender(shop.port)
        text, words = a_text("M1x", 4, 3_000)
        data = {"chat_id": 4711, "message": text, "repeatable": repeatable}
        assert ask_for(sender, "telegram", data, "M1x") is not None
        api.until(lambda: len(api.sent) == 2)
        shop.kill("worker")
        end_leases(shop)
        shop.start("worker")
        if not repeatable:
            dead = "SELECT reason FROM callback_dead WHERE closed_at IS NULL"
            until(lambda: shop.rows(dead) == [("perhaps_sent",)], lambda: (shop.rows(dead), shop.said("worker")))
            assert [word_of(one) for one in api.sent] == list(words[:2])
            command(shop, "dead", "retry", "--reason", "perhaps_sent", "--yes")
        until_settled(shop, 30)
        assert [word_of(one) for one in api.sent] == [words[0], words[1], *words[1:]]
        # who asks again for the same message sends nothing
        assert ask_for(sender, "telegram", data, "M1x") is not None
        sender.close()
        shop.until_worked_off()
        until_settled(shop, 10)
        shop.stop()
        assert len(api.sent) == 5
        assert shop.outcomes() == {"applied": 1, "duplicate": 1}
