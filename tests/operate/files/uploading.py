"""A shop that users upload to: real folders, real state."""

from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.core.config import Settings
from app.core.database import reading
from app.operate.files.topups import approve, reject
from app.operate.files.topups_shown import TopupShown
from app.operate.files.upload_told import upload_from
from app.operate.files.uploads import Kept, keep_upload
from tests.operate.shop import Shop
from tests.pictures import picture


class Uploads(Shop):
    """What users send lies in `inbox`, which may be read; what is kept in `uploads`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        self.kept = folder / "uploads"
        self.settings = Settings(callback_folders=str(self.inbox), callback_uploads=str(self.kept), _env_file=None)

    def put(self, name: str = "bukti.png", content: bytes | None = None) -> Path:
        path = self.inbox / name
        path.write_bytes(picture() if content is None else content)
        return path

    def send(self, callback_id: int = 1, path: Path | str | None = None, **fields: Any) -> Kept:
        file = self.put() if path is None else path
        told = {
            "file_path": str(file),
            "original_filename": str(file).rpartition("/")[2],
            "file_size": 1,
            "upload_type": "topup_proof",
            "user_id": "ani",
            **fields,
        }
        return keep_upload(self.engine, self.settings, upload_from(told), callback_id, at=self.tick())

    def approve(self, topup_id: int = 1, who: str = "sari", **more: Any) -> TopupShown:
        return approve(self.engine, topup_id, who=who, at=self.tick(), settings=self.settings, **more)

    def reject(self, topup_id: int = 1, reason: str = "it never arrived", who: str = "sari") -> TopupShown:
        return reject(self.engine, topup_id, reason=reason, who=who, at=self.tick())

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with reading(self.engine) as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def files(self) -> list[str]:
        return sorted(str(each.relative_to(self.kept)) for each in self.kept.rglob("*") if each.is_file())
