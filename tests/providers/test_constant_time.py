"""Nobody learns a signature by how long its refusal takes: what is compared, and how long that lasts."""

import ast
import hashlib
import hmac
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from app.engine.admission import Admission
from app.engine.guesses import Guesses
from app.providers.schemes import fixed_token, hmac_sha1_of_body, sha512_of_parts

KEY = b"SB-Mid-server-of-the-tests-0001"
SAMPLES = 20_000
TRIES = 5  # a machine that is busy with other things proves nothing either way
DIFFERENCE_MAX = 0.02  # of the whole

SECRET_WORDS = ("signature", "token", "secret", "digest", "hmac", "password")
OPERATORS = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def compared_by_operator(tree: ast.AST) -> Iterator[ast.Compare]:
    """Comparisons of a value whose name says that it is a secret; how long it is, is none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(operator, OPERATORS) for operator in node.ops):
            names = {name for side in (node.left, *node.comparators) for name in names_of(side)}
            if any(word in name.lower() for name in names for word in SECRET_WORDS if not name.isupper()):
                yield node


def names_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len":
        return
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    for child in ast.iter_child_nodes(node):
        yield from names_of(child)


def test_no_signature_or_token_is_compared_by_an_operator(root: Path) -> None:
    found = [
        f"{path.relative_to(root)}:{node.lineno}: {ast.unparse(node)}"
        for path in sorted((root / "app").rglob("*.py"))
        for node in compared_by_operator(ast.parse(path.read_text()))
    ]
    assert found == [], "compare bytes with hmac.compare_digest"


@pytest.mark.parametrize("text", ["signature == told", "x != self.token", "a in secrets", "token[1:] == b"])
def test_such_a_comparison_would_be_found(text: str) -> None:
    assert list(compared_by_operator(ast.parse(text)))


def wrong(right: bytes, place: int) -> bytes:
    """The right one but for one byte."""
    changed = bytearray(right)
    changed[place] ^= 0xFF
    return bytes(changed)


def of_midtrans(place: int) -> Callable[[], object]:
    parts = ("TU-1", "200", "100000.00")
    told = wrong(hashlib.sha512("".join(parts).encode() + KEY).digest(), place).hex()
    return lambda: sha512_of_parts(parts, told, (KEY,))


def of_digiflazz(place: int) -> Callable[[], object]:
    body = b'{"data": {"ref_id": "P-1", "status": "Sukses", "rc": "00"}}'
    told = b"sha1=" + wrong(hmac.digest(KEY, body, "sha1"), place).hex().encode()
    return lambda: hmac_sha1_of_body(body, told, (KEY,))


def of_telegram(place: int) -> Callable[[], object]:
    secret = b"a" * 256
    told = wrong(secret, place)
    return lambda: fixed_token(told, (secret,))


def of_management(place: int) -> Callable[[], object]:
    admission = Admission((b"t" * 256,), guesses=Guesses(burst=10**9))
    headers = [(b"authorization", b"Bearer " + b"t" * 255 + b"u" if place else b"Bearer u" + b"t" * 255)]
    return lambda: admission.refusal("203.0.113.9", headers, 0)


def equal(first: float, last: float) -> bool:
    return abs(first - last) <= DIFFERENCE_MAX * last


def typical(first: Callable[[], object], last: Callable[[], object]) -> tuple[float, float]:
    """How long each takes, in nanoseconds: the mean of the quicker half, for a clock has only so many ticks.

    They take turns, also at going first, so that what disturbs one disturbs the other.
    """
    took: tuple[list[int], list[int]] = ([], [])
    turns = ((first, took[0]), (last, took[1]))
    clock = time.perf_counter_ns
    for _ in range(SAMPLES // 2):
        for turn in (turns, turns[::-1]):
            for check, times in turn:
                began = clock()
                check()
                times.append(clock() - began)
    return statistics.fmean(sorted(took[0])[: SAMPLES // 2]), statistics.fmean(sorted(took[1])[: SAMPLES // 2])


@pytest.mark.parametrize("scheme", [of_midtrans, of_digiflazz, of_telegram, of_management])
def test_a_signature_that_is_wrong_in_its_first_byte_is_refused_as_slowly_as_in_its_last(
    scheme: Callable[[int], Callable[[], object]],
) -> None:
    first, last = scheme(0), scheme(-1)
    assert first() == last()
    measured: list[tuple[float, float]] = []
    while len(measured) < TRIES and not (measured and equal(*measured[-1])):
        measured.append(typical(first, last))
    assert equal(*measured[-1]), measured


def test_a_comparison_that_ends_at_the_first_difference_would_be_found() -> None:
    def hasty(told: bytes) -> bool:
        return all(a == b for a, b in zip(told, KEY, strict=True))

    first, last = (partial(hasty, wrong(KEY, place)) for place in (0, -1))
    assert not any(equal(*typical(first, last)) for _ in range(TRIES))
