"""A file's change as the event that tells of it, and back. Pure.

What did not change since is told in the same bytes again, so that a repetition is seen as one.
"""

import base64
import os
from collections.abc import Mapping
from typing import Any

import msgspec

from app.files.snapshot import Change, Kind, State


class NoEventOfOurs(ValueError):
    """A body that no watcher wrote."""


def event_of(folder: str, change: Change) -> dict[str, Any]:
    """The event of a change below the folder at this resolved path.

    `path` and `dest_path` are absolute; where one is no UTF-8 it is readable with U+FFFD, and `…_base64` has its bytes.
    """
    newest = change.path if change.moved_to is None else change.moved_to
    event: dict[str, Any] = {"event_type": str(change.kind), **_path("path", folder, change.path)}
    if change.moved_to is not None:
        event |= _path("dest_path", folder, change.moved_to)
    event["filename"] = newest.rpartition(b"/")[2].decode(errors="replace")
    if change.state is not None:
        event |= {"size": change.state.size, "version": version_of(change.state)}
    if change.still_written:
        event["still_written"] = True
    return event


def change_of(folder: str, body: bytes) -> Change | None:
    """The change that a body of ours tells of; None: of another folder. Raises NoEventOfOurs."""
    try:
        event = msgspec.json.decode(body)
        path, moved_to = _below(folder, event, "path"), None
        kind = Kind(event["event_type"])
        if kind is Kind.MOVED:
            moved_to = _below(folder, event, "dest_path")
        if path is None or (kind is Kind.MOVED and moved_to is None):
            return None
        state = None if kind is Kind.DELETED else _state(event["version"])
        return Change(kind, path, state, moved_to, still_written=event.get("still_written") is True)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoEventOfOurs(f"is no event of a watcher: {type(error).__name__}") from None


def version_of(state: State) -> str:
    """What distinguishes two states of a file: `device-inode-size-mtime_ns`."""
    return f"{state.device}-{state.inode}-{state.size}-{state.mtime_ns}"


def _state(version: str) -> State:
    device, inode, size, mtime_ns = version.split("-", 3)
    return State(int(device), int(inode), int(size), int(mtime_ns))


def _path(name: str, folder: str, path: bytes) -> dict[str, str]:
    whole = os.fsencode(folder.rstrip("/")) + b"/" + path
    try:
        return {name: whole.decode()}
    except UnicodeDecodeError:
        return {name: whole.decode(errors="replace"), f"{name}_base64": base64.b64encode(whole).decode()}


def _below(folder: str, event: Mapping[str, Any], name: str) -> bytes | None:
    spelled = event.get(f"{name}_base64")
    whole = event[name].encode() if spelled is None else base64.b64decode(spelled, validate=True)
    prefix = os.fsencode(folder.rstrip("/")) + b"/"
    return whole[len(prefix) :] if whole.startswith(prefix) and len(whole) > len(prefix) else None
