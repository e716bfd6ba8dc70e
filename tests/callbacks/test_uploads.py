"""Uploads in somebody's own application that mounts the router: forms and events in, files and decisions out."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.callbacks.callback_manager import CallbackRouter, get_callback_manager
from app.callbacks.file_monitor.file_callbacks import FileMonitorCallbackHandler, FileUploadCallbackHandler
from app.core.clock import now_us
from app.core.config import get_settings
from app.core.database import get_engine
from app.engine.log import visiting
from app.engine.tasks.runner import Runner
from app.operate.files.topups import list_topups
from tests.callbacks.web import application, settle, web
from tests.pictures import PDF, announcing, flat_png, picture

__all__ = ["web"]

ADDRESS = "/callbacks/event/upload"
TOKEN = {"Authorization": "Bearer a-token-of-the-tests"}


def send(web: TestClient, content: bytes | None = None, name: str = "bukti.png", **fields: str) -> Any:
    told = {"upload_type": "topup_proof", "user_id": "ani", **fields}
    return web.post(ADDRESS, data=told, files={"file": (name, picture() if content is None else content)})


def work() -> None:
    """What the worker and its slow lane do with what is in the log."""
    settle()

    async def tasks() -> None:
        with visiting(get_settings().callback_log_url) as log:
            runner = Runner(get_engine(), {"handler": get_callback_manager().performer(log)})
            while await runner.run_once(now_us()):
                pass
            await runner.close()

    asyncio.run(tasks())


def incoming() -> list[Path]:
    folder = Path("data/uploads/incoming")
    return sorted(folder.iterdir()) if folder.is_dir() else []


def refused(answer: Any, status: int, reason: str, field: str = "file") -> None:
    told = answer.json()
    assert (answer.status_code, told["reason"], told.get("field")) == (status, reason, field), told
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["success"] is False
    assert incoming() == []


def test_a_form_becomes_an_event_and_a_top_up_that_is_approved(web: TestClient) -> None:
    answer = send(web, amount="50000", note="BCA")
    assert answer.status_code == 200
    (file,) = incoming()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    callback_id = answer.json()["callback_id"]
    told = json.loads(web.get(f"/callbacks/log/{callback_id}").json()["body"])
    assert told == {
        "event_type": "file_uploaded",
        "file_path": str(file.absolute()),
        "original_filename": "bukti.png",
        "file_size": len(picture()),
        "upload_type": "topup_proof",
        "user_id": "ani",
        "amount": "50000",
        "note": "BCA",
    }
    work()
    assert incoming() == []
    (topup,) = web.get("/topups").json()["topups"]
    assert (topup["callback_id"], topup["amount"], topup["note"]) == (callback_id, "50000.00", "BCA")
    proof = web.get("/topups/1/proof")
    assert proof.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert proof.headers["content-type"] == "image/png"
    assert proof.headers["content-disposition"] == 'attachment; filename="bukti.png"'
    assert proof.headers["x-content-type-options"] == "nosniff"
    approved = web.post("/topups/1/approve", json={"who": "sari"}).json()
    assert (approved["state"], approved["closed_by"], approved["order_id"]) == ("approved", "sari", "PROOF-1")
    assert web.get("/wallets/ani").json()["balance"] == "50000.00"
    again = web.post("/topups/1/approve")
    assert (again.status_code, "sari" in again.json()["detail"]) == (409, True)
    assert web.post("/topups/1/reject", json={"reason": "x"}).status_code == 409
    assert web.get("/topups").json()["topups"] == []
    assert web.get("/topups/1").json() == web.get("/topups?closed=true").json()["topups"][0] == approved


def test_a_top_up_is_rejected_with_a_reason(web: TestClient) -> None:
    send(web)
    work()
    assert web.post("/topups/1/approve").json()["field"] == "amount"
    assert web.post("/topups/1/reject", json={}).status_code == 422
    rejected = web.post("/topups/1/reject", json={"reason": "it never arrived"}).json()
    assert (rejected["state"], rejected["closed_reason"]) == ("rejected", "it never arrived")
    assert rejected["closed_by"].startswith("api ")
    assert web.post("/topups/9/approve", json={"amount": "1"}).status_code == 404
    assert web.get("/topups/9/proof").status_code == 404


def test_a_profile_image_has_a_thumbnail(web: TestClient) -> None:
    number = send(web, picture("JPEG", (900, 600)), "foto saya é.jpg", upload_type="profile_image").json()[
        "callback_id"
    ]
    assert web.get(f"/uploads/{number}/file").status_code == 404  # not yet
    work()
    small = web.get(f"/uploads/{number}/thumbnail")
    assert small.headers["content-type"] == "image/jpeg"
    assert small.headers["content-disposition"].startswith("attachment; filename*=utf-8''foto%20saya%20")
    assert web.get(f"/uploads/{number}/file").headers["x-content-type-options"] == "nosniff"
    assert web.get("/uploads/5/thumbnail").status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "status", "reason"),
    [
        ("a.png", flat_png(20_000, 20_000), 413, "picture_too_large"),
        ("a.gif", announcing("GIF", 60_000, 60_000), 413, "picture_too_large"),
        ("a.webp", announcing("WEBP", 16_000, 16_000), 413, "picture_too_large"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, 415, "picture_broken"),
        ("a.jpg", b"MZ\x90" + b"\0" * 500, 415, "file_type_differs"),
        ("a.png", picture("JPEG"), 415, "file_type_differs"),
        ("a.jpg.exe", picture("JPEG"), 415, "file_type_refused"),
        ("a.html", b"<p>", 415, "file_type_refused"),
        ("a.svg", b"<svg/>", 415, "file_type_refused"),
        ("a.txt", b"a\0b", 415, "text_broken"),
        ("a.txt", b"", 422, "file_empty"),
        ("a.txt", b"x" * (10 * 1024 * 1024 + 1), 413, "upload_too_large"),
        ("a.txt", b"x" * (11 * 1024 * 1024), 413, "upload_too_large"),
    ],
)
def test_what_cannot_be_kept_is_told_at_once_and_nothing_is_left(
    web: TestClient, name: str, content: bytes, status: int, reason: str
) -> None:
    refused(send(web, content, name, upload_type="general"), status, reason)
    assert web.get("/callbacks/log").json()["callbacks"] == []


def test_ten_megabytes_are_taken(web: TestClient) -> None:
    assert send(web, b"x" * (10 * 1024 * 1024), "a.txt", upload_type="general").status_code == 200


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"upload_type": "avatar"}, "upload_type"),
        ({"upload_type": ""}, "upload_type"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "a b"}, "user_id"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "1", "upload_type": "general"}, "amount"),
        ({"note": "x" * 5_000}, "note"),
        ({"path": "/etc/passwd"}, "path"),
        ({"file_path": "/etc/passwd"}, "file_path"),
    ],
)
def test_a_field_that_does_not_fit_is_told(web: TestClient, fields: dict[str, str], field: str) -> None:
    refused(send(web, None, **fields), 422, "unreadable_body", field)


BOUNDARY = "form-data-of-the-tests"


def part(name: str, content: bytes = b"x", filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
FILE = part("file", picture(), "a.png")
FIELDS = part("upload_type", b"general") + part("user_id", b"ani")


def raw(web: TestClient, body: bytes, kind: str = f"multipart/form-data; boundary={BOUNDARY}", **more: str) -> Any:
    return web.post(ADDRESS, content=body, headers={"content-type": kind, **more})


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (FIELDS + END, 422, "file"),
        (FILE + FILE + FIELDS + END, 422, "file"),
        (FIELDS + part("file", picture()) + END, 422, "file"),
        (FIELDS + part("file", picture(), "") + END, 422, "file"),
        (FIELDS + FILE, 400, None),
        (FIELDS + FILE[:-20], 400, None),
        (b"hello", 400, None),
        (END, 422, "file"),
        (FILE + part("user_id") + part("user_id") + END, 422, "user_id"),
        (b"".join(part(f"f{number}") for number in range(10_000)) + END, 422, "f0"),
        (FILE + part("note", b"\xff") + FIELDS + END, 422, "note"),
        (FILE + f"--{BOUNDARY}\r\nX: y\r\n\r\nz\r\n".encode() + END, 400, None),
        (FILE + f"--{BOUNDARY}\r\nX: {'y' * 9_000}\r\n\r\nz\r\n".encode() + END, 400, None),
        (FIELDS + part("file", picture(), "a\0.png") + END, 422, "original_filename"),
        (FIELDS + part("file", picture(), "x" * 300 + ".png") + END, 422, "original_filename"),
    ],
)
def test_a_form_that_is_none_is_refused(web: TestClient, body: bytes, status: int, field: str | None) -> None:
    refused(raw(web, body), status, "unreadable_body", field)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["../../../etc/cron.d/x.png", "/etc/x.png", "C:\\x\\CON.png", "a\u202egpj.png"])
def test_a_name_leads_nowhere(web: TestClient, name: str) -> None:
    number = raw(web, FIELDS + part("file", picture(), name) + END).json()["callback_id"]
    work()
    kept = [str(each.relative_to("data/uploads")) for each in Path("data/uploads").rglob("*") if each.is_file()]
    assert kept == [f"general/{number}.png"]


def test_a_form_names_its_boundary_and_comes_as_it_is(web: TestClient) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 71}"):
        refused(raw(web, FILE + FIELDS + END, kind), 400, "unreadable_body", "Content-Type")
    body = FILE + FIELDS + END
    refused(raw(web, body, **{"content-encoding": "gzip"}), 415, "content_encoding", "Content-Encoding")
    assert raw(web, b"\r\n" + body + b"epilogue", "Multipart/Form-Data; boundary=" + BOUNDARY).status_code == 200
    assert web.post(ADDRESS + "/", data={"upload_type": "general", "user_id": "ani"}, files={"file": ("a.pdf", PDF)})


def test_nothing_is_read_of_whoever_has_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_ADMIN_TOKEN", "a-token-of-the-tests")
    with application() as web:
        for headers, reason in (({}, "admin_token_missing"), ({"Authorization": "Bearer no"}, "admin_token_wrong")):
            answer = web.post(ADDRESS, files={"file": ("a.png", picture())}, headers=headers)
            refused(answer, 401, reason, "Authorization")
        told = {"upload_type": "general", "user_id": "ani"}
        good = web.post(ADDRESS, data=told, files={"file": ("a.png", picture())}, headers=TOKEN)
        assert good.status_code == 200
        for path in ("/topups", "/topups/1", "/topups/1/proof", "/uploads/1/file", "/uploads/1/thumbnail"):
            assert web.get(path).status_code == 401
        for path in ("/topups/1/approve", "/topups/1/reject"):
            assert web.post(path, json={"reason": "x"}).status_code == 401


def test_the_log_in_trouble_leaves_no_file(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert send(web).status_code == 200
    work()
    reception = web.app.state.callback_reception_of_the_router  # type: ignore[attr-defined]
    monkeypatch.setattr(reception.events.appender, "append", lambda *_: False)
    answer = send(web)
    assert (answer.status_code, answer.json()["reason"], answer.headers["retry-after"]) == (503, "full", "1")
    assert incoming() == []


def test_a_full_disk_is_a_503(web: TestClient) -> None:
    Path("data/uploads").write_text("a file in the folder's place")
    answer = send(web)
    assert (answer.status_code, answer.json()["reason"]) == (503, "upload_not_written")


def test_an_event_names_a_file_that_is_there(web: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CALLBACK_FOLDERS", str(tmp_path))
    get_settings.cache_clear()
    (tmp_path / "a.png").write_bytes(picture())
    told = {"original_filename": "a.png", "file_size": 5, "upload_type": "topup_proof", "user_id": "ani"}
    assert web.post(ADDRESS, json={"file_path": f"{tmp_path}/a.png", **told}).status_code == 200
    for field in told:
        answer = web.post(ADDRESS, json={"file_path": "/x", **told, field: None})
        assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert web.post(ADDRESS, json=[1]).status_code == 400
    assert web.post(ADDRESS, content=b"{").status_code == 400
    work()
    (topup,) = web.get("/topups").json()["topups"]
    assert topup["filename"] == "a.png"
    assert (tmp_path / "a.png").exists()


def test_a_direct_call_has_kept_the_file_when_it_returns(web: TestClient, tmp_path: Path) -> None:
    del web
    path = Path("data/uploads/from-elsewhere.png").absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture())
    told = {
        "file_path": str(path),
        "original_filename": "bukti.png",
        "file_size": 5,
        "upload_type": "topup_proof",
        "user_id": "ani",
    }
    router = CallbackRouter(get_callback_manager())
    kept = asyncio.run(router.route_event("file_uploaded", told))
    assert (kept["success"], kept["reason"]) == (True, "topup_opened")
    assert kept["detail"]["topup_id"] == list_topups(get_engine()).topups[0].id == "1"
    assert asyncio.run(router.route_event("upload", told))["reason"] == "proof_seen_before"
    assert path.exists()  # only what lies in `incoming` is ours to delete
    gone = asyncio.run(router.route_event("file_uploaded", {**told, "file_path": str(tmp_path / "none.png")}))
    assert gone["success"] is False
    unread = asyncio.run(router.route_event("file_uploaded", {**told, "user_id": None}))
    assert (unread["success"], "user_id" in unread["message"]) == (False, True)


def test_a_handler_that_was_built_by_itself_goes_the_same_way(web: TestClient) -> None:
    del web
    path = Path("data/uploads/from-elsewhere.png").absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture())
    told = {"file_path": str(path), "original_filename": "a.png", "file_size": 5, "upload_type": "general"}
    kept = asyncio.run(FileUploadCallbackHandler(db=get_engine()).handle({**told, "user_id": "ani"}))
    assert (kept["success"], kept["reason"]) == (True, "upload_kept")
    seen = {"event_type": "file_created", "path": str(path), "filename": path.name}
    assert asyncio.run(FileMonitorCallbackHandler(db=get_engine()).handle(seen))["reason"] == "image_read"


def test_an_event_whose_file_cannot_be_kept_is_a_dead_letter_at_once(web: TestClient) -> None:
    bad = Path("data/uploads/incoming").absolute()
    bad.mkdir(parents=True, mode=0o700)
    (bad / "a.jpg").write_bytes(b"MZ" + b"\0" * 500)
    told = {"original_filename": "a.jpg", "file_size": 5, "upload_type": "topup_proof", "user_id": "ani"}
    for path in (bad / "a.jpg", "/etc/passwd", "/dev/zero", bad / ".." / ".." / "state.db"):
        assert web.post(ADDRESS, json={"file_path": str(path), **told}).status_code == 200
    work()
    letters = web.get("/callbacks/dead").json()["dead_letters"]
    assert sorted(letter["reason"] for letter in letters) == ["file_outside"] * 3 + ["file_type_differs"]
    assert {letter["commands"][-1].split()[:3][-1] for letter in letters} == {"drop"}
    assert web.get("/topups?closed=true").json()["topups"] == []
    assert (bad / "a.jpg").exists()  # until the letter is closed, a person may have it tried again
