"""The formula of the ledger against the model's, over arbitrary sets of facts."""

from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from app.ledger.effect import effect
from app.ledger.facts import Fact, FactKind, Level, learn
from app.ledger.postings import NOTHING_MOVED, Position, journal
from tests.ledger.law import Fact as Plain
from tests.ledger.law import Level as PlainLevel
from tests.ledger.law import Order, alerts_of_a_top_up, shown_of_a_top_up
from tests.ledger.model import Shop

A = 100
ATTEMPTS = st.sampled_from(["T1", "T2", "T3"])
WORDS = st.sampled_from(
    [
        FactKind.PAID,
        FactKind.PAID,
        FactKind.DENIED,
        FactKind.CANCELLED,
        FactKind.EXPIRED,
        FactKind.FAILED,
        FactKind.PENDING,
        FactKind.AUTHORIZED,
        FactKind.CHALLENGED,
        FactKind.DISPROVED,
    ]
)
AMOUNTS = st.sampled_from([1, 30, 70, 100, 130])
PAYMENT_FACTS = st.one_of(
    st.builds(Fact, WORDS, ATTEMPTS),
    st.builds(
        Fact,
        st.sampled_from([FactKind.REFUNDED, FactKind.CHARGED_BACK]),
        ATTEMPTS,
        st.sampled_from(["r1", "r2"]),
        AMOUNTS,
    ),
    st.builds(Fact, st.just(FactKind.REFUNDED_IN_ALL), ATTEMPTS, st.just(""), AMOUNTS),
    st.builds(Fact, st.just(FactKind.CHARGED_BACK), ATTEMPTS),
)
PURCHASE_FACTS = st.one_of(
    st.builds(Fact, st.just(FactKind.SUCCEEDED), key=st.sampled_from(["SN1", "SN2"])),
    st.builds(Fact, st.just(FactKind.PENDING)),
    st.builds(Fact, st.just(FactKind.RETURNED)),
    st.builds(
        Fact,
        st.sampled_from([FactKind.DECIDED_SUCCEEDED, FactKind.DECIDED_FAILED]),
        amount=st.integers(min_value=1, max_value=3),
    ),
)
LEVELS = st.sampled_from(list(Level))
TELLINGS = st.lists(st.tuples(PAYMENT_FACTS, LEVELS), max_size=10)
PURCHASE_TELLINGS = st.lists(st.tuples(PURCHASE_FACTS, LEVELS), max_size=6)


def known(tellings: Sequence[tuple[Fact, Level]]) -> dict[Fact, Level]:
    facts: dict[Fact, Level] = {}
    for fact, level in tellings:
        facts = learn(facts, [fact], level)
    return facts


def plain(facts: dict[Fact, Level]) -> dict[Plain, PlainLevel]:
    """The same facts in the model's words."""
    said: dict[Plain, PlainLevel] = {}
    for fact, level in facts.items():
        value: Plain = (str(fact.kind), fact.attempt)
        if fact.kind in {FactKind.REFUNDED, FactKind.CHARGED_BACK} and fact.amount is not None:
            value = (*value, fact.key, fact.amount)
        elif fact.amount is not None:
            value = (*value, fact.amount)
        said[value] = int(level)  # type: ignore[assignment] # 0, 1, 2
    return said


@given(TELLINGS)
def test_every_set_of_payment_facts_means_what_the_model_says(tellings: list[tuple[Fact, Level]]) -> None:
    facts = known(tellings)
    found, model = effect("topup", A, facts), plain(facts)
    wallet, held = Shop().moved(Order("T-1", "ani", A, "topup", "midtrans"), model)
    assert found.position == Position(wallet=wallet, held=held, clearing=-wallet)
    assert found.status in shown_of_a_top_up(A, model)
    assert found.alerts == alerts_of_a_top_up(A, model)


@given(TELLINGS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_payment_facts_matters(
    tellings: list[tuple[Fact, Level]], random: Random
) -> None:
    again = tellings + tellings
    random.shuffle(again)
    assert effect("topup", A, known(again)) == effect("topup", A, known(tellings))


@given(st.sampled_from(["topup", "ppob"]), st.data())
def test_differences_add_up_to_the_whole_whatever_the_cut(kind: str, data: st.DataObject) -> None:
    tellings = data.draw(TELLINGS if kind == "topup" else PURCHASE_TELLINGS)
    posted: dict[str, int] = {}
    facts: dict[Fact, Level] = {}
    before = effect(kind, A, facts).position
    for account, amount in journal(NOTHING_MOVED, before):
        posted[account] = posted.get(account, 0) + amount
    while tellings:
        size = data.draw(st.integers(min_value=1, max_value=len(tellings)))
        batch, tellings = tellings[:size], tellings[size:]
        for fact, level in batch:
            facts = learn(facts, [fact], level)
        after = effect(kind, A, facts).position
        for account, amount in journal(before, after):
            posted[account] = posted.get(account, 0) + amount
        before = after
    whole = effect(kind, A, facts).position
    assert sum(posted.values()) == 0
    assert Position(*(posted.get(account, 0) for account in Position._fields)) == whole


@given(TELLINGS)
def test_an_order_never_moves_less_than_nothing_nor_more_than_its_amount(tellings: list[tuple[Fact, Level]]) -> None:
    position = effect("topup", A, known(tellings)).position
    assert 0 <= position.wallet <= A
    assert sum(position) == 0


@given(TELLINGS, PAYMENT_FACTS, LEVELS)
def test_facts_are_only_added_and_their_levels_only_raised(
    tellings: list[tuple[Fact, Level]], fact: Fact, level: Level
) -> None:
    before = known(tellings)
    after = learn(before, [fact], level)
    assert after.keys() == before.keys() | {fact}
    assert all(after[each] >= before[each] for each in before)
    assert after[fact] == max(level, before.get(fact, level))
    assert learn(after, [fact], level) == after


@given(PURCHASE_TELLINGS)
def test_every_set_of_purchase_facts_means_what_the_model_says(tellings: list[tuple[Fact, Level]]) -> None:
    facts = known(tellings)
    found = effect("ppob", A, facts)
    decided = sorted((fact.amount or 0, fact.kind) for fact in facts if fact.kind.startswith("decided"))
    kinds = {fact.kind for fact in facts}
    word = "returned" if FactKind.RETURNED in kinds else "none"
    if word == "none" and decided:
        # two words under one number cannot be told apart by the law: a person's words are numbered one by one
        if len(decided) > 1 and decided[-1][0] == decided[-2][0]:
            return
        word = decided[-1][1].removeprefix("decided_")
    elif word == "none" and FactKind.SUCCEEDED in kinds:
        word = "succeeded"
    wallet, held = {"returned": (0, 0), "failed": (0, 0), "succeeded": (-A, 0)}.get(word, (-A, A))
    assert (found.position.wallet, found.position.held) == (wallet, held)
    assert found.status == (word if word != "none" else "pending" if FactKind.PENDING in kinds else "waiting")
