from typing import Any

import pytest

from app.core.errors import FieldError
from app.operate.files.upload_told import UploadTold, upload_from

WHOLE: dict[str, Any] = {
    "file_path": "/srv/a.jpg",
    "original_filename": "a.jpg",
    "file_size": 10,
    "upload_type": "topup_proof",
    "user_id": "ani",
    "amount": "50000",
    "note": " BCA\n  a.n. Ani ",
}


def test_an_upload_says_where_it_is_whose_and_what_for() -> None:
    assert upload_from(WHOLE) == UploadTold("/srv/a.jpg", "a.jpg", 10, "topup_proof", "ani", 5_000_000, "BCA a.n. Ani")
    spare = {**WHOLE, "user_id": 7, "amount": None, "note": None, "event_type": "file_uploaded", "more": "x"}
    assert upload_from(spare) == UploadTold("/srv/a.jpg", "a.jpg", 10, "topup_proof", "7")
    assert upload_from({**WHOLE, "amount": "", "upload_type": "general"}).amount is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_type", "file_created"),
        *((name, None) for name in ("file_path", "original_filename", "file_size", "upload_type", "user_id")),
        ("file_path", "a.jpg"),
        ("file_path", "/srv/a\0.jpg"),
        ("file_path", "/" + "x" * 5_000),
        ("file_path", ["/srv/a.jpg"]),
        ("original_filename", "a\0.jpg"),
        ("original_filename", "x" * 300),
        ("original_filename", 7),
        ("file_size", "10"),
        ("file_size", -1),
        ("file_size", True),
        ("file_size", 2**60),
        ("upload_type", "avatar"),
        ("upload_type", ["general"]),
        ("user_id", "a b"),
        ("user_id", "x" * 129),
        ("amount", "-1"),
        ("amount", "0"),
        ("amount", "5e3"),
        ("note", "x" * 300),
        ("note", "a\u202eb"),
        ("note", 7),
    ],
)
def test_what_does_not_fit_is_told_with_its_field(field: str, value: Any) -> None:
    with pytest.raises(FieldError) as refused:
        upload_from({**WHOLE, field: value})
    assert refused.value.field == field


def test_only_a_proof_has_an_amount() -> None:
    with pytest.raises(FieldError, match="amount"):
        upload_from({**WHOLE, "upload_type": "general"})
