"""Which names of a watched folder are left alone: what programs keep for themselves, and what nobody waits for. Pure.

Names are text as Python spells what the system gives (bytes that are no UTF-8 become lone surrogates).
"""

import re
from collections.abc import Iterable
from fnmatch import translate

import msgspec

#: Left alone wherever they lie, in capitals or not; a folder of such a name is not entered.
NAMES = (
    ".*",  # hidden: .git, .~lock.a.ods#, what editors and rsync write before they rename it
    "*~",
    "~$*",  # Word and Excel, beside an open document
    "#*#",  # Emacs
    "*.tmp",
    "*.temp",
    "*.swp",
    "*.part",  # downloads and copies that are under way
    "*.partial",
    "*.filepart",
    "*.crdownload",
    "Thumbs.db",
    "desktop.ini",
    "__pycache__",
    "node_modules",
    "lost+found",
    "System Volume Information",
    "$RECYCLE.BIN",
)
_NAMES = re.compile("|".join(translate(name) for name in NAMES), re.IGNORECASE)
#: What SQLite and our locks put beside a database.
_BESIDE = r"(?:-wal|-shm|-journal|\.lock|\.import\.lock|\.watch-[0-9]+\.lock)?\Z"


class Ignoring(msgspec.Struct, frozen=True):
    """What is left alone below one folder."""

    patterns: tuple[re.Pattern[str], ...] = ()
    #: our own files, as paths below the folder: to tell of the log would write into the log
    own: tuple[re.Pattern[str], ...] = ()

    def ignores(self, path: str) -> bool:
        """Whether this file or folder is left alone; of the folders above it nothing is asked."""
        name = path.rpartition("/")[2]
        if _NAMES.match(name):
            return True
        if any(pattern.match(name) or pattern.match(path) for pattern in self.patterns):
            return True
        return any(pattern.match(path) for pattern in self.own)

    def ignores_within(self, path: str) -> bool:
        """The same for a path of which nobody looked at the folders above."""
        parts = path.split("/")
        return any(self.ignores("/".join(parts[:count])) for count in range(1, len(parts) + 1))


def ignoring(
    patterns: str, *, folder: str = "", databases: Iterable[str] = (), folders: Iterable[str] = ()
) -> Ignoring:
    """From patterns as a shell has them, separated by commas, on names and on paths below the folder.

    `databases` and `folders` of ours are absolute paths; those that do not lie below `folder` do not matter.
    """
    prefix = folder.rstrip("/") + "/"
    own = [re.compile(re.escape(path[len(prefix) :]) + _BESIDE) for path in databases if path.startswith(prefix)]
    own += [re.compile(re.escape(path[len(prefix) :]) + r"\Z") for path in folders if path.startswith(prefix)]
    told = (pattern.strip().rstrip("/") for pattern in patterns.split(","))
    return Ignoring(tuple(re.compile(translate(pattern)) for pattern in told if pattern), tuple(own))
