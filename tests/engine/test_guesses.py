"""Who guesses the token is slowed, and nobody else."""

from datetime import UTC, datetime

from app.core.secrets import Secrets
from app.engine.admission import TOKEN_NEEDED, TOKEN_WRONG, Admission
from app.engine.callback import Answer
from app.engine.guesses import Guesses
from app.engine.peers import Proxies

SECOND = 1_000_000
AT = 1_700_000_000 * SECOND
TOKEN = b"a-token-of-sixteen"


def asked(admission: Admission, token: bytes, *, by: str = "203.0.113.9", at: int = AT, via: str = "") -> Answer | None:
    headers = [(b"authorization", b"Bearer " + token)]
    if via:
        headers.append((b"x-forwarded-for", via.encode()))
    return admission.refusal(by, headers, at)


def an_admission(*, burst: int = 3, addresses_max: int = 4_096, proxies: str = "") -> Admission:
    guesses = Guesses(burst=burst, each_seconds=3, addresses_max=addresses_max)
    return Admission((TOKEN,), production=True, proxies=Proxies(proxies), guesses=guesses)


def test_after_a_burst_of_wrong_ones_nothing_is_compared_and_the_answer_says_until_when() -> None:
    admission = an_admission()
    assert [asked(admission, b"guess") for _ in range(3)] == [TOKEN_WRONG] * 3
    for token in (b"guess", TOKEN):  # the right one as well: else there would be no reason to wait
        answer = asked(admission, token)
        assert answer is not None
        assert (answer.status, answer.reason, dict(answer.headers)) == (
            429,
            "too_many_wrong_tokens",
            {b"retry-after": b"3"},
        )
    assert asked(admission, TOKEN, at=AT + 3 * SECOND) is None


def test_then_one_is_heard_every_few_seconds() -> None:
    admission = an_admission()
    heard = sum(asked(admission, b"guess", at=AT + tenth * SECOND // 10) is TOKEN_WRONG for tenth in range(600))
    assert heard == 3 + 19


def test_what_waits_for_a_while_may_burst_again() -> None:
    admission = an_admission()
    for round_ in range(2):
        assert [asked(admission, b"guess", at=AT + round_ * 9 * SECOND) for _ in range(3)] == [TOKEN_WRONG] * 3


def test_right_tokens_cost_nothing_and_others_are_not_slowed() -> None:
    admission = an_admission()
    assert [asked(admission, TOKEN) for _ in range(100)] == [None] * 100
    for _ in range(4):
        asked(admission, b"guess")
    assert asked(admission, TOKEN, by="203.0.113.10") is None


def test_behind_a_trusted_proxy_it_is_the_guesser_who_waits() -> None:
    admission = an_admission(proxies="10.0.0.1")
    for _ in range(4):
        asked(admission, b"guess", by="10.0.0.1", via="198.51.100.7")
    blocked = asked(admission, TOKEN, by="10.0.0.1", via="198.51.100.7")
    assert blocked is not None
    assert blocked.status == 429
    assert asked(admission, TOKEN, by="10.0.0.1", via="198.51.100.8") is None


def test_who_owns_a_whole_network_is_one_guesser() -> None:
    admission = an_admission()
    answers = [asked(admission, b"guess", by=f"2001:db8::{n:x}") for n in range(1, 5)]
    assert [answer.status for answer in answers if answer] == [401, 401, 401, 429]
    assert asked(admission, TOKEN, by="2001:db8:0:1::1") is None


def test_no_more_addresses_are_remembered_than_so_many() -> None:
    admission = an_admission(burst=1, addresses_max=2)
    for last in (1, 2, 3):
        asked(admission, b"guess", by=f"203.0.113.{last}")
    assert [asked(admission, TOKEN, by=f"203.0.113.{last}") is None for last in (1, 2, 3)] == [True, False, False]


def test_a_token_that_has_ended_admits_nobody_and_opens_nothing() -> None:
    end = 1_800_000_000
    admission = Admission(Secrets(f"old;until={datetime.fromtimestamp(end, UTC).isoformat()}"), guesses=Guesses())
    headers = [(b"authorization", b"Bearer old")]
    assert admission.refusal("127.0.0.1", headers, (end - 1) * 1_000_000) is None
    assert admission.refusal("127.0.0.1", headers, end * 1_000_000) == TOKEN_WRONG
    assert admission.refusal("127.0.0.1", [], end * 1_000_000) == TOKEN_NEEDED
