import pytest

from app.core.refusals import REFUSALS, refusal_text


def test_a_refusal_names_the_field_then_says_what_is_wrong_and_what_to_do() -> None:
    assert refusal_text("signature_missing", "en", field="signature_key") == (
        "signature_key: the signature is missing; every callback has to carry it"
    )
    assert refusal_text("signature_missing", "id").startswith("tanda tangan tidak ada; ")


def test_a_sentence_that_knows_more_takes_the_tables_place() -> None:
    assert refusal_text("unreadable_body", "en", detail="`ref_id` is missing") == "`ref_id` is missing"


def test_a_reason_that_somebodys_handler_made_up_is_shown_as_it_is() -> None:
    assert refusal_text("closed_on_sundays", "id") == "closed_on_sundays"


@pytest.mark.parametrize("reason", REFUSALS)
def test_every_refusal_is_a_sentence_in_both_languages(reason: str) -> None:
    indonesian, english = REFUSALS[reason]
    assert indonesian != english
    assert min(len(indonesian.split()), len(english.split())) > 3
