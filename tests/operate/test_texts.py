import re
import string
from pathlib import Path

import pytest

from app.core.language import Text
from app.core.refusals import REFUSALS
from app.engine.callback import OutcomeWord
from app.ledger.effect import FORMULAS, PAID_STATUSES, SHOWS
from app.operate import matters, replay_texts, texts
from tests.operate import words_of_the_code

STATUSES = {"waiting", *PAID_STATUSES, *map(str, SHOWS), "succeeded", "returned"}
MATTERS = {**matters.REASONS, **matters.ALERTS, **matters.DIFFERENCES}
TEXTS: list[Text] = [
    *texts.STATUSES.values(),
    *texts.NOTICES.values(),
    *texts.OUTCOMES.values(),
    *texts.VERIFICATIONS.values(),
    *REFUSALS.values(),
    *replay_texts.ALL,
    *(matter.told for matter in MATTERS.values()),
    *(matter.to_do for matter in MATTERS.values()),
]


def test_every_reason_that_the_code_gives_has_words_in_both_languages(root: Path) -> None:
    used = words_of_the_code.reasons(root / "app")
    assert len(used) > 20
    assert used - set(matters.REASONS) == set()


def test_every_reason_of_a_dead_letter_tells_what_to_do_and_how_to_be_rid_of_it(root: Path) -> None:
    buried = words_of_the_code.buried(root / "app")
    assert buried > {"unknown_word", "lapsed", "no_handler", "attempt_of_another_order", "contradiction", "too_old"}
    found = {reason: matters.REASONS[reason] for reason in buried}
    assert [reason for reason, matter in found.items() if matter.to_do.en == "Nothing to do."] == []
    assert [reason for reason, matter in found.items() if "dead drop" not in " ".join(matter.commands)] == []


def test_every_refusal_at_the_door_has_a_sentence_and_no_sentence_is_left_over(root: Path) -> None:
    assert words_of_the_code.refusals(root / "app") == set(REFUSALS)


def test_no_word_means_a_refusal_at_the_door_and_an_outcome_alike() -> None:
    assert set(REFUSALS) & set(matters.REASONS) <= {"handler_failed"}


def test_every_alert_that_the_code_raises_has_words_and_no_words_are_left_over(root: Path) -> None:
    assert words_of_the_code.alerts(root / "app") == set(matters.ALERTS)


def test_every_status_and_outcome_has_words_in_both_languages() -> None:
    assert set(texts.STATUSES) == STATUSES
    assert set(texts.OUTCOMES) == {"", *map(str, OutcomeWord)}


def test_every_status_of_a_kind_has_a_notice_for_the_user() -> None:
    purchases = {"waiting", "pending", "succeeded", "failed", "returned"}
    shown = {"topup": {"waiting", *PAID_STATUSES, *map(str, SHOWS)}, "ppob": purchases}
    assert set(shown) == set(FORMULAS)
    assert set(texts.NOTICES) == {(kind, status) for kind, statuses in shown.items() for status in statuses}


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.en[:40])
def test_both_languages_say_something_with_the_same_values(text: Text) -> None:
    names = [{name for _, name, _, _ in string.Formatter().parse(each) if name} for each in text]
    assert names[0] == names[1]
    assert (text.id == "") == (text.en == "")


def test_commands_only_name_values_that_there_are() -> None:
    known = {"order_id", "dead_id", "user_id", "amount", "topup_id", "endpoint"}
    named = {name for matter in MATTERS.values() for line in matter.commands for name in re.findall(r"\{(\w+)\}", line)}
    assert named <= known


def test_braces_in_a_value_mean_nothing() -> None:
    assert "{amount}" in texts.fill(Text("{order_id}", "{order_id}"), {"order_id": "{amount}"}, "en")


@pytest.mark.parametrize(
    ("amount", "currency", "indonesian", "english"),
    [
        (10_000_000, "IDR", "Rp100.000", "IDR 100,000.00"),
        (123_456_789, "IDR", "Rp1.234.567,89", "IDR 1,234,567.89"),
        (-50, "IDR", "-Rp0,50", "IDR -0.50"),
        (150, "USD", "USD 1,50", "USD 1.50"),
    ],
)
def test_money_is_written_as_the_language_writes_it(amount: int, currency: str, indonesian: str, english: str) -> None:
    assert texts.money(amount, currency, "id") == indonesian
    assert texts.money(amount, currency, "en") == english


def test_what_proved_a_sender_is_told_with_the_secret_s_number() -> None:
    assert texts.verification("signature", "en") == "the sender's signature fits"
    assert texts.verification("signature:2", "en") == "the sender's signature fits (2)"
    assert texts.verification("my own", "en") == "my own"
