"""What the figures were measured on."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import apsw
import msgspec

from app.core.database import sqlite_version


class Machine(msgspec.Struct, frozen=True):
    """The machine's size and the versions that matter."""

    date: str
    cores: int
    cpu: str
    memory_gib: float
    system: str
    filesystem: str
    python: str
    sqlite_log: str
    sqlite_state: str
    packages: dict[str, str]


_PACKAGES = ("uvicorn", "uvloop", "httptools", "fastapi", "sqlalchemy", "apsw", "pysqlite3", "msgspec")


def machine(folder: Path) -> Machine:
    """Describe this machine; `folder` is where the databases of the run are."""
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        cores=os.cpu_count() or 0,
        cpu=_cpu(),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        filesystem=_filesystem(folder),
        python=platform.python_version(),
        sqlite_log=apsw.sqlite_lib_version(),
        sqlite_state=".".join(str(part) for part in sqlite_version()),
        packages={name: version(name) for name in _PACKAGES if _installed(name)},
    )


def _installed(name: str) -> bool:
    try:
        version(name)
    except ModuleNotFoundError:
        return False
    return True


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _filesystem(folder: Path) -> str:
    """The type of the file system under `folder`: on `tmpfs` nothing reaches a disk and every figure is too good."""
    path = Path("/proc/mounts")
    if not path.exists():
        return "unknown"
    mounts = [line.split()[1:3] for line in path.read_text().splitlines()]
    under = [(len(place), kind) for place, kind in mounts if folder.resolve().is_relative_to(place)]
    return max(under)[1] if under else "unknown"
