import json
import re
from pathlib import Path

import pytest

from app.core.refusals import REFUSALS, refusal_text
from app.engine.answers import refusal


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


def test_the_documentation_lists_every_refusal_with_its_sentence(root: Path) -> None:
    page = (root / "docs" / "errors.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page.partition("## Refused at the door")[2], re.MULTILINE))
    assert rows == {reason: text.en for reason, text in REFUSALS.items()}
    example = json.loads(page.partition("```json")[2].partition("```")[0])
    assert example == json.loads(refusal(401, "signature_wrong", field="signature_key").body)
