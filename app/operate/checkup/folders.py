"""Whether the folders that are watched were seen lately, and whole."""

from collections.abc import Iterator

from sqlalchemy import Engine, text

from app.core.config import Settings
from app.core.database import reading
from app.core.language import Text
from app.files.opening import folder_at
from app.operate.checkup.finding import Finding, ok, warn
from app.operate.files.folders import named, unwatchable
from app.operate.shown import time_text

#: A watcher notes every half a minute that it looked; a cron job may run once an hour.
OLD = 65 * 60 * 1_000_000
_FOLDERS = text(
    "SELECT path, scanned_at, trouble, (SELECT count(*) FROM callback_files WHERE folder_no = id) AS files"
    " FROM callback_folders ORDER BY path"
)


def watched(engine: Engine, settings: Settings, *, at: int) -> Iterator[Finding]:
    """A finding a folder, and one for each entry of CALLBACK_FOLDERS that is none."""
    for path in named(settings):
        if why := unwatchable(folder_at(path)):
            yield warn("folders", _NONE, _NAME, path=path, why=why)
    with reading(engine) as connection:
        rows = connection.execute(_FOLDERS).all()
    for row in rows:
        if row.trouble:
            yield warn("folders", _TROUBLE, _MEND, path=row.path, trouble=row.trouble)
        elif not row.scanned_at:
            yield warn("folders", _NEVER, _WATCH, path=row.path)
        elif at - row.scanned_at > OLD:
            yield warn("folders", _OLD, _WATCH, path=row.path, at=time_text(row.scanned_at))
        else:
            yield ok("folders", _WELL, path=row.path, files=row.files, at=time_text(row.scanned_at))


_NONE = Text("CALLBACK_FOLDERS: {path} tidak dipantau ({why})", "CALLBACK_FOLDERS: {path} is not watched ({why})")
_NAME = Text("perbaiki CALLBACK_FOLDERS, lalu mulai ulang", "mend CALLBACK_FOLDERS, and start again")
_WELL = Text("{path}: {files} file diketahui, terakhir dilihat {at}", "{path}: {files} files known, seen whole at {at}")
_TROUBLE = Text("{path} tidak terlihat utuh: {trouble}", "{path} was not seen whole: {trouble}")
_MEND = Text(
    "perbaiki folder itu; yang berubah di dalamnya diberitahukan sesudahnya",
    "mend the folder; what changes in it is told afterwards",
)
_NEVER = Text("{path} belum pernah dilihat utuh", "{path} was never seen whole")
_OLD = Text("{path} terakhir dilihat {at}", "{path} was seen last at {at}")
_WATCH = Text(
    "jalankan: callbacks watch {path} (tidak dipakai lagi: tambah --forget)",
    "run: callbacks watch {path} (no longer wanted: with --forget)",
)
