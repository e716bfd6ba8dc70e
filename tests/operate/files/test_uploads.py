"""An upload is kept once, whatever was killed in between; what cannot be kept is refused, and nothing is left of it."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.core.database import writing
from app.core.errors import FileRefused, NotFound
from app.files import keeping
from app.operate.files import uploads as room
from app.operate.files.upload_told import UploadTold
from app.operate.files.uploads import keep_upload, stored_file
from tests.operate.files.uploading import Uploads
from tests.pictures import PDF, flat_png, picture


def test_a_profile_image_is_kept_with_a_thumbnail(users: Uploads) -> None:
    sent = users.put("me.jpg", picture("JPEG", (600, 400)))
    kept = users.send(77, sent, upload_type="profile_image")
    assert kept.reason == "upload_kept"
    assert users.files() == ["profile_image/77.jpg", "profile_image/77.thumbnail.jpg"]
    assert kept.detail["size"] == sent.stat().st_size
    assert sent.exists()  # another program's file is not ours to delete
    assert stored_file(users.engine, users.settings, 77).filename == "me.jpg"
    assert stored_file(users.engine, users.settings, 77, small=True).filename == "me.thumbnail.jpg"


@pytest.mark.parametrize(("name", "content"), [("a.pdf", PDF), ("a.txt", b"hello\n"), ("a.csv", b"a;b\n1;2\n")])
def test_other_files_are_kept_as_they_are(users: Uploads, name: str, content: bytes) -> None:
    users.send(5, users.put(name, content), upload_type="general")
    stored = stored_file(users.engine, users.settings, 5)
    assert (stored.path.read_bytes(), stored.path.name) == (content, f"5.{name[2:]}")
    with pytest.raises(NotFound):
        stored_file(users.engine, users.settings, 5, small=True)
    with pytest.raises(NotFound):
        stored_file(users.engine, users.settings, 6)


def test_a_kept_picture_is_named_as_what_it_became(users: Uploads) -> None:
    users.send(5, users.put("foto.liburan.webp", picture("WEBP")), upload_type="general")
    stored = stored_file(users.engine, users.settings, 5)
    assert (stored.filename, stored.media_type, stored.path.suffix) == ("foto.liburan.jpg", "image/jpeg", ".jpg")


def test_what_came_in_is_removed_once_it_is_kept(users: Uploads) -> None:
    path, handle = keeping.new_incoming(str(users.kept))
    handle.write(picture())
    keeping.finish(handle, path)
    first = users.send(1, path, original_filename="a.png")
    assert users.files() == ["topup_proof/1.png"]
    assert users.send(1, path, original_filename="a.png") == first  # the try before died after its commit
    assert users.rows("SELECT count(*) FROM callback_topups") == [(1,)]


def test_a_try_that_died_before_its_commit_is_done_again_under_the_same_name(
    users: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, handle = keeping.new_incoming(str(users.kept))
    handle.write(picture())
    keeping.finish(handle, path)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(room, "_write", die)
        with pytest.raises(KeyboardInterrupt):
            users.send(1, path, original_filename="a.png")
    assert users.files() == [f"incoming/{path.name}", "topup_proof/1.png"]
    assert users.rows("SELECT * FROM callback_uploads") == []
    assert users.send(1, path, original_filename="a.png").reason == "topup_opened"
    assert users.files() == ["topup_proof/1.png"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.png", flat_png(20_000, 20_000), "picture_too_large"),
        ("a.jpg", picture("JPEG", (500, 500))[:700], "picture_broken"),
        ("a.jpg", b"MZ" + b"\0" * 500, "file_type_differs"),
        ("a.jpg.exe", picture("JPEG"), "file_type_refused"),
        ("a.txt", b"a\0b", "text_broken"),
        ("a.txt", b"", "file_empty"),
        ("a.txt", b"x" * (10 * 1024 * 1024 + 1), "file_too_large"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_is_left(
    users: Uploads, name: str, content: bytes, reason: str
) -> None:
    with pytest.raises(FileRefused) as refused:
        users.send(1, users.put(name, content), upload_type="general", file_size=1)
    assert refused.value.reason == reason
    assert users.rows("SELECT * FROM callback_uploads") == []
    assert users.files() == []


def test_whatever_leads_elsewhere_is_accepted_never(users: Uploads, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture())
    (users.inbox / "link.png").symlink_to(tmp_path / "secret.png")
    (users.inbox / "away").symlink_to(tmp_path)
    os.mkfifo(users.inbox / "fifo.png")
    (users.inbox / "folder.png").mkdir()
    shutil.copy(tmp_path / "secret.png", users.inbox / "taken.png")
    hostile = [
        f"{users.inbox}/../secret.png",
        f"{users.inbox}/away/secret.png",
        f"{users.inbox}/link.png",
        f"{users.inbox}/fifo.png",
        f"{users.inbox}/folder.png",
        f"{users.inbox}/" + "x" * 300 + ".png",
        f"{users.inbox}/none.png",
        str(tmp_path / "secret.png"),
        str(tmp_path / "state.db"),
        "/dev/zero",
        "/dev/stdin",
        "/proc/self/environ",
        "/etc/passwd",
    ]
    for number, path in enumerate(hostile):
        with pytest.raises(FileRefused):
            users.send(number, path, original_filename="a.png")
    assert users.rows("SELECT * FROM callback_uploads") == []
    assert users.send(99, users.inbox / "taken.png").reason == "topup_opened"


def test_a_tests_own_connection_is_joined(users: Uploads) -> None:
    told = users.put()
    upload = UploadTold(str(told), "a.png", 1, "general", "ani")
    with writing(users.engine) as connection:
        assert keep_upload(connection, users.settings, upload, 3, at=1).reason == "upload_kept"
    assert users.rows("SELECT callback_id, user_id FROM callback_uploads") == [(3, "ani")]
