import os

import pytest

from app.files.mounts import ground_of

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:42 / /mnt/share rw,noatime shared:9 - nfs4 nas:/share rw,vers=4.2
31 22 0:43 / /mnt/my\040disk rw - cifs //nas/disk rw
32 22 0:44 / /remote/ani rw - fuse.sshfs ani@host: rw
33 22 8:17 / /media/stick rw - vfat /dev/sdb1 rw
34 22 254:1 / /mnt/share/local rw - xfs /dev/vdb rw
35 22 0:50 / /over rw - nfs4 nas:/x rw
36 35 254:2 / /over rw - ext4 /dev/vdc rw
37 22 8:18 / /media/ntfs rw - fuseblk /dev/sdc1 rw
broken line
""".strip()


@pytest.mark.parametrize(
    ("folder", "kind", "network", "numbered"),
    [
        ("/srv/inbox", "ext4", "", True),
        ("/mnt/share", "nfs4", "nfs4", True),
        ("/mnt/share/in/box", "nfs4", "nfs4", True),
        ("/mnt/shared", "ext4", "", True),
        ("/mnt/my disk/in", "cifs", "cifs", False),
        ("/remote/ani", "fuse.sshfs", "fuse.sshfs", False),
        ("/remote", "ext4", "fuse.sshfs", True),  # one is mounted below it
        ("/media/stick", "vfat", "", False),
        ("/mnt/share/local/in", "xfs", "", True),
        ("/over/in", "ext4", "", True),  # the later one lies on top
        ("/media/ntfs", "fuseblk", "", True),
    ],
)
def test_on_what_a_folder_lies(folder: str, kind: str, network: str, *, numbered: bool) -> None:
    ground = ground_of(MOUNTS, folder)
    assert (ground.kind, ground.network, ground.numbered) == (kind, network, numbered)
    assert os.makedev(0, 42) in ground.devices
    assert os.makedev(254, 0) not in ground.devices


def test_where_the_system_says_nothing_nothing_is_known() -> None:
    assert ground_of("", "/srv").kind == ""
