"""Several secrets in one setting, some with an end."""

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr, ValidationError

from app.core.config import SEVERAL, Settings
from app.core.secrets import Secret, Secrets, end_of, parts_of, secrets_of, usable_secrets


def micros(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * 1_000_000


LAST = micros(2026, 12, 31, 23, 59, 59)
OVER = micros(2027, 1, 1)


def test_several_secrets_stand_between_commas_and_blank_ones_are_none() -> None:
    assert secrets_of(SecretStr(" one , ,two,")) == (b"one", b"two")
    assert secrets_of(" , ") == secrets_of(None) == secrets_of("") == ()


def test_a_secret_with_an_end_fits_until_that_day_is_over_and_keeps_its_number() -> None:
    secrets = Secrets("NEW, OLD;until=2026-12-31")
    assert secrets.at(LAST) == (b"NEW", b"OLD")
    assert secrets.at(OVER) == (b"NEW", b"")
    assert Secrets("OLD; until = 2026-12-31,NEW").at(OVER) == (b"", b"NEW")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026-12-31", OVER),
        ("2026-12-31T12:00:00Z", micros(2026, 12, 31, 12)),
        ("2026-12-31T12:00", micros(2026, 12, 31, 12)),
        ("2026-12-31T19:00:00+07:00", micros(2026, 12, 31, 12)),
        ("2026-12-31 12:00:00", micros(2026, 12, 31, 12)),
    ],
)
def test_an_end_is_a_date_or_an_iso_time_of_utc(text: str, end: int) -> None:
    assert end_of(text) == end


@pytest.mark.parametrize("text", ["", "tomorrow", "31-12-2026", "2026-13-01", "2026-12-31x", "20261231T", "9999-12-31"])
def test_what_is_no_moment_is_refused_without_naming_the_secret(text: str) -> None:
    with pytest.raises(ValueError, match="the end of a secret") as raised:
        Secrets(f"hush-hush;until={text}")
    assert "hush" not in str(raised.value)


def test_a_setting_whose_only_secret_has_ended_is_set_and_fits_nothing() -> None:
    secrets = Secrets("OLD;until=2026-12-31")
    assert secrets
    assert secrets.at(OVER) == (b"",)
    assert usable_secrets("OLD;until=2020-12-31, NEW") == (b"NEW",)


def test_a_jwk_or_a_pem_is_one_secret_though_it_holds_commas_or_lines() -> None:
    jwk = '{"kty":"EC","crv":"P-256","x":"a","y":"b;until=1"}'
    pem = "-----BEGIN PUBLIC KEY-----\nMIIB\nIjAN\n-----END PUBLIC KEY-----"
    assert Secrets(f"{jwk}, {pem};until=2026-12-31 ,{{plain").each == (
        Secret(jwk.encode()),
        Secret(pem.encode(), OVER),
        Secret(b"{plain"),
    )


def test_what_has_no_end_costs_no_look_at_the_clock() -> None:
    assert Secrets("one,two").always == (b"one", b"two")
    assert Secrets("one,two;until=2026-12-31").always == ()


@pytest.mark.parametrize("name", SEVERAL)
def test_a_malformed_end_stops_the_start_with_the_variables_name_and_never_its_value(name: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Settings.model_validate({name: "hush-hush;until=soon"})
    (error,) = raised.value.errors(include_input=False)
    assert error["loc"] == (name,)
    assert "hush" not in error["msg"]


def test_all_parts_are_hidden_whatever_their_ends_say() -> None:
    assert parts_of("one;until=nonsense,two") == ("one", "two")
