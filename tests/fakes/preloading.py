"""Libraries that a process preloads to live in a worse world: a disk that fails, a write that kills."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CC = shutil.which("cc")

needs_preloading = pytest.mark.skipif(
    CC is None or sys.platform != "linux", reason="needs a C compiler and LD_PRELOAD to spoil a disk"
)


def build_library(name: str, folder: Path) -> Path:
    """`failing_disk` or `deadly_disk`, whose switches its source tells → the library, for `LD_PRELOAD`."""
    source, library = Path(__file__).with_name(f"{name}.c"), folder / f"{name}.so"
    subprocess.run([str(CC), "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)  # noqa: S603 - a compiler
    return library
