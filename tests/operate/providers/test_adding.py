"""A provider that a person describes: its file is read, and its own vectors get their verdicts."""

from pathlib import Path
from typing import Any

import pytest

from app.core.errors import CatalogRefused, FieldError
from app.operate.providers.adding import check_free, text_of, write
from app.operate.providers.questions import Answers
from app.operate.providers.trying import try_vectors
from app.providers.catalog import read_provider
from tests.cli.shell import run

PAYS: dict[str, Any] = {
    "order_id": "{order}",
    "attempt": "{id}",
    "amount": "amount",
    "status": "status",
    "paid": "PAID, OK",
}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"encoding": "base64", "algorithm": "sha512"},
        {"algorithm": "sha1", "prefix": "sha1="},
        {"where": "query:sig"},
        {"where": "sign", "signed": "{order}{amount}", **PAYS},
        {"where": "data.sign", "signed": "{data.ref}"},
        {"signed": "{method}:{path}:{sha256hex(body)}"},
        {"signed": "{url}{body}"},
        {"signed": "{timestamp}.{body}", "time": "header:X-Time"},
        {"signed": "{timestamp}|{body}", "time": "header:X-Time", "time_unit": "ms"},
        {"signed": "{timestamp}|{body}", "time": "header:X-Time", "time_unit": "iso"},
        {"signed": "{timestamp}{body}", "time": "sent_at", "where": "header:X-Sign"},
        {"signed": "{timestamp}.{body}", "time": "header:X-Time", "tolerance": "any"},
        {"signed": "{timestamp}.{body}", "time": "header:X-Time", "tolerance": "60"},
        {"kind": "digest", "algorithm": "md5", "signed": "{order}{secret}", "where": "sign", **PAYS},
        {"kind": "digest", "algorithm": "sha512", "signed": "{body}{secret}"},
        {"kind": "token", "algorithm": "", "signed": "", "encoding": "none", "where": "header:X-Token"},
        {"kind": "token", "algorithm": "", "signed": "", "encoding": "none", "where": "header:A", "prefix": "Bearer "},
        {"kind": "token", "algorithm": "", "signed": "", "encoding": "none", "where": "passcode"},
        {"kind": "token", "algorithm": "", "signed": "", "encoding": "none", "where": "query:token", **PAYS},
        {"kind": "rsa", "encoding": "base64", "key": "pem"},
        {"kind": "ecdsa", "encoding": "base64", "key": "pem"},
        {"kind": "ed25519", "key": "hex", "signed": "{timestamp}{body}", "time": "header:X-Time"},
        {"body": "form", "where": "sign", "signed": "{order}:{amount}", **PAYS},
        {"body": "form", **PAYS, "event_key": "{id}:{status}", "ordering_key": "{order}"},
    ],
    ids=lambda told: ", ".join(f"{name}={value}" for name, value in told.items() if name not in PAYS) or "plain",
)
def test_each_kind_is_written_with_two_good_and_three_bad_vectors_that_get_their_verdicts(more: dict[str, Any]) -> None:
    provider = read_provider(text_of(Answers(name="kurir", event_type="{event}", **more)), "kurir.toml")
    assert [vector.expected for vector in provider.vectors] == ["valid"] * 2 + ["invalid"] * 3
    tried = list(try_vectors("kurir", provider))
    assert [each for each in tried if not each.ok] == []
    assert len(tried) == 5


def test_payments_are_written_as_a_status_table() -> None:
    provider = read_provider(text_of(Answers(name="kurir", refunded="BACK", unit="minor", **PAYS)), "kurir.toml")
    assert provider.payment is not None
    assert [(says.when, says.word) for says in provider.payment.says] == [
        ({"status": ("PAID", "OK")}, "paid"),
        ({"status": "BACK"}, "refunded"),
    ]
    assert provider.payment.unit == "minor"


def test_a_refund_has_its_amount_and_name_and_a_currency_its_place() -> None:
    answers = Answers(name="kurir", refunded="BACK", back="back", refund_key="{refund}", currency="money", **PAYS)
    payment = read_provider(text_of(answers), "kurir.toml").payment
    assert payment is not None
    assert (payment.refunded, payment.refund_key, payment.currency) == ("back", "{refund}", "money")
    assert payment.unproved == ""


def test_what_the_proof_leaves_open_stands_in_the_file() -> None:
    provider = read_provider(text_of(Answers(name="kurir", where="sign", signed="{order}{amount}", **PAYS)), "k.toml")
    assert provider.payment is not None
    assert provider.payment.unproved == "id, status"


def test_what_a_person_writes_stands_in_the_file_as_it_was_written() -> None:
    title = "Kurir \"Cepat\" 'É' \\ \n 😀"
    answer = '{"ok": "it\'s \\"fine\\""}'
    provider = read_provider(text_of(Answers(name="kurir", title=title, answer=answer)), "kurir.toml")
    assert provider.title == title
    assert provider.answers[0].body == answer


@pytest.mark.parametrize("name", ["", "Kurir", "a/b", "..", "é", "x" * 65])
def test_a_name_is_one_that_an_address_can_carry(name: str, tmp_path: Path) -> None:
    with pytest.raises(FieldError, match="name"):
        check_free(name, tmp_path, replace=True)


def test_nonsense_is_refused_before_anything_is_signed_or_written() -> None:
    with pytest.raises(CatalogRefused, match=r"kurir.toml: scheme.signed: sha9\(\) is not a function"):
        text_of(Answers(name="kurir", signed="{sha9(body)}"))


def test_a_file_goes_into_a_folder_that_is_made_and_over_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    path = write("x", "kurir", folder, replace=False)
    assert path.read_text() == "x"
    with pytest.raises(FieldError, match="--replace"):
        write("y", "kurir", folder, replace=False)
    assert write("y", "kurir", folder, replace=True).read_text() == "y"


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"where": "sign"}, "scheme.from"),
        ({"kind": "hmca"}, "scheme.kind"),
        ({"time": "header:X-Time", "tolerance": "soon"}, "scheme.clock.tolerance_seconds"),
        ({**PAYS, "amount": "{total}"}, "payment.amount"),
        ({**PAYS, "order_id": "order"}, "payment.order_id"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(told: dict[str, str], field: str) -> None:
    with pytest.raises(CatalogRefused) as refused:
        text_of(Answers(name="kurir", **told))
    assert refused.value.field.startswith(field)


def test_a_name_that_is_taken_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "kurir.toml").touch()
    for name, reason in (("kurir", "there already"), ("tripay", "providers show tripay"), ("A b", "a-z")):
        with pytest.raises(FieldError, match=reason):
            check_free(name, tmp_path, replace=False)
    check_free("tripay", tmp_path, replace=True)
    check_free("toko", tmp_path / "missing", replace=False)


def test_it_says_what_to_set_where_its_folder_is_not_set_yet(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    where = {"CALLBACK_PROVIDERS": str(tmp_path / "set")}
    here = run("providers", "add", "kurir", "--from", "header:X", **where)
    assert here.out.splitlines()[1].split()[:4] == ["put", "into", ".env", "KURIR_SECRET=the"]
    there = run("providers", "add", "toko", "--from", "header:X", "--folder", str(tmp_path / "other"), **where)
    assert f"CALLBACK_PROVIDERS={tmp_path / 'set'}:{tmp_path / 'other'}" in there.out
