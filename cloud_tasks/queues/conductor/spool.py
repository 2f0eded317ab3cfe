"""Results on disk: what the server could not be told yet, whatever becomes of this process.

One file for each, locked by the process that looks after it. A file without a lock belonged to a process
that has ended; whoever finds it takes it over.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import stat
from pathlib import Path
from urllib.parse import quote

import msgspec

from cloud_tasks.queues.conductor.letters import read_letter

SUFFIX = ".json"
REFUSED = "refused"
_log = logging.getLogger("cloud_tasks.conductor")


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
        self._told: set[Path] = set()
        """Of what was said that it is no result of ours."""

    def probe(self) -> None:
        """See that results can be kept here.

        Raises:
            OSError: They cannot.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / f".probe-{secrets.token_hex(4)}"
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        path.unlink()

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
        paths = sorted(self.directory.glob(f"[!.]*{SUFFIX}"), key=_age)
        return [kept for kept in map(self._adopt, paths) if kept is not None]

    def _adopt(self, path: Path) -> Kept | None:
        """The result in a file, unless somebody looks after it, or it is none: that is said once."""
        try:
            return _take_over(path)
        except (FileNotFoundError, BlockingIOError):
            return None
        except (OSError, msgspec.MsgspecError) as error:
            if path not in self._told:
                self._told.add(path)
                _log.warning("%s is left alone, as it is no result that can be taken over: %s", path, error)
            return None

    def _flush_names(self) -> None:
        fd = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _age(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, path.name
    except OSError:
        return 0.0, path.name


def _write_all(fd: int, body: bytes) -> None:
    rest = memoryview(body)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _take_over(path: Path) -> Kept:
    """The result in a file.

    Raises:
        OSError: Somebody looks after it or has just removed it, or it cannot be had.
        MsgspecError: It is no result.
    """
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _check_file(fd)
        with open(fd, "rb", closefd=False) as file:
            body = file.read()
        read_letter(body)
    except BaseException:  # boundary: closed, and raised again
        os.close(fd)
        raise
    return Kept(path, fd, body)


def _check_file(fd: int) -> None:
    state = os.fstat(fd)
    if not state.st_nlink:
        raise FileNotFoundError("it has just been removed")
    if not stat.S_ISREG(state.st_mode):
        raise OSError("it is no file")
