"""Access tokens that are not kept: what proves one, and when it ends."""

import pytest

from app.providers.access import is_good, is_ours, issue

AT = 1_764_000_000 * 1_000_000
SECRET = b"client-secret"
TOKEN = issue(SECRET, AT, seconds=900)


def test_a_token_is_good_until_its_end_for_whoever_holds_the_secret() -> None:
    assert is_ours(TOKEN)
    assert is_good(TOKEN, (b"", b"another", SECRET), AT)
    assert is_good(TOKEN, (SECRET,), AT + 899_999_999)
    assert not is_good(TOKEN, (SECRET,), AT + 900_000_000)
    assert not is_good(TOKEN, (b"another",), AT)
    assert not is_good(TOKEN, (), AT)


@pytest.mark.parametrize(
    "token",
    [
        TOKEN.replace(b"cb1.1764000900", b"cb1.1764999999"),
        TOKEN[:-1],
        TOKEN + b"x",
        b"cb1.",
        b"cb1.9",
        b"cb1." + b"9" * 4000 + b".x",
        b"cb1.-1.x",
        b"cb1.\xff.\xff",
        "cb1.\u0661.x".encode(),
    ],
)
def test_a_token_that_was_changed_is_not(token: bytes) -> None:
    assert is_ours(token)
    assert not is_good(token, (SECRET,), AT)


def test_other_tokens_are_somebody_elses() -> None:
    assert not is_ours(b"eyJhbGciOi")
