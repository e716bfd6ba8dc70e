"""What changed in a folder between two looks at it. Pure.

| before | now | it is |
|---|---|---|
| – | there | created; moved, where a file of just this state disappeared elsewhere |
| there | the same | nothing |
| there | another state | modified, also by a rename over it: where that came from is deleted |
| there | – | deleted; nothing, where a folder above could not be read |
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum

import msgspec


class State(msgspec.Struct, frozen=True, gc=False):
    """A regular file, as far as one can see without opening it. Two that are equal hold the same."""

    device: int
    inode: int
    size: int  # bytes
    mtime_ns: int


_INT64_MAX = 2**63 - 1


def state_of(found: os.stat_result) -> State:
    """How a file is by what the system says of it.

    Disks hold times that no database's integer can (beyond the years 1677 and 2262): those count as the last that fits.
    """
    mtime_ns = max(-_INT64_MAX, min(found.st_mtime_ns, _INT64_MAX))
    return State(found.st_dev, found.st_ino, found.st_size, mtime_ns)


class Kind(StrEnum):
    """What happened to a file; the words of its event."""

    CREATED = "file_created"
    MODIFIED = "file_modified"
    DELETED = "file_deleted"
    MOVED = "file_moved"


class Change(msgspec.Struct, frozen=True, gc=False):
    """What happened to the file at a path below the folder, and how it is now (None: gone)."""

    kind: Kind
    path: bytes
    state: State | None = None
    moved_to: bytes | None = None
    still_written: bool = False


def changes_between(
    before: Mapping[bytes, State],
    now: Mapping[bytes, State],
    unreadable: Collection[bytes] = (),
    *,
    numbered: bool = True,
) -> list[Change]:
    """What leads from one look to the next, a path once: what went away or moved first, then what is new.

    `unreadable`: paths of folders (or files) that the second look could not read; b"" is the folder itself. `numbered`:
    whether a file keeps its inode number; some file systems make up new ones.
    """
    gone = sorted(path for path in before.keys() - now.keys() if not _is_below(path, unreadable))
    new = sorted(now.keys() - before.keys())
    moved = _moved(before, gone, now, new) if numbered else {}
    arrived = set(moved.values())
    return [
        *(_gone(path, moved.get(path), now) for path in gone),
        *(
            Change(Kind.MODIFIED, path, state)
            for path, state in sorted(now.items())
            if (known := before.get(path)) is not None and not _same(known, state, numbered=numbered)
        ),
        *(Change(Kind.CREATED, path, now[path]) for path in new if path not in arrived),
    ]


def applied(before: Mapping[bytes, State], changes: Iterable[Change]) -> dict[bytes, State]:
    """The folder that changes lead to: what whoever hears of them would know."""
    files = dict(before)
    for change in changes:
        for path, state in told_of(change):
            if state is None:
                files.pop(path, None)
            else:
                files[path] = state
    return files


def told_of(change: Change) -> Iterator[tuple[bytes, State | None]]:
    """What a change says of one path or two: how it is from now on; None: gone."""
    if change.moved_to is not None:
        yield change.path, None
        yield change.moved_to, change.state
    else:
        yield change.path, change.state


def rebased(files: Mapping[bytes, State], before: int, now: int) -> dict[bytes, State]:
    """The same files after their file system got another device number, as some do at each mount."""
    return {
        path: State(now, state.inode, state.size, state.mtime_ns) if state.device == before else state
        for path, state in files.items()
    }


def _gone(path: bytes, to: bytes | None, now: Mapping[bytes, State]) -> Change:
    return Change(Kind.DELETED, path) if to is None else Change(Kind.MOVED, path, now[to], to)


def _same(one: State, other: State, *, numbered: bool) -> bool:
    return one == other if numbered else (one.size, one.mtime_ns) == (other.size, other.mtime_ns)


def _moved(
    before: Mapping[bytes, State], gone: Iterable[bytes], now: Mapping[bytes, State], new: Iterable[bytes]
) -> dict[bytes, bytes]:
    """From where to where. A number that is free is given to the next file at once: size and time must fit as well."""
    places: dict[State, list[bytes]] = {}
    for path in new:
        places.setdefault(now[path], []).append(path)
    return {path: free.pop(0) for path in gone if (free := places.get(before[path]))}


def _is_below(path: bytes, unreadable: Collection[bytes]) -> bool:
    if not unreadable:
        return False
    if b"" in unreadable or path in unreadable:
        return True
    at = path.find(b"/")
    while at >= 0:
        if path[:at] in unreadable:
            return True
        at = path.find(b"/", at + 1)
    return False
