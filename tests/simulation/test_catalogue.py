"""Traffic of catalogue providers against a running system, and what must come of it."""

import pytest

from app.callbacks.catalogue.telling import Table
from app.core.clock import now_us
from app.core.errors import FieldError
from app.operate.providers import trying
from app.providers.catalog import Catalog
from app.providers.key_pairs import made_up
from app.providers.message import Message
from app.providers.proving import Prover, Reading
from app.simulation.catalogue import Sender
from app.simulation.scenarios import plan_of

CATALOG = Catalog(installed=False)
PAY = [name for name in CATALOG.names() if CATALOG.get(name).payment is not None]


def sender_of(name: str, *, believed: bool = True) -> Sender:
    provider = CATALOG.with_vectors(name)
    samples = trying.samples_of(name, provider, "https://shop.example")
    config = {**trying.config_of(provider, {}, samples[0]), **trying.made_up_config(provider)}
    return Sender(name, provider, samples, made_up(provider).signs, config, believed=believed)


@pytest.mark.parametrize("name", PAY)
def test_every_payment_provider_can_be_played_and_says_that_it_was_paid(name: str) -> None:
    sender = sender_of(name)
    plan = plan_of(sender, "happy", count=3, seed=1)
    story = plan.story(1)
    (call,) = story.rounds[0]
    assert story.expected[0].balance == story.orders[0].amount
    assert story.orders[0].provider == name
    headers = {key.lower().encode(): value.encode() for key, value in call.headers}
    signed = Message(call.body, headers, "POST", sender.samples[0].url, sender.samples[0].path)
    assert call.order_id.encode() in call.body
    assert sender.provider.payment is not None
    told = Table(name, sender.provider.payment, believed=True).told(Reading(signed, sender.provider.body))
    assert (told.order_id, told.gross, told.currency) == (call.order_id, story.orders[0].amount, "IDR")
    assert (
        Prover(sender.provider).verify(signed, [sender.secret.encode()], sender.config, now_us()).reason != "malformed"
    )


def test_what_a_proof_does_not_cover_credits_only_where_it_is_believed() -> None:
    name = next(
        each
        for each in PAY
        if CATALOG.get(each).ask is None and CATALOG.get(each).payment.unproved  # type: ignore[union-attr]
    )
    asked = next(each for each in PAY if CATALOG.get(each).ask is not None)
    with pytest.raises(FieldError, match="API is asked before money moves"):
        plan_of(sender_of(asked, believed=False), "happy", count=1, seed=1)
    for believed in (True, False):
        story = plan_of(sender_of(name, believed=believed), "happy", count=1, seed=1).story(0)
        assert bool(story.expected[0].balance) is believed


def test_a_provider_without_orders_tells_events_some_of_them_twice() -> None:
    plan = plan_of(sender_of("github"), "mixed", count=30, seed=2)
    counts = {len(plan.story(number).rounds[0]) for number in range(30)}
    assert counts == {1, 2}
    assert all(not plan.story(number).orders for number in range(30))
    assert Prover(CATALOG.get("github"))
