import pytest

from app.engine import answers
from app.engine.head import is_too_large, refused_by_fields
from app.engine.limits import Limits

SMALL = Limits(head_bytes=40, head_fields=3, body_bytes=100)


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({}, None),
        ({b"content-length": b"100"}, None),
        ({b"content-length": b"101"}, answers.BODY_TOO_LARGE),
        ({b"content-length": b"9" * 5000}, answers.BODY_TOO_LARGE),
        ({b"content-length": b"-1"}, answers.BODY_TOO_LARGE),
        ({b"content-length": "²".encode("latin-1")}, answers.BODY_TOO_LARGE),
        ({b"transfer-encoding": b" Chunked "}, None),
        ({b"transfer-encoding": b"gzip, chunked"}, answers.TRANSFER_REFUSED),
        ({b"content-length": b"1", b"transfer-encoding": b"gzip"}, answers.TRANSFER_REFUSED),
    ],
)
def test_what_the_fields_say_of_the_body_decides(headers: dict[bytes, bytes], refusal: object) -> None:
    assert refused_by_fields(headers, SMALL) is refusal


def test_a_head_is_too_large_by_its_bytes_or_its_fields_the_address_counted() -> None:
    assert not is_too_large([(b"a", b"b")] * 3, b"/" * 34, SMALL)
    assert is_too_large([(b"a", b"b")] * 3, b"/" * 35, SMALL)
    assert is_too_large([(b"a", b"b")] * 4, b"/", SMALL)
