"""A library that makes the disk fail for the process that preloads it; see `failing_disk.c` for its switches."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CC = shutil.which("cc")
SOURCE = Path(__file__).with_name("failing_disk.c")

needs_preloading = pytest.mark.skipif(
    CC is None or sys.platform != "linux", reason="needs a C compiler and LD_PRELOAD to make a disk fail"
)


def build_failing_disk(folder: Path) -> Path:
    """→ the library, for `LD_PRELOAD`."""
    library = folder / "failing_disk.so"
    subprocess.run([str(CC), "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)  # noqa: S603 - a compiler
    return library
