"""Asks the system whether anybody has a file open for writing, and how it is in that very moment.

Linux gives a read lease on a file only while nobody has it open for writing (fcntl(2), F_SETLEASE). It is given back
at once: whoever opens the file for writing meanwhile waits for some microseconds.
"""

import errno
import fcntl
import os
import signal
from collections.abc import Collection
from typing import NamedTuple

from app.core.errors import FileRefused
from app.files.opening import Folder, open_below
from app.files.settling import Writers
from app.files.snapshot import State, state_of


class Asked(NamedTuple):
    """How a file is, and who writes it. `state` is None where it could not be opened."""

    writers: Writers
    state: State | None


def ask(folder: Folder, path: bytes, *, elsewhere: Collection[int] = ()) -> Asked | None:
    """Ask for the file at this path below the folder; None: there is no such file any more.

    `elsewhere`: devices of network file systems, on which this machine knows its own writers only.
    """
    try:
        with open_below([folder], os.fsencode(folder.real.rstrip("/")) + b"/" + path) as file:
            state = state_of(os.fstat(file.handle.fileno()))
            writers = Writers.UNKNOWN if file.device in elsewhere else _writers(file.handle.fileno())
            # A writer that came and went before the lease: what is told is what was there when nobody wrote.
            same = state_of(os.fstat(file.handle.fileno())) == state
            return Asked(writers if same else Writers.SOME, state)
    except FileRefused as refused:
        return Asked(Writers.UNKNOWN, None) if refused.reason == "file_not_readable" else None


def _writers(descriptor: int) -> Writers:
    try:
        # A lease that somebody breaks is told by SIGIO, which would end the process; SIGURG ends none.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except AttributeError:  # not Linux
        return Writers.UNKNOWN
    except OSError as error:
        return Writers.SOME if error.errno == errno.EAGAIN else Writers.UNKNOWN
    return Writers.NONE
