"""The machine: rights of files, room and speed of the disk, the clock, what a process may open, the libraries."""

import ctypes
import errno
import os
import platform
import resource
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import apsw

from app.core.config import Settings
from app.core.database import SAFE_WAL, sqlite_version, wal_is_safe
from app.core.language import Text
from app.engine.limits import Limits
from app.engine.log.sqlite_schema import refuse_old_library
from app.operate.checkup.finding import Finding, ok, warn, wrong
from app.operate.shown import time_text

_MIB = 1 << 20
_FREE_WRONG = 16 * _MIB
_FREE_WARN = 1024 * _MIB
_WAL_WARN = 256 * _MIB
_SYNCS = 5
_SYNC_SLOW_SECONDS = 0.05
_AHEAD_US = 5_000_000
#: connections, and what a process needs besides
_DESCRIPTORS = Limits().connections + 100
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "fuse.glusterfs"})
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_UNSYNCHRONIZED = 5  # adjtimex: TIME_ERROR


def files(settings: Settings, databases: Mapping[str, Path], env_file: Path) -> Iterator[Finding]:
    """Whether log and state can be written, and who else can read what is secret or about people."""
    if is_there(env_file) and (mode := env_file.stat().st_mode) & (stat.S_IROTH | stat.S_IWOTH):
        tell = wrong if settings.production or mode & stat.S_IWOTH else warn
        yield tell("files", _OPEN_ENV, _CLOSE_ENV, file=env_file)
    for name, relative in databases.items():
        path = relative.absolute()
        place = next(each for each in (path, *path.parents) if is_there(each))
        folder = next(each for each in path.parents if is_there(each))
        closed = next((each for each in (folder, place) if not _is_open(each)), None)
        if closed is not None:
            yield wrong("files", _NO_RIGHTS, _GIVE_RIGHTS, name=name, path=path, closed=closed)
        elif not folder.is_dir() or path.is_dir():
            yield wrong("files", _NO_PLACE, _OTHER_PLACE, name=name, path=path)
        elif not is_there(path):
            yield ok("files", _MADE_LATER, name=name, path=path)
        else:
            yield ok("files", _WRITABLE, name=name, path=path)
            if settings.production and _others_read(path):
                yield warn("files", _OPEN_DATA, _CLOSE_DATA, path=path, folder=path.parent)
    if len({path.resolve() for path in databases.values()}) < len(databases):
        yield wrong("files", _SAME_FILE, _TWO_FILES)


def uploads(settings: Settings) -> Iterator[Finding]:
    """Whether what users upload can be kept, and whether others on the machine reach it."""
    path = Path(settings.callback_uploads).absolute()
    place = next(each for each in (path, *path.parents) if is_there(each))
    if not place.is_dir() or not _is_open(place):
        yield wrong("uploads", _NO_UPLOADS, _GIVE_RIGHTS, path=path, closed=place)
    elif place != path:
        yield ok("uploads", _UPLOADS_LATER, path=path)
    elif path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield warn("uploads", _OPEN_UPLOADS, _CLOSE_UPLOADS, path=path)
    else:
        yield ok("uploads", _UPLOADS, path=path)


def is_there(path: Path) -> bool:
    """As far as this user can see: `Path.exists` raises in a folder that may not be entered."""
    return os.path.exists(path)  # noqa: PTH110 - as told


def _is_open(place: Path) -> bool:
    needed = os.R_OK | os.W_OK | (os.X_OK if place.is_dir() else 0)  # SQLite makes its files beside it
    return os.access(place, needed, effective_ids=os.access in os.supports_effective_ids)


def _others_read(path: Path) -> bool:
    """Whether everybody on the machine reaches the file, as far as its own folder says."""
    return bool(path.stat().st_mode & stat.S_IROTH and path.parent.stat().st_mode & stat.S_IXOTH)


def disk(databases: Mapping[str, Path]) -> Iterator[Finding]:
    """Room, kind of file system, sizes of the write-ahead logs, and how long it takes to reach the disk."""
    kinds = _file_systems()
    folders = {next(each for each in path.absolute().parents if is_there(each)): path for path in databases.values()}
    for folder in folders:
        free = shutil.disk_usage(folder).free
        tell = wrong if free < _FREE_WRONG else warn
        if free < _FREE_WARN:
            yield tell("disk", _FREE, _MAKE_ROOM, folder=folder, free=f"{free / _MIB:,.0f}")
        else:
            yield ok("disk", _FREE, folder=folder, free=f"{free / _MIB:,.0f}")
        kind = _kind_of(folder, kinds)
        if kind in _REMOTE:
            yield wrong("disk", _NETWORK, _LOCAL_DISK, folder=folder, kind=kind)
        elif kind in _IN_MEMORY:
            yield warn("disk", _MEMORY, _LOCAL_DISK, folder=folder, kind=kind)
        yield _sync_time(folder)
    for path in databases.values():
        wal = path.with_name(path.name + "-wal")
        size = wal.stat().st_size if is_there(wal) else 0
        if size > _WAL_WARN:
            yield warn("disk", _WAL, _WAL_TO_DO, file=wal, size=f"{size / _MIB:,.0f}")


def _sync_time(folder: Path) -> Finding:
    """The middle one of a few syncs of a small file: each group of callbacks waits for one."""
    times = []
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".doctor-") as file:
            for _ in range(_SYNCS):
                file.write(b"\0" * 8192)
                file.flush()
                started = time.perf_counter()
                os.fsync(file.fileno())
                times.append(time.perf_counter() - started)
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
            return wrong("disk", _NO_SYNC, _MAKE_ROOM, folder=folder, reason=error.strerror)
        return wrong("disk", _NO_SYNC, _GIVE_RIGHTS, folder=folder, reason=error.strerror, closed=folder)
    middle = sorted(times)[len(times) // 2]
    if middle > _SYNC_SLOW_SECONDS:
        return warn("disk", _SYNC, _FASTER, folder=folder, ms=f"{middle * 1000:.1f}")
    return ok("disk", _SYNC, folder=folder, ms=f"{middle * 1000:.1f}")


def _file_systems() -> list[tuple[str, str]]:
    """Mount points with their kinds, the longest first; none where the system does not tell."""
    mounts = Path("/proc/self/mounts")
    if not mounts.is_file():
        return []
    lines = (line.split() for line in mounts.read_text(errors="replace").splitlines())
    found = [(parts[1].replace("\\040", " "), parts[2]) for parts in lines if len(parts) > 2]  # noqa: PLR2004 - device, place, kind
    return sorted(found, key=lambda each: -len(each[0]))


def _kind_of(folder: Path, kinds: list[tuple[str, str]]) -> str:
    real = folder.resolve()
    return next((kind for place, kind in kinds if real.is_relative_to(place)), "")


def clock(at: int, last_id: int, last_received_at: int) -> Iterator[Finding]:
    """Against the log's last callback, and as the system says; `last_received_at` is 0 for an empty log."""
    ahead = max(last_received_at, last_id) - at
    if ahead > _AHEAD_US:
        yield warn("clock", _WENT_BACK, _SET_CLOCK, seconds=f"{ahead / 1_000_000:,.0f}")
    elif _unsynchronized():
        yield warn("clock", _NOT_SYNCED, _SYNC_CLOCK, now=time_text(at))
    else:
        yield ok("clock", Text("{now}", "{now}"), now=time_text(at))


def _unsynchronized() -> bool:
    """Whether Linux says that nothing keeps its clock right; False where nobody can tell."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    # With modes = 0 (the structure's first number) it only reads.
    return adjtimex is not None and adjtimex(ctypes.create_string_buffer(512)) == _UNSYNCHRONIZED


def libraries() -> Iterator[Finding]:
    """Python, SQLite of the log and of the state; how many files a process may open."""
    refuse_old_library()
    state = ".".join(map(str, sqlite_version()))
    values = {"python": platform.python_version(), "log": apsw.sqlite_lib_version(), "state": state}
    if wal_is_safe():
        yield ok("versions", _VERSIONS, **values)
    else:
        yield warn("versions", _VERSIONS, _NEWER, **values, safe=".".join(map(str, SAFE_WAL)))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _DESCRIPTORS:
        yield warn("limits", _FEW_FILES, _MORE_FILES, soft=soft, needed=_DESCRIPTORS)


_OPEN_ENV = Text("setiap pengguna mesin ini dapat membaca {file}", "everybody on this machine can read {file}")
_CLOSE_ENV = Text("chmod 600 {file}", "chmod 600 {file}")
_NO_RIGHTS = Text("{name} {path}: hak atas {closed} kurang", "{name} {path}: rights on {closed} are missing")
_GIVE_RIGHTS = Text(
    "beri pengguna ini hak baca dan tulis atas {closed}", "let this user read and write {closed} (chown, chmod)"
)
_NO_PLACE = Text("{name} {path}: bukan tempat untuk berkas", "{name} {path}: no file can be there")
_OTHER_PLACE = Text("perbaiki DATABASE_URL atau CALLBACK_LOG_URL", "mend DATABASE_URL or CALLBACK_LOG_URL")
_MADE_LATER = Text("{name} {path} dibuat saat pertama dijalankan", "{name} {path} is made at the first start")
_WRITABLE = Text("{name} {path} dapat dibaca dan ditulis", "{name} {path} can be read and written")
_OPEN_DATA = Text("setiap pengguna mesin ini dapat membaca {path}", "everybody on this machine can read {path}")
_CLOSE_DATA = Text("chmod o-rwx {folder}", "chmod o-rwx {folder}")
_NO_UPLOADS = Text(
    "CALLBACK_UPLOADS {path} tidak dapat ditulis: tidak ada unggahan yang disimpan",
    "CALLBACK_UPLOADS {path} cannot be written: no upload is kept",
)
_UPLOADS_LATER = Text("{path} dibuat saat unggahan pertama", "{path} is made with the first upload")
_UPLOADS = Text("{path} dapat dibaca dan ditulis", "{path} can be read and written")
_OPEN_UPLOADS = Text(
    "pengguna lain di mesin ini menjangkau {path}: bukti pembayaran dan foto orang",
    "other users of this machine reach {path}: proofs of payment, and people's pictures",
)
_CLOSE_UPLOADS = Text("chmod 700 {path}", "chmod 700 {path}")
_SAME_FILE = Text("log dan state memakai berkas yang sama", "log and state are the same file")
_TWO_FILES = Text(
    "beri DATABASE_URL dan CALLBACK_LOG_URL berkas masing-masing", "give DATABASE_URL and CALLBACK_LOG_URL one each"
)
_FREE = Text("{folder}: {free} MiB kosong", "{folder}: {free} MiB are free")
_MAKE_ROOM = Text("kosongkan tempat; lihat `callbacks prune`", "make room; see `callbacks prune`")
_NETWORK = Text(
    "{folder} ada di jaringan ({kind}): kunci SQLite tidak dapat diandalkan di sana",
    "{folder} is on a network ({kind}): SQLite's locks cannot be relied on there",
)
_MEMORY = Text(
    "{folder} ada di memori ({kind}): hilang saat mesin dimatikan",
    "{folder} is in memory ({kind}): gone when the machine stops",
)
_LOCAL_DISK = Text("pindahkan ke disk mesin ini", "move it to a disk of this machine")
_WAL = Text("{file} sebesar {size} MiB", "{file} has {size} MiB")
_WAL_TO_DO = Text(
    "cari proses yang lama membaca basis data ini (cadangan, sqlite3)",
    "look for who reads this database for long (a backup, sqlite3)",
)
_NO_SYNC = Text("{folder}: tidak dapat ditulis: {reason}", "{folder}: cannot be written: {reason}")
_SYNC = Text("{folder}: {ms} ms sampai tersimpan di disk", "{folder}: {ms} ms until something is on disk")
_FASTER = Text(
    "setiap kelompok callback menunggu selama itu; pakai disk yang lebih cepat atau kurangi bebannya",
    "each group of callbacks waits so long; use a faster disk, or see what else loads it",
)
_WENT_BACK = Text(
    "jam mesin {seconds} detik di belakang callback terakhir", "the clock is {seconds} seconds behind the last callback"
)
_SET_CLOCK = Text("periksa jam (`timedatectl`)", "see to the clock (`timedatectl`)")
_NOT_SYNCED = Text("{now}, tidak disinkronkan", "{now}, kept right by nobody")
_SYNC_CLOCK = Text("nyalakan NTP (`timedatectl set-ntp true`)", "switch NTP on (`timedatectl set-ntp true`)")
_VERSIONS = Text(
    "Python {python}, SQLite {log} (log), {state} (state)", "Python {python}, SQLite {log} (log), {state} (state)"
)
_NEWER = Text(
    "state tanpa WAL, lebih lambat; perlu SQLite {safe} (pysqlite3 atau Python yang lebih baru)",
    "the state goes without WAL, slower; SQLite {safe} is needed (pysqlite3, or a newer Python)",
)
_FEW_FILES = Text(
    "satu proses hanya boleh membuka {soft} berkas; server menerima koneksi lebih banyak",
    "a process may open {soft} files only; the server takes more connections than that",
)
_MORE_FILES = Text("ulimit -n {needed} (systemd: LimitNOFILE)", "ulimit -n {needed} (systemd: LimitNOFILE)")
