import json
import random

import pytest

from app.core.errors import FieldError
from app.providers.schemes import hmac_sha1_of_body, sha512_of_parts
from app.simulation.plan import Call, Plan, Secrets
from app.simulation.scenarios import SCENARIOS, plan

SECRETS = Secrets(b"SB-of-the-tests", b"digiflazz-of-the-tests")
EVERY = [(provider, name) for provider, scenarios in SCENARIOS.items() for name in scenarios]
COUNT = 60


def a_plan(provider: str, scenario: str, *, seed: int = 1, count: int = COUNT) -> Plan:
    return plan(provider, scenario, count=count, seed=seed, secrets=SECRETS)


def calls_of(wanted: Plan) -> list[Call]:
    stories = [*wanted.funding(), *map(wanted.story, range(wanted.count))]
    return [call for story in stories for calls in story.rounds for call in calls]


@pytest.mark.parametrize(("provider", "scenario"), EVERY)
def test_the_same_seed_makes_the_same_bytes_and_another_seed_others(provider: str, scenario: str) -> None:
    random.seed(0)
    first = calls_of(a_plan(provider, scenario))
    random.seed(1)
    assert calls_of(a_plan(provider, scenario)) == first
    assert not {call.body for call in calls_of(a_plan(provider, scenario, seed=2))} & {
        call.body for call in first if b'"hook"' not in call.body
    }


@pytest.mark.parametrize(("provider", "scenario"), EVERY)
def test_what_is_to_be_answered_200_is_signed_and_what_is_to_be_refused_is_not(provider: str, scenario: str) -> None:
    for call in calls_of(a_plan(provider, scenario)):
        told = json.loads(call.body)
        if call.provider == "midtrans":
            parts = [told[name] for name in ("order_id", "status_code", "gross_amount")]
            verdict = sha512_of_parts(parts, told.get("signature_key"), [SECRETS.midtrans])
        else:
            signature = dict(call.headers)["X-Hub-Signature"].encode()
            verdict = hmac_sha1_of_body(call.body, signature, [SECRETS.digiflazz])
        assert bool(verdict.fitted) is (call.status == 200)


def test_what_is_forged_with_a_signature_has_that_of_a_genuine_notification_about_something_else() -> None:
    wanted = a_plan("midtrans", "forged")
    stories = [story for story in map(wanted.story, range(COUNT)) if story.asks]
    assert len(stories) > COUNT / 2
    for story in stories:
        told = [json.loads(call.body) for calls in story.rounds for call in calls]
        said = [(each["order_id"], each["transaction_id"], each["transaction_status"]) for each in told]
        assert len(set(said)) == len(said)
        assert len({each["signature_key"] for each in told}) == len(told) - 1


@pytest.mark.parametrize(("provider", "scenario"), EVERY)
def test_ids_are_of_one_run_and_short_enough_for_midtrans(provider: str, scenario: str) -> None:
    wanted = plan(provider, scenario, count=1_000_000, seed=999_999, secrets=SECRETS)
    for number in (0, 1, 999_999):
        for order in wanted.story(number).orders:
            assert order.order_id.startswith(wanted.name)
            assert len(order.order_id) <= 50
    ids = [order.order_id for number in range(COUNT) for order in a_plan(provider, scenario).story(number).orders]
    assert len(set(ids)) == len(ids) >= COUNT


@pytest.mark.parametrize("provider", SCENARIOS)
def test_mixed_has_stories_of_every_other_scenario(provider: str) -> None:
    shares = SCENARIOS[provider]["mixed"].__globals__["_SHARES"]
    assert {tell.__name__ for tell in shares} | {"mixed"} == set(SCENARIOS[provider])


@pytest.mark.parametrize(
    ("provider", "scenario", "statuses"),
    [
        ("midtrans", "happy", {"paid"}),
        ("midtrans", "late", {"paid", "expired"}),
        ("midtrans", "forged", {"paid", "pending", "denied"}),
        ("midtrans", "amount_mismatch", {"paid", "waiting"}),
        ("midtrans", "reversal", {"paid", "denied", "cancelled"}),
        ("midtrans", "refund_storm", {"partially_refunded", "refunded"}),
        ("digiflazz", "failed", {"failed"}),
        ("digiflazz", "pending", {"pending", "succeeded"}),
        ("digiflazz", "contradiction", {"succeeded", "failed"}),
        ("digiflazz", "returned", {"returned"}),
    ],
)
def test_a_scenario_ends_in(provider: str, scenario: str, statuses: set[str]) -> None:
    wanted = a_plan(provider, scenario)
    assert {each.status for number in range(COUNT) for each in wanted.story(number).expected} == statuses


@pytest.mark.parametrize(("provider", "scenario"), [("discord", "happy"), ("midtrans", "nonsense")])
def test_names_that_there_are_not_are_told(provider: str, scenario: str) -> None:
    with pytest.raises(FieldError, match="must be one of"):
        a_plan(provider, scenario)
