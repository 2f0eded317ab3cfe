"""Results on disk: what the server could not be told yet, whatever becomes of this process.

One file for each, locked by the process that looks after it. A file without a lock belonged to a process
that has ended; whoever finds it takes it over.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from pathlib import Path
from urllib.parse import quote

SUFFIX = ".json"
REFUSED = "refused"


class Kept:
    """A result on disk that this process looks after.

    Attributes:
        body: What the server is to be told.
    """

    def __init__(self, path: Path, fd: int, body: bytes) -> None:
        self.body = body
        self._path = path
        self._fd = fd

    def remove(self) -> None:
        """The server has been told."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        self.let_go()

    def put_aside(self) -> Path:
        """The server will never take it: keep it for people. Returns where."""
        directory = self._path.parent / REFUSED
        directory.mkdir(exist_ok=True)
        place = directory / self._path.name
        self._path.replace(place)
        self.let_go()
        return place

    def let_go(self) -> None:
        """Leave it to whoever finds it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Spool:
    """A directory of results.

    Args:
        directory: Where; made when it is needed.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def keep(self, task_id: str, body: bytes) -> Kept:
        """Write a result; when this returns it survives the end of this process and of the machine.

        Raises:
            OSError: It cannot be written.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        name = f"{quote(task_id, safe='')[:100]}-{secrets.token_hex(4)}{SUFFIX}"
        path, unfinished = self.directory / name, self.directory / f".{name}"
        fd = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            _write_all(fd, body)
            os.fsync(fd)
            unfinished.replace(path)
            self._flush_names()
        except BaseException:  # boundary: closed, and raised again
            os.close(fd)
            raise
        return Kept(path, fd, body)

    def adopt(self) -> list[Kept]:
        """Take over what processes that have ended left behind, oldest first."""
        with contextlib.suppress(FileNotFoundError):
            paths = sorted(self.directory.glob(f"[!.]*{SUFFIX}"), key=_age)
            return [kept for kept in map(_take_over, paths) if kept is not None]
        return []

    def _flush_names(self) -> None:
        fd = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _age(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except FileNotFoundError:
        return 0.0, path.name


def _write_all(fd: int, body: bytes) -> None:
    rest = memoryview(body)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _take_over(path: Path) -> Kept | None:
    """The result in a file, unless somebody looks after it or has just removed it."""
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    if not os.fstat(fd).st_nlink:
        os.close(fd)
        return None
    with open(fd, "rb", closefd=False) as file:
        return Kept(path, fd, file.read())
