"""What is asked about a provider of one's own: each once, only what matters, and money is never guessed."""

import inspect

import msgspec
import pytest

from app.cli import providers
from app.core.errors import FieldError
from app.operate.providers.questions import QUESTIONS, Answers, Question, answers_of, option

GIVEN = {"name": "kurir-cepat", "where": "header:X-Sign"}
PAID = {"order_id": "{o}", "attempt": "{p}", "amount": "sum", "status": "st", "paid": "OK"}


class Person:
    """Answers what it knows, and Enter to the rest."""

    def __init__(self, **knows: str) -> None:
        self.knows = knows
        self.asked: list[str] = []

    def __call__(self, question: Question, default: str) -> str:
        assert question.why.endswith((".", "?", "…"))
        assert not question.choices or default in question.choices
        self.asked.append(question.field)
        return self.knows.get(question.field, default)


def test_every_answer_has_a_question_and_every_question_an_option() -> None:
    asked = [question.field for question in QUESTIONS]
    assert len(set(asked)) == len(asked)
    derived = {"name", "key"}
    assert set(asked) - {"pays"} == set(msgspec.structs.asdict(Answers(name="x"))) - derived
    assert set(asked) - {"pays"} <= set(inspect.signature(providers.add).parameters)


def test_a_person_who_only_presses_enter_describes_a_signed_sender_that_tells_of_no_payments() -> None:
    person = Person()
    answers = answers_of({"name": "kurir-cepat"}, person)
    assert (answers.title, answers.variable, answers.where) == (
        "Kurir Cepat",
        "KURIR_CEPAT_SECRET",
        "header:X-Signature",
    )
    assert (answers.where, answers.kind, answers.signed) == ("header:X-Signature", "hmac", "{body}")
    assert (answers.order_id, answers.ordering_key) == ("", "")
    assert not {"order_id", "amount", "time_unit", "back"} & set(person.asked)


def test_a_person_is_asked_for_all_that_money_rests_on() -> None:
    person = Person(pays="yes", refunded="BACK", unit="minor", time="header:T")
    answers = answers_of({"name": "kurir"}, person)
    money = {"order_id", "attempt", "amount", "unit", "currency", "status", "paid", "refunded", "back", "refund_key"}
    assert money <= set(person.asked)
    assert "time_unit" in person.asked
    assert (answers.unit, answers.ordering_key) == ("minor", "{order_id}")


def test_what_was_given_is_not_asked() -> None:
    person = Person()
    answers_of({**GIVEN, **PAID, "title": "Kurir"}, person)
    assert not {"title", "where", "pays", *PAID} & set(person.asked)


@pytest.mark.parametrize(
    ("kind", "encoding", "key"),
    [("hmac", "hex", "utf8"), ("token", "none", "utf8"), ("rsa", "base64", "pem"), ("ed25519", "hex", "hex")],
)
def test_a_kind_brings_its_encoding_and_key(kind: str, encoding: str, key: str) -> None:
    answers = answers_of({**GIVEN, "kind": kind}, None)
    assert (answers.encoding, answers.key) == (encoding, key)


@pytest.mark.parametrize("field", PAID)
def test_what_money_rests_on_is_due_where_nobody_can_be_asked(field: str) -> None:
    given = {name: told for name, told in PAID.items() if name != field}
    with pytest.raises(FieldError, match=f"{option(field)}: is missing"):
        answers_of({**GIVEN, **given}, None)
    assert answers_of({**GIVEN, **PAID}, None).amount == "sum"


def test_neither_yes_nor_no_is_no_answer() -> None:
    with pytest.raises(FieldError, match="yes or no"):
        answers_of(GIVEN, Person(pays="perhaps"))
