import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.operate.codes import ALPHABET, LETTERS, codes_in, letters_of, told_code, without_codes

SHAPES = [
    "MG9D-9RC3",
    "mg9d-9rc3",
    "MG9D9RC3",
    "mg9d9rc3",
    "MG9D 9RC3",
    "kode mg9d-9rc3",
    "here MG9D-9RC3 thanks",
    "_MG9D-9RC3_",
    "MG9D\u20139RC3",
    "kode saya: MG9D-9RC3",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_code_is_found_in_whatever_shape_it_is_typed(shape: str) -> None:
    assert "MG9D9RC3" in {letters_of(found) for found in codes_in(shape)}
    assert letters_of(shape) == "MG9D9RC3"
    shown = without_codes(shape, "***").upper()
    assert "MG9D" not in shown
    assert "9RC3" not in shown


@pytest.mark.parametrize(
    "text", ["sama-sama", "Surabaya", "hati-hati ya", "terima kasih banyak", "0812-3456-7890", "50.000"]
)
def test_what_people_write_is_no_code_and_is_not_hidden(text: str) -> None:
    assert told_code(text) == ""
    assert without_codes(text, "***") == text


def test_only_what_was_surely_meant_links_without_a_command() -> None:
    assert told_code(" MG9D-9RC3 ") == "MG9D-9RC3"
    assert told_code("kodenya mg9d-9rc3 ya") == "mg9d-9rc3"
    assert told_code("MG9D9RC3") == "MG9D9RC3"
    assert told_code("mg9d9rc3") == ""
    assert told_code("MG9D-9RC3 MG9D-9RC4") == ""


@pytest.mark.parametrize("text", ["/start MG9D", "/Start@our_bot abc def", "/link\u00a0MG9D-9RC3", "/START x\ny"])
def test_all_that_is_typed_to_link_is_hidden(text: str) -> None:
    assert without_codes(text, "***").split()[-1].endswith("***")
    assert "MG9D" not in without_codes(text, "***")


@given(st.text(alphabet=ALPHABET, min_size=LETTERS, max_size=LETTERS).filter(lambda code: any(map(str.isdigit, code))))
def test_every_code_is_found(code: str) -> None:
    assert letters_of(f"{code[:4]}-{code[4:]}") == code
    assert told_code(f"{code[:4]}-{code[4:]}") != ""


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    without_codes(text, "***")
    letters_of(text)
    told_code(text)


def test_a_long_text_costs_as_much_as_it_is_long() -> None:
    for text in ("A2" * 300_000, "AB2D-" * 100_000, "/start " * 70_000):
        started = time.process_time()
        without_codes(text, "***")
        assert time.process_time() - started < 5
