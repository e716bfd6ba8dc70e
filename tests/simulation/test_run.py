"""Every scenario against the real system, and proof that what is wrong is found."""

import dataclasses
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.cli.announcing import in_bulk
from app.core.config import Settings
from app.core.database import ensure_schema, make_engine
from app.core.errors import NoAnswer, StartRefused
from app.operate.policy import policy_of
from app.operate.wallets import adjust_wallet
from app.simulation import driver
from app.simulation.driver import Way
from app.simulation.plan import Call, Plan, Secrets
from app.simulation.report import Difference, Report
from app.simulation.scenarios import SCENARIOS, plan
from app.simulation.wire import target_of
from tests.chaos.shop import KEY, Shop, a_shop, begin_command, free_port

SECRETS = Secrets(KEY.encode(), b"digiflazz-secret-of-the-tests")
EVERY = [(provider, name) for provider, scenarios in SCENARIOS.items() for name in scenarios]


class System:
    """A shop that runs, and what simulates against it."""

    def __init__(self, shop: Shop, api_port: int) -> None:
        self.shop = shop
        self.way = Way(connections=8, api_port=api_port, again_seconds=30)
        self.target = target_of(f"http://127.0.0.1:{shop.port}")

    def run(self, wanted: Plan, **changed: object) -> Report:
        return driver.run(wanted, self.target, dataclasses.replace(self.way, **changed))  # type: ignore[arg-type]


@contextmanager
def a_system(folder: Path, **settings: str) -> Iterator[System]:
    api_port = free_port()
    told = {
        "MIDTRANS_API_URL": f"http://127.0.0.1:{api_port}",
        "DIGIFLAZZ_WEBHOOK_SECRET": SECRETS.digiflazz.decode(),
        **settings,
    }
    with a_shop(folder, begin_command, **told) as shop:
        shop.start("serve", "worker")
        shop.until_listening()
        yield System(shop, api_port)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with a_system(tmp_path_factory.mktemp("shop")) as made:
        yield made


def a_plan(provider: str = "midtrans", scenario: str = "happy", *, count: int = 8, seed: int = 1) -> Plan:
    return plan(provider, scenario, count=count, seed=seed, secrets=SECRETS)


@pytest.mark.parametrize(("provider", "scenario"), EVERY)
def test_every_balance_and_status_is_as_it_must_be_after(system: System, provider: str, scenario: str) -> None:
    wanted = a_plan(provider, scenario, count=12)
    report = system.run(wanted)
    assert report.differences == []
    assert report.checked == len(report.balances) + len(report.statuses)
    assert len(report.statuses) >= 12
    assert set(report.answers) <= {200, 401}
    kept = {callback.id for callback in system.shop.log()}
    assert set(report.acknowledged) <= kept
    assert len(report.acknowledged) == sum(call.status == 200 for call in calls_of(wanted)) + len(wanted.funding())
    assert system.shop.unbalanced() == []
    if any(story.asks for story in map(wanted.story, range(12))):
        assert report.asked > 0


def calls_of(wanted: Plan) -> list[Call]:
    return [call for number in range(wanted.count) for calls in wanted.story(number).rounds for call in calls]


def test_the_same_again_is_nothing_but_repetitions(system: System) -> None:
    wanted = a_plan(scenario="mixed", seed=2)
    first, second = system.run(wanted), system.run(wanted)
    assert first.differences == second.differences == []
    assert first.balances == second.balances
    assert not set(first.acknowledged) & set(second.acknowledged)


def test_a_wrong_balance_is_found(system: System) -> None:
    wanted = a_plan(seed=3)
    report = system.run(wanted)
    user, purse = next(iter(report.balances.items()))
    at = time.time_ns() // 1000
    policy = policy_of(Settings())
    adjust_wallet(system.shop.engine, user, "+0.01", who="a test", reason="to be found", at=at, policy=policy)
    found = system.run(wanted).differences
    right = purse.balance
    assert found == [Difference("balance", user, f"{right // 100}.00", f"{right // 100}.01")]


def test_a_wrong_status_and_a_wrong_hold_are_found(system: System) -> None:
    wanted = a_plan("digiflazz", "pending", seed=4)
    report = system.run(wanted)
    order_id = next(name for name, status in report.statuses.items() if status == "pending")
    word = {"word": "failed", "reason": "to be found"}
    assert system.shop.ask("POST", f"/transactions/{order_id}/resolve", word)[0] == 200
    found = {each.what: each for each in system.run(wanted).differences}
    assert found.keys() == {"balance", "held", "status"}
    assert found["status"] == Difference("status", order_id, "pending", "failed")


def test_a_forgery_that_is_taken_is_found(tmp_path: Path) -> None:
    with a_system(tmp_path, MIDTRANS_SERVER_KEY="") as system:  # nothing is verified
        found = system.run(a_plan(scenario="forged", count=12)).differences
        assert ("answer", "401", "200") in {(each.what, each.expected, each.found) for each in found}


def test_a_system_that_asks_somebody_else_is_found_out(tmp_path: Path) -> None:
    with a_system(tmp_path, MIDTRANS_API_URL=f"http://127.0.0.1:{free_port()}") as system:
        report = system.run(a_plan(scenario="reversal", count=4), still_seconds=1)
        assert report.asked == 0
        assert report.in_doubt > 0
        assert "undecided callbacks" in {each.what for each in report.differences}


def test_what_is_in_doubt_of_others_is_not_this_run_s_fault(tmp_path: Path) -> None:
    with a_system(tmp_path) as system:
        system.run(a_plan(scenario="reversal", count=2), api_port=0, checks=False)  # nobody is there to be asked
        for wanted in (a_plan("digiflazz"), a_plan(scenario="amount_mismatch", count=2, seed=3)):
            report = system.run(wanted, still_seconds=1)
            assert report.in_doubt > 0
            assert report.differences == []


def test_a_system_that_is_killed_again_and_again_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with a_system(tmp_path) as system:
        shop, ended = system.shop, threading.Event()
        kills = threading.Thread(target=kill_and_start, args=(shop, ended))
        kills.start()
        try:
            report = system.run(a_plan(scenario="mixed", count=120, seed=5), rate=200)
        finally:
            ended.set()
            kills.join()
        assert report.differences == []
        assert min(shop.killed["serve"], shop.killed["worker"]) > 0
        assert report.again
        assert set(report.acknowledged) <= {callback.id for callback in shop.log()}
        assert shop.unbalanced() == []


def kill_and_start(shop: Shop, ended: threading.Event) -> None:
    for name in ("serve", "worker", "serve", "worker"):
        if ended.wait(0.4):
            return
        shop.kill(name)
        shop.start(name)
        shop.until_listening()


def test_what_is_announced_in_bulk_is_the_same(system: System) -> None:
    announce = in_bulk(system.shop.engine, Settings())
    for provider in SCENARIOS:
        report = system.run(a_plan(provider, "mixed", count=10, seed=6), announce=announce)
        assert report.differences == []


def test_a_bulk_announcement_into_another_state_is_told(system: System, tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/state.db")
    ensure_schema(engine)
    with pytest.raises(StartRefused, match="another state"):
        system.run(a_plan(seed=7), announce=in_bulk(engine, Settings()))
    engine.dispose()


def test_an_order_that_is_announced_with_other_contents_is_a_difference(system: System) -> None:
    wanted = a_plan(seed=8)
    order = {**wanted.order(0)._asdict(), "amount": "1.00"}
    assert system.shop.ask("POST", "/transactions", order)[0] == 201
    found = system.run(wanted).differences
    assert {each.what for each in found} == {"announcement", "balance", "status"}
    assert [each.found[:4] for each in found if each.what == "announcement"] == ["409 "]


def test_a_rate_is_kept(system: System) -> None:
    report = system.run(a_plan(count=20, seed=9), rate=50.0)
    assert report.seconds >= (report.sent - 1) / 50


def test_nobody_at_the_address_ends_it_with_a_sentence() -> None:
    target = target_of(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NoAnswer, match="nobody listens"):
        driver.run(a_plan(), target, Way(connections=2, again_seconds=0.1))


def test_a_port_of_the_status_api_that_is_taken_is_told(system: System) -> None:
    with pytest.raises(StartRefused, match="--api-port"):
        system.run(a_plan(), api_port=system.shop.port)


def test_a_system_that_is_not_to_be_managed_is_told(tmp_path: Path) -> None:
    with a_system(tmp_path, CALLBACK_ADMIN_TOKEN="of-the-tests") as system:
        with pytest.raises(StartRefused, match="CALLBACK_ADMIN_TOKEN"):
            system.run(a_plan())
        system.target = system.target._replace(token="of-the-tests")
        assert system.run(a_plan()).differences == []
