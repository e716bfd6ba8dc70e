import io

import pytest

from app.core.errors import FileRefused
from app.files.texts import text_pieces


def test_text_is_utf_8_to_its_end_also_across_pieces() -> None:
    content = "é".encode() * 200_001
    assert b"".join(text_pieces(io.BytesIO(b"x" + content))) == b"x" + content
    assert list(text_pieces(io.BytesIO(b""))) == []


@pytest.mark.parametrize("content", [b"a\0b", b"\xff\xfe", b"x" * 65_536 + b"\0", b"ok \xc3", "é".encode("latin-1")])
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(FileRefused) as refused:
        list(text_pieces(io.BytesIO(content)))
    assert refused.value.reason == "text_broken"
