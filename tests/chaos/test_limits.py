"""Who says 429 is left alone until it is due, by the whole program, also when its worker is killed meanwhile."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.chaos.shop import Sender, Shop, notice, until
from tests.chaos.talk import a_talking_shop, ask_for, end_leases, link, until_settled
from tests.fakes.chat_api import ChatApi, chat_api, discord_ban, discord_too_many, ok, too_many

#: By kind of message: the place, what it answers, and for how long nobody may write there.
PLACES = {
    "telegram": ("4711", too_many(3), 3.0),
    "discord": ("shop", discord_too_many(2.7), 2.7),
    "discord_bot": ("user:77", discord_too_many(2.9), 2.9),
}
ORDERS = [(f"P{number}x", "ani", "100000.00") for number in range(3)]


def ask_everywhere(sender: Sender, api: ChatApi, number: int) -> None:
    """One message more for each place; the bot's is a notice."""
    webhook = {"webhook_url": api.webhook("shop"), "message": f"M{number}x"}
    assert ask_for(sender, "discord", webhook, f"d{number}") is not None
    assert ask_for(sender, "telegram", {"chat_id": 4711, "message": f"M{number}x"}, f"t{number}") is not None
    order_id, _, amount = ORDERS[number]
    sender.send(order_id, notice(order_id, amount))


def rests(shop: Shop) -> dict[str, int]:
    """Until when the places of each kind rest, as it is written; from then on no death may forget it."""
    told = "SELECT kind, max(lease_until) FROM callback_tasks WHERE state = 'ready' AND lease_until > 0 GROUP BY kind"
    return dict(shop.rows(told))


def until_all_rest(shop: Shop, before: dict[str, int]) -> dict[str, int]:
    """Wait until each kind rests for longer than `before`."""

    def rest() -> bool:
        now = rests(shop)
        return all(now.get(kind, 0) > before.get(kind, 0) for kind in PLACES)

    until(rest, lambda: (rests(shop), before, shop.said("worker")))
    return rests(shop)


def kill_and_start(shop: Shop) -> None:
    said = shop.folder / "worker.out"
    started = said.read_text().count("worker.started")
    shop.kill("worker")
    end_leases(shop)
    shop.start("worker")
    until(lambda: said.read_text().count("worker.started") > started, lambda: shop.stands("worker"))


@pytest.mark.timeout(90)
def test_nobody_writes_to_who_said_429_before_it_is_due_whoever_is_killed(tmp_path: Path) -> None:
    with chat_api() as api, a_talking_shop(tmp_path, api) as shop:
        for to, refusal, _ in PLACES.values():
            api.say(to, refusal, refusal, ok())
        shop.announce(ORDERS)
        link(shop, "ani", "discord", "77")
        shop.start("serve", "worker")
        shop.until_listening()
        sender = Sender(shop.port)
        ask_everywhere(sender, api, 0)
        first = until_all_rest(shop, {})
        kill_and_start(shop)
        for number in (1, 2):  # what is asked for meanwhile waits, too
            ask_everywhere(sender, api, number)
        shop.until_worked_off()
        kill_and_start(shop)
        until_all_rest(shop, first)
        kill_and_start(shop)
        until_settled(shop, 40)
        sender.close()
        shop.stop()
        for to, _, seconds in PLACES.values():
            came = [one.at for one in api.to(to)]
            assert len(came) == 5, came  # three messages, two refusals
            assert all(later - earlier >= seconds for earlier, later in list(pairwise(came))[:2]), came
        assert shop.rows("SELECT DISTINCT state FROM callback_tasks") == [("done",)]


@pytest.mark.timeout(90)
def test_a_ban_by_discords_edge_rests_all_webhooks_for_minutes_and_nobody_else(tmp_path: Path) -> None:
    with chat_api() as api, a_talking_shop(tmp_path, api) as shop:
        api.say("one", discord_ban(), ok())
        shop.start("serve", "worker")
        shop.until_listening()
        sender = Sender(shop.port)
        began = time.time_ns() // 1000
        assert ask_for(sender, "discord", {"webhook_url": api.webhook("one"), "message": "M0x"}, "d0") is not None
        until(lambda: "discord" in rests(shop), lambda: shop.said("worker"))
        kill_and_start(shop)
        for number, name in enumerate(("one", "two", "three"), 1):
            data = {"webhook_url": api.webhook(name), "message": f"M{number}x"}
            assert ask_for(sender, "discord", data, f"d{number}") is not None
            assert ask_for(sender, "telegram", {"chat_id": number, "message": f"M{number}x"}, f"t{number}") is not None
        # others' messages are sent meanwhile: a whole second after the last webhook was asked for
        assert ask_for(sender, "telegram", {"chat_id": 3, "message": "M4x"}, "t4") is not None
        sender.close()
        api.until(lambda: len(api.to("3")) == 2)
        assert [one.to for one in api.sent if one.service == "discord"] == ["one"]
        assert rests(shop)["discord"] >= began + 300_000_000
        shop.stop()
