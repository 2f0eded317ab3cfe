"""Which files lie on a disk of this machine, where a write returns as soon as the page cache has it."""

from __future__ import annotations

import os

_LOCAL = frozenset(
    (b"bcachefs", b"btrfs", b"ext2", b"ext3", b"ext4", b"f2fs", b"overlay", b"tmpfs", b"xfs", b"zfs")
)
_DEVICE_FIELD = 2
_SEPARATOR = b" - "


def is_local_disk(device: int) -> bool:
    """Whether a device number belongs to a local file system; False where that cannot be found out.

    Read from `/proc/self/mountinfo` (proc(5)), so always False where there is none.
    """
    wanted = b"%d:%d" % (os.major(device), os.minor(device))
    try:
        with open("/proc/self/mountinfo", "rb") as file:  # noqa: PTH123 - a file of the kernel's
            lines = file.read().splitlines()
    except OSError:
        return False
    kinds = [_kind(line) for line in lines if line.split(maxsplit=_DEVICE_FIELD + 1)[_DEVICE_FIELD] == wanted]
    return bool(kinds) and _LOCAL.issuperset(kinds)


def _kind(line: bytes) -> bytes:
    """The type of the file system; it stands after the optional fields and a lone hyphen."""
    return line.partition(_SEPARATOR)[2].partition(b" ")[0]
