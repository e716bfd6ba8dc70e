import os
import re
import sys
import time
from pathlib import Path

import pytest

from app.core.errors import CatalogRefused, UnknownProvider
from app.providers.catalog import Catalog, read_provider
from app.providers.catalog.model import Provider

GOOD = """
title = "Kurir"
group = "Yours"
confirmed = "yours"

[secret]
variable = "KURIR_SECRET"

[scheme]
kind = "hmac"
algorithm = "sha256"
from = "header:X-Kurir"
"""
CATALOG = Catalog(installed=False)


def _payment(
    *, order: str = "{order}", amount: str = "total", where: str = "st", attempt: str = "{id}", says: str | None = None
) -> str:
    says = f'{{ when = {{ {where} = "PAID" }}, word = "paid" }}' if says is None else says
    return f'\n[payment]\norder_id = "{order}"\nattempt = "{attempt}"\namount = "{amount}"\nsays = [{says}]\n'


def _ask(url: str = "https://api.example.com/{quoted(attempt)}", more: str = "", payment: str | None = None) -> str:
    payment = _payment() if payment is None else payment
    return f'{payment}\n[ask]\nvariable = "KURIR_KEY"\nurl = "{url}"\n{more}\n'


_FROM = 'from = "header:X-Kurir"'
_HANDSHAKE = '\n[[answers]]\nbody = "ok"\nkeep = false\n'


@pytest.mark.parametrize("name", CATALOG.names())
def test_every_provider_has_at_least_two_good_and_three_bad_vectors(name: str) -> None:
    vectors = CATALOG.with_vectors(name).vectors
    good = [vector for vector in vectors if vector.expected == "valid" and vector.method == "POST"]
    assert len(good) >= 2
    assert len([vector for vector in vectors if vector.expected == "invalid"]) >= 3


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        (('kind = "hmac"', 'kind = "magic"'), "scheme.kind", "'magic' is none of hmac, digest"),
        (('algorithm = "sha256"', 'algorithm = "crc"'), "scheme.algorithm", "crc"),
        (('from = "header:X-Kurir"', 'form = "header:X"'), "scheme", "form"),
        (('from = "header:X-Kurir"', ""), "scheme", "from"),
        (('from = "header:X-Kurir"', 'from = "heder:X"'), "scheme.from", "heder"),
        (('from = "header:X-Kurir"', 'from = "header:X"\nsigned = "{sha9(body)}"'), "scheme.signed", "sha9"),
        (('from = "header:X-Kurir"', 'from = "header:X"\nsigned = "{config:x}{body}"'), "scheme.signed", "config.x"),
        (
            ('from = "header:X-Kurir"', 'from = "header:X"\nclock = { from = "header:T", tolerance_seconds = -1 }'),
            "scheme.clock.tolerance_seconds",
            "above zero",
        ),
        (
            ('from = "header:X-Kurir"', 'from = "header:X"\nclock = { from = "header:T", unit = "h" }'),
            "unit",
            "s, ms, iso",
        ),
        (('from = "header:X-Kurir"', 'from = "sign"'), "scheme.from", "in the body that it signs"),
        (
            ('from = "header:X-Kurir"', 'from = "header:X"' + _payment(amount="{total}")),
            "payment.amount",
            "braces: total",
        ),
        (('from = "header:X-Kurir"', 'from = "header:X"' + _payment(where='"{st}"')), "payment.says", "braces: st"),
        (
            ('from = "header:X-Kurir"', 'from = "header:X"' + _payment(order="order")),
            "payment.order_id",
            "reads nothing",
        ),
        (
            ('from = "header:X-Kurir"', 'from = "header:X"' + _payment(order="{query:o}")),
            "payment.order_id",
            "not kept",
        ),
        (
            ('from = "header:X-Kurir"', 'from = "header:X"' + _payment(order="{header:X-Order}")),
            "payment.order_id",
            "x-order, which is not signed",
        ),
        (("[secret]\nvariable", "[secret]\nvarible"), "secret", "varible"),
        (('variable = "KURIR_SECRET"', 'variable = "kurir secret"'), "secret.variable", "no name"),
        (('title = "Kurir"\n', ""), "", "title"),
        (('title = "Kurir"', 'title = "Kurir'), "", "TOML"),
    ],
    ids=lambda told: told if isinstance(told, str) else told[1][:30],
)
def test_nonsense_is_refused_with_file_field_and_reason(change: tuple[str, str], field: str, reason: str) -> None:
    assert GOOD.count(change[0]) == 1
    with pytest.raises(CatalogRefused) as told:
        read_provider(GOOD.replace(*change), "kurir.toml")
    assert told.value.file == "kurir.toml"
    assert field in told.value.field
    assert reason in str(told.value)


@pytest.mark.parametrize(
    ("more", "field", "reason"),
    [
        ('\nsecret = "secret"', "scheme.secret", "anybody could make this proof"),
        ("\nsigned = []", "scheme.signed", "nothing would be signed"),
        (_payment(says=""), "payment.says", "nobody would ever be credited"),
        (_payment(says='{ word = "paid" }'), "payment.says[0].when", "every callback would be paid"),
        (_payment(says='{ when = { st = [] }, word = "paid" }'), "payment.says[0].when.st", "no word"),
        (_payment(says='{ when = { st = "{nope(x)}" }, word = "paid" }'), "payment.says[0].when.st", "nope()"),
        (
            _payment(says='{ when = { st = "[]" }, word = "paid" }, { when = { st = "WAIT" }, word = "pending" }'),
            "payment.says[1]",
            "is never read: says[0] (paid)",
        ),
        (
            _payment(
                says='{ when = { st = ["A", "B"] }, word = "paid" }, { when = { st = "b", k = "x" }, word = "failed" }'
            ),
            "payment.says[1]",
            "is never read: says[0] (paid)",
        ),
        (_payment(attempt="{id}:{st}"), "payment.attempt", "a refund would find no payment"),
        (_HANDSHAKE, "answers[0].when", "answered and lost"),
        (_HANDSHAKE + "proved = false\n", "answers[0].when", "answered and lost"),
        ('\n[[answers]]\nstatus = 204\nbody = "ok"\n', "answers[0].body", "must be empty"),
        ('\n[[answers]]\ncontent_type = "text/plain\\nX: 1"\n', "answers[0].content_type", "text/plain"),
        ('\n[[answers]]\nheaders = { "Content-Length" = "9" }\n', "answers[0].headers.Content-Length", "may have"),
        ('\n[[answers]]\nheaders = { "X Y" = "9" }\n', "answers[0].headers.X Y", "may have"),
        ('\n[config.shop]\nvariable = "SHOP"\ndefault = "{nope(x)}"\n', "config.shop.default", "nope()"),
        (_ask(payment=""), "ask", "there is no [payment]"),
        (_ask(url="api.example.com/{quoted(attempt)}"), "ask.url", "is no address"),
        (_ask(url="https://api.example.com/payments"), "ask.url", "would ask about no payment"),
        (_ask(more='body = "{total}"'), "ask.body", "a question knows order_id and attempt"),
        (_ask(more='headers = { X = "{header:Y}" }'), "ask.headers.X", "there is no request"),
        (_ask(more='unknown = { "header:X" = "none" }'), "ask.unknown", "only the fields of its body"),
        (_ask(more='unknown = { error = "{nope(x)}" }'), "ask.unknown.error", "nope()"),
        (_ask(payment=_payment(amount="header:X-Total")), "ask.payment.amount", "only the fields of its body"),
        ('\n[[vectors]]\ncase = "a"\n' + _payment(), "", "[payment] stands behind [[vectors]]"),
    ],
)
def test_what_would_credit_nobody_or_everybody_or_lose_callbacks_is_refused(more: str, field: str, reason: str) -> None:
    with pytest.raises(CatalogRefused) as told:
        read_provider(GOOD.replace(_FROM, _FROM + more), "kurir.toml", vectors=False)
    assert told.value.field == field
    assert reason in str(told.value)


@pytest.mark.parametrize("table", sorted(set(Provider.__struct_encode_fields__) - {"vectors"}))
@pytest.mark.parametrize("head", ["[{}]", "[[{}]]", "[{}.more]", ' [ "{}" ]'])
def test_no_table_stands_behind_the_vectors_where_a_start_would_not_read_it(table: str, head: str) -> None:
    told = head.format(table)
    with pytest.raises(CatalogRefused, match=re.escape(f"{told.strip()} stands behind [[vectors]]")):
        read_provider(GOOD + f'\n[[vectors]]\ncase = "a"\n{told}\n', "kurir.toml", vectors=False)


@pytest.mark.parametrize("signed", ['"{id}{st}"', '["{id}{secret}", "{id}"]'])
def test_a_digest_without_the_secret_in_it_is_refused(signed: str) -> None:
    digest = GOOD.replace('kind = "hmac"', f'kind = "digest"\nsigned = {signed}')
    with pytest.raises(CatalogRefused, match="anybody could make this proof"):
        read_provider(digest, "kurir.toml")


def test_a_table_that_ignores_the_rest_and_a_payment_named_by_what_is_merely_there_are_taken() -> None:
    says = '{ when = { st = "PAID", id = "[]" }, word = "paid" }, { word = "ignored" }'
    provider = read_provider(GOOD.replace(_FROM, _FROM + _payment(says=says)), "kurir.toml")
    assert provider.payment is not None
    assert len(provider.payment.says) == 2


def test_a_users_file_stands_beside_ours_and_wins_over_one_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "kurir.toml").write_text(GOOD)
    (tmp_path / "tripay.toml").write_text(GOOD)
    catalog = Catalog([tmp_path], installed=False)
    assert catalog.get("kurir").title == catalog.get("tripay").title == "Kurir"
    assert set(catalog.own()) == {"kurir", "tripay"}
    assert catalog.get("xendit").title == "Xendit"
    with pytest.raises(UnknownProvider, match="callbacks providers list"):
        catalog.get("nobody")


def test_a_file_in_the_place_of_code_is_refused_because_nobody_would_read_it(tmp_path: Path) -> None:
    for name in ("midtrans", "telegram", "tripay"):
        (tmp_path / f"{name}.toml").write_text(GOOD)
    catalog = Catalog([tmp_path], installed=False)
    assert catalog.get("tripay").title == "Kurir"
    for name in ("midtrans", "telegram"):
        with pytest.raises(CatalogRefused, match=f"code of ours acts on the callbacks of {name}"):
            catalog.get(name)


def test_a_broken_file_is_told_when_it_is_asked_for_and_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("title =")
    (tmp_path / "kurir.toml").write_text(GOOD)
    (tmp_path / "latin.toml").write_bytes(b'title = "\xff"')
    (tmp_path / "huge.toml").write_text("#" * (1 << 20) + "#")
    catalog = Catalog([tmp_path], installed=False)
    assert catalog.get("kurir").title == "Kurir"
    assert catalog.variables()["kurir"] == "KURIR_SECRET"
    for name in ("broken", "latin", "huge"):
        with pytest.raises(CatalogRefused, match=f"{name}.toml"):
            catalog.get(name)


@pytest.mark.parametrize(
    "secret", ["[secret] # mine\nvariable = 'KURIR'", 'secret = { variable = "KURIR" }', "secret.variable='KURIR'"]
)
def test_the_variable_of_a_users_file_is_found_however_it_is_written(tmp_path: Path, secret: str) -> None:
    head, _, scheme = GOOD.partition('[secret]\nvariable = "KURIR_SECRET"\n')
    (tmp_path / "kurir.toml").write_text(f"{head}{secret}\n{scheme}")
    assert Catalog([tmp_path], installed=False).variables()["kurir"] == "KURIR"


@pytest.mark.parametrize("name", ["Kurir.toml", "a b.toml", "ü.toml"])
def test_a_file_whose_name_no_address_can_carry_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(GOOD)
    with pytest.raises(CatalogRefused, match="provider's name"):
        Catalog([tmp_path], installed=False).names()


def test_two_users_files_of_one_name_are_refused_and_a_folder_that_is_none(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "kurir.toml").write_text(GOOD)
    with pytest.raises(CatalogRefused, match="stands in"):
        Catalog([tmp_path / "one", tmp_path / "two"], installed=False).names()
    with pytest.raises(CatalogRefused, match="no folder"):
        Catalog([tmp_path / "three"], installed=False).names()
    with pytest.raises(CatalogRefused, match="CALLBACK_PROVIDERS names it, and it cannot be read: File name too long"):
        Catalog([tmp_path / ("a" * 300)], installed=False).names()


def test_a_folder_that_may_not_be_read_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(CatalogRefused, match="cannot be read: Permission denied"):
        Catalog([tmp_path], installed=False).names()


@pytest.mark.timeout(10)
def test_a_pipe_is_no_file_and_nobody_waits_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "kurir.toml")
    catalog = Catalog([tmp_path], installed=False)
    assert catalog.variables()["kurir"] == ""
    with pytest.raises(CatalogRefused, match="is no file"):
        catalog.get("kurir")


def test_an_installed_package_brings_files_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "couriers_of_mine").mkdir()
    (tmp_path / "couriers_of_mine" / "__init__.py").touch()
    (tmp_path / "couriers_of_mine" / "kurir.toml").write_text(GOOD)
    info = tmp_path / "couriers_of_mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: couriers-of-mine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[callback_system.providers]\ncouriers = couriers_of_mine\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        assert Catalog().get("kurir").title == "Kurir"
    finally:
        sys.modules.pop("couriers_of_mine", None)


def test_a_package_that_cannot_be_imported_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "broken_couriers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-couriers\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[callback_system.providers]\ncouriers = no_such_couriers\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(CatalogRefused, match="no_such_couriers: broken-couriers names it"):
        Catalog().names()


def test_a_start_looks_at_names_and_variables_and_parses_no_file() -> None:
    began = time.perf_counter()
    catalog = Catalog(installed=False)
    variables = catalog.variables()
    assert variables["tripay"] == "TRIPAY_PRIVATE_KEY"
    assert all(variables.values())
    assert time.perf_counter() - began < 0.25  # measured: 5 ms
