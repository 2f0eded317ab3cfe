"""Where `memory:` is: a directory in memory, that goes with the process that made it."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - only `mkdtemp` makes anything in it
_PREFIX = "cloud_tasks-memory-"
_OWNER = "owner"
"""Locked for as long as the directory is in use, so that one whose process was killed can be told."""

_places: dict[str, Path] = {}


def memory_place(name: str) -> Path:
    """The directory of that name: one for this process, and for those that are forked from it.

    It is made when it is first asked for, and removed when the process ends. Directories that were left by
    processes that were killed are removed on that occasion.

    Args:
        name: What tells several of one process apart.
    """
    if name not in _places:
        root = _root()
        _remove_left_over(root)
        _places[name] = _made(root)
    return _places[name]


def _root() -> Path:
    """Memory, where it can be had as a directory; the system's place for temporary files otherwise."""
    return _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def _made(root: Path) -> Path:
    place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    new = place / "new"
    lock = os.open(new, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # It gets its name when it is locked: who looks for what is left over must not find it before.
    new.rename(place / _OWNER)
    atexit.register(_remove, place, os.getpid())
    return place


def _remove(place: Path, owner_pid: int) -> None:
    if os.getpid() == owner_pid:
        shutil.rmtree(place, ignore_errors=True)


def _remove_left_over(root: Path) -> None:
    for place in root.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if place.stat().st_uid == os.getuid() and _is_left_over(place):
                shutil.rmtree(place, ignore_errors=True)


def _is_left_over(place: Path) -> bool:
    with (place / _OWNER).open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
