import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.callbacks.payment.midtrans_table import FRAUDS, NOT_SAID, SAID, WORDS, look_up, read_down, twins_of
from app.ledger.facts import FactKind

STATUSES = (*WORDS, "", "foo", "challenge", "settled")
CODES = ("200", "201", "202", "407", "", "0200", "2000")

#: The law's table, row by row, written out a second time: (status, fraud, code) → what it says.
LAW = {
    **{(status, "deny", code): "denied" for status, code in product(STATUSES, CODES)},
    **{(status, "challenge", code): "challenged" for status, code in product(("settlement", "capture"), CODES)},
    **{(status, "accept", "200"): "paid" for status in ("settlement", "capture")},
    **{
        (status, fraud, code): said
        for (status, said), fraud, code in product(
            {
                "deny": "denied",
                "cancel": "cancelled",
                "expire": "expired",
                "failure": "failed",
                "authorize": "authorized",
                "pending": "pending",
            }.items(),
            ("accept", "challenge", "review"),
            CODES,
        )
    },
    **{(status, "accept", "200"): "refunded" for status in ("refund", "partial_refund")},
    **{(status, "accept", "200"): "charged_back" for status in ("chargeback", "partial_chargeback")},
}


@pytest.mark.parametrize("status", STATUSES)
def test_every_combination_of_words_says_what_the_law_says(status: str) -> None:
    for fraud, code in product((*FRAUDS, "review"), CODES):
        said = look_up(status, fraud, code)
        expected = LAW.get((status, fraud, code))
        if expected is not None:
            assert (said.kind, said.refused) == (FactKind(expected), ""), (status, fraud, code)
        elif status in WORDS:
            assert said.refused == "fields_disagree", (status, fraud, code)
        else:
            assert said is NOT_SAID, (status, fraud, code)


def test_the_worked_out_table_is_the_table_read_from_the_top() -> None:
    for status, fraud, code in product(STATUSES, (*FRAUDS, "review"), CODES):
        assert look_up(status, fraud, code) == read_down(status, fraud, code)


def test_no_row_of_the_table_is_hidden_by_an_earlier_one() -> None:
    for number, row in enumerate(SAID):
        status, fraud, code = (row.statuses or ("foo",))[0], row.fraud or "accept", row.code or "202"
        first = next(
            index
            for index, other in enumerate(SAID)
            if (not other.statuses or status in other.statuses)
            and other.fraud in {"", fraud}
            and other.code in {"", code}
        )
        assert first == number


@pytest.mark.parametrize(
    ("status", "fraud", "code", "agrees"),
    [
        ("deny", "accept", "202", True),
        ("deny", "deny", "202", True),
        ("deny", "accept", "200", False),
        ("settlement", "deny", "200", False),
        ("cancel", "accept", "200", True),
        ("cancel", "accept", "202", True),
        ("cancel", "accept", "201", False),
        ("cancel", "deny", "202", False),
        ("refund", "accept", "200", True),
        ("chargeback", "accept", "200", True),
    ],
)
def test_fields_agree_only_where_midtrans_sends_them_so(status: str, fraud: str, code: str, agrees: bool) -> None:  # noqa: FBT001
    assert look_up(status, fraud, code).agrees is agrees


def _readings(text: str, own: str) -> set[str]:
    """Every reading of a signed text, by trying all cuts."""
    found = set()
    for first in range(1, len(text)):
        for second in range(first + 1, len(text)):
            order_id, code, amount = text[:first], text[first:second], text[second:]
            fits = re.fullmatch(r"[2-5][0-9]{2}", code, re.ASCII)
            if fits and re.fullmatch(r"[1-9][0-9]{0,14}(\.[0-9]{1,2})?", amount, re.ASCII) and order_id != own:
                found.add(order_id)
    return found


def test_a_twin_is_another_order_whose_signed_text_is_the_same() -> None:
    assert "TU-1200" in twins_of("TU-1", "200", "20175000.00")
    assert "TU-1" in twins_of("TU-1200", "201", "75000.00")
    assert twins_of("TU-A", "200", "100000.00") == ()


@given(
    st.from_regex(r"[A-Za-z0-9_~.-]{1,12}", fullmatch=True),
    st.from_regex(r"[1-9][0-9]{0,11}(\.[0-9]{1,2})?", fullmatch=True),
)
def test_all_twins_are_found_and_nothing_else(order_id: str, gross: str) -> None:
    assert set(twins_of(order_id, "200", gross)) == _readings(f"{order_id}200{gross}", order_id)
