"""On what a folder lies, from the system's list of mounts: where nobody tells of changes, one has to look. Pure.

Source: proc_pid_mountinfo(5).
"""

import os
import re
from collections.abc import Iterator

import msgspec

#: File systems that others change without this machine's kernel hearing of it.
_NETWORK = re.compile(
    r"(nfs4?|cifs|smb3|smbfs|ncpfs|9p|virtiofs|afs|ceph|lustre|beegfs|gfs2?|ocfs2|vboxsf|prl_fs|drvfs|fuse(\..*)?)\Z"
)
#: Whose inode numbers are made up anew when a file was forgotten.
_UNNUMBERED = re.compile(r"(cifs|smb3|smbfs|ncpfs|9p|vboxsf|prl_fs|drvfs|fuse(\..*)?|v?fat|msdos|exfat)\Z")
_OCTAL = re.compile(r"\\([0-7]{3})")


class Ground(msgspec.Struct, frozen=True):
    """What a folder lies on."""

    kind: str = ""  # `ext4`, `nfs4`; "" where it is not known
    numbered: bool = True  # whether a file keeps its inode number
    network: str = ""  # the network file system that it lies on, or that is mounted below it
    devices: frozenset[int] = frozenset()  # those of network file systems


class _Mount(msgspec.Struct, frozen=True):
    device: int
    at: str
    kind: str


def ground_of(mountinfo: str, folder: str) -> Ground:
    """What the folder at this resolved path lies on, by the text of /proc/self/mountinfo."""
    mounts = list(_mounts(mountinfo))
    above = [mount for mount in mounts if _holds(mount.at, folder)]
    # Of two at the same place the later one lies on top, and `max` would take the first.
    kind = max(reversed(above), key=lambda mount: len(mount.at)).kind if above else ""
    within = [mount.kind for mount in mounts if _holds(folder, mount.at)]
    network = next((each for each in (kind, *within) if _NETWORK.match(each)), "")
    devices = frozenset(mount.device for mount in mounts if _NETWORK.match(mount.kind))
    return Ground(kind, not _UNNUMBERED.match(kind), network, devices)


def _holds(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _mounts(mountinfo: str) -> Iterator[_Mount]:
    """Lines such as `36 35 0:42 / /mnt/share rw,noatime shared:1 - nfs4 server:/share rw`."""
    for line in mountinfo.splitlines():
        fields, _, more = line.partition(" - ")
        words, kind = fields.split(" "), more.partition(" ")[0]
        if len(words) > _AT and kind:
            major, _, minor = words[_DEVICE].partition(":")
            place = _OCTAL.sub(lambda found: chr(int(found[1], 8)), words[_AT])
            yield _Mount(os.makedev(int(major), int(minor)), place, kind)


_DEVICE, _AT = 2, 4
