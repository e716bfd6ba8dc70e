"""Keeps an uploaded file, once: looked at, stored under its callback's id, written down with what follows from it.

The file comes first and the row after it, so that a row always has its file. Killed at any moment, the next try does
the rest: it stores under the same name, and finds what was committed.
"""

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import Connection, Engine, RowMapping, insert, select

from app.core.config import Settings
from app.core.database import reading, writing
from app.core.errors import FileRefused, NotFound
from app.files import keeping
from app.files.kinds import BYTES_MAX, HEAD_BYTES, PROFILE, PROOF, clean_name, kind_of
from app.files.opening import OpenFile
from app.files.texts import PIECE_BYTES, pieces, text_pieces
from app.operate.files import proofs
from app.operate.files.folders import open_readable, readable
from app.operate.files.tables import uploads
from app.operate.files.upload_told import UploadTold


class Kept(msgspec.Struct, frozen=True):
    """What became of an upload: a stable word, and what people need beside it."""

    reason: str  # `upload_kept`, `topup_opened`, `proof_seen_before`
    detail: dict[str, Any]


class _Stored(msgspec.Struct, frozen=True):
    media_type: str
    size: int
    digest: str
    stored_as: str
    drawn: str
    thumbnail: str | None = None


def keep_upload(bind: Engine | Connection, settings: Settings, told: UploadTold, callback_id: int, *, at: int) -> Kept:
    """Keep what this event tells of, and open a top-up for a proof → what became of it; done before, it is found.

    Raises FileRefused with the reason.
    """
    with reading(bind) as connection:
        found = _kept_before(connection, callback_id)
        folders = readable(connection, settings)
    if found is None:
        with open_readable(folders, settings, told.file_path, bytes_max=BYTES_MAX) as opened:
            stored = _store(opened, settings.callback_uploads, told, callback_id)
        with writing(bind) as connection:
            found = _write(connection, told, stored, callback_id, at)
    # Last: until it is committed, the file is what the next try begins with.
    keeping.remove_incoming(settings.callback_uploads, told.file_path)
    return found


def look_at(path: Path, told: UploadTold) -> None:
    """Whether a file that just came can be kept, as far as that is cheap to say. Raises FileRefused."""
    with path.open("rb") as handle:
        kind = kind_of(told.upload_type, told.original_filename, told.file_size, handle.read(HEAD_BYTES))
        handle.seek(0)
        if kind.is_picture:
            from app.files.pictures import read_header  # noqa: PLC0415 - as below

            read_header(handle)
        elif kind.is_text:
            for _ in text_pieces(handle):
                pass


def _store(opened: OpenFile, folder: str, told: UploadTold, callback_id: int) -> _Stored:
    handle = opened.handle
    kind = kind_of(told.upload_type, told.original_filename, opened.size, handle.read(HEAD_BYTES))
    digest, size = _digest(handle)
    if size > BYTES_MAX:  # it grew
        raise FileRefused("file_too_large", size=size, most=BYTES_MAX)
    handle.seek(0)
    if kind.is_picture:
        return _store_picture(handle, folder, told, callback_id, digest, size)
    content = text_pieces(handle) if kind.is_text else pieces(handle)
    stored_as = keeping.keep(folder, told.upload_type, f"{callback_id}.{kind.extension}", content)
    return _Stored(kind.media_type, size, digest, stored_as, drawn=digest)


def _store_picture(
    handle: BinaryIO, folder: str, told: UploadTold, callback_id: int, digest: str, size: int
) -> _Stored:
    from app.files import pictures  # noqa: PLC0415 - four megabytes for whoever takes pictures

    picture, small = pictures.rewritten(handle), None
    if told.upload_type == PROFILE:
        shrunk = pictures.thumbnail(picture)
        file = f"{callback_id}.thumbnail.{shrunk.extension}"
        small = keeping.keep(folder, told.upload_type, file, [shrunk.content])
    stored_as = keeping.keep(folder, told.upload_type, f"{callback_id}.{picture.extension}", [picture.content])
    drawn = hashlib.sha256(picture.content).hexdigest()
    return _Stored(picture.media_type, size, digest, stored_as, drawn, small)


def _digest(handle: BinaryIO) -> tuple[str, int]:
    handle.seek(0)
    seen, size = hashlib.sha256(), 0
    while size <= BYTES_MAX and (piece := handle.read(PIECE_BYTES)):
        seen.update(piece)
        size += len(piece)
    return seen.hexdigest(), size


def _write(connection: Connection, told: UploadTold, stored: _Stored, callback_id: int, at: int) -> Kept:
    before = _kept_before(connection, callback_id)
    if before is not None:  # another try was faster
        return before
    connection.execute(
        insert(uploads).values(
            callback_id=callback_id,
            user_id=told.user_id,
            upload_type=told.upload_type,
            original_filename=clean_name(told.original_filename),
            at=at,
            **msgspec.structs.asdict(stored),
        )
    )
    if told.upload_type == PROOF:
        proofs.open_topup(connection, told, proofs.Content(stored.digest, stored.drawn), callback_id, at)
    return _kept(connection, _row(connection, callback_id))


def _kept_before(connection: Connection, callback_id: int) -> Kept | None:
    row = _row(connection, callback_id)
    return None if row is None else _kept(connection, row)


def _row(connection: Connection, callback_id: int) -> RowMapping | None:
    return connection.execute(select(uploads).where(uploads.c.callback_id == callback_id)).mappings().first()


def _kept(connection: Connection, row: RowMapping | None) -> Kept:
    if row is None:
        raise NotFound("the upload's row is gone")
    detail = {"filename": row["original_filename"], "media_type": row["media_type"], "size": row["size"]}
    detail |= {"stored_as": row["stored_as"]} | ({"thumbnail": row["thumbnail"]} if row["thumbnail"] else {})
    if row["upload_type"] != PROOF:
        return Kept("upload_kept", detail)
    opened = proofs.opened_by(connection, row["callback_id"])
    if opened is not None:
        return Kept("topup_opened", {"topup_id": str(opened), **detail})
    first = proofs.standing(connection, row["user_id"], proofs.Content(row["digest"], row["drawn"]))
    return Kept("proof_seen_before", {"topup_id": "?" if first is None else str(first), **detail})


class StoredFile(msgspec.Struct, frozen=True):
    """A kept file as it is handed out."""

    path: Path
    media_type: str
    filename: str


def stored_file(engine: Engine, settings: Settings, callback_id: int, *, small: bool = False) -> StoredFile:
    """Where an upload's file is, or its thumbnail. Raises NotFound."""
    with reading(engine) as connection:
        row = _row(connection, callback_id)
    if row is None:
        raise NotFound(f"there is no upload {callback_id}; the callback's outcome says what became of it")
    stored_as = row["thumbnail"] if small else row["stored_as"]
    if stored_as is None:
        raise NotFound(f"the upload {callback_id} has no thumbnail; only a {PROFILE} has one")
    path = keeping.place_of(settings.callback_uploads) / stored_as
    if not path.is_file():
        raise NotFound(f"the file of the upload {callback_id} is not in CALLBACK_UPLOADS any more")
    extension = path.suffix
    media_type = {".jpg": "image/jpeg", ".png": "image/png"}.get(extension, row["media_type"])
    name = clean_name(row["original_filename"])
    stem = name.rpartition(".")[0] or name
    return StoredFile(path, media_type, f"{stem}{'.thumbnail' if small else ''}{extension}")
