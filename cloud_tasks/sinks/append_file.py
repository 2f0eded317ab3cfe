"""A file that whole lines are appended to, by several processes at once if need be."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time

from cloud_tasks.sinks.local_disk import is_local_disk

LOCK_WAIT_S = 1.0
"""How long to wait for another writer's lock: one that was stopped in the middle must not stop us as well."""
_LOCK_RETRY_S = 0.005
_LAST_BYTE = 1


class AppendFile:
    """Appends blocks of whole lines, each entirely or not at all as far as the file system allows.

    Every block is one `write` with O_APPEND under an advisory lock. What a writer leaves half written (a full
    disk, a kill in the middle of a write) is taken back by itself, or closed off with a newline by whoever
    writes next, so that a reader never loses more than the torn line.

    Attributes:
        is_local: Whether it is a file on a disk of this machine, as far as that is known.
    """

    def __init__(self, path: str) -> None:
        """Open or create the file.

        Raises:
            OSError: It cannot be written to, or the disk is full.
        """
        # Without O_NONBLOCK the opening of a FIFO that nobody reads would wait for ever.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        self._fd = _open_maybe_unreadable(path, flags)
        os.set_blocking(self._fd, True)
        self._lock_wait_s = LOCK_WAIT_S
        status = os.fstat(self._fd)
        self._regular = stat.S_ISREG(status.st_mode)
        self.is_local = self._regular and is_local_disk(status.st_dev)
        self._readable = fcntl.fcntl(self._fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR
        try:
            _check_room(self._fd)
        except OSError:
            os.close(self._fd)
            raise

    def append(self, block: bytes, *, fsync: bool) -> None:
        """Append lines.

        Args:
            block: One or more lines, each with its newline.
            fsync: Whether to wait until the disk has them.

        Raises:
            OSError: It was not written; the file still holds whole lines, possibly some of these.
        """
        if not self._regular:
            self._write_all(block)
            return
        self._write_under(self._lock(self._lock_wait_s), block)
        if fsync:
            os.fsync(self._fd)

    def append_at_once(self, block: bytes) -> bool:
        """Append lines, unless another writer has the lock; whether that was done.

        Raises:
            OSError: As for `append`.
        """
        locked = self._lock(0.0)
        if locked is None:
            return False
        self._write_under(locked, block)
        return True

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def _write_under(self, locked: bool | None, block: bytes) -> None:  # noqa: FBT001 - an answer of `_lock`
        try:
            self._write_or_take_back(block, locked=bool(locked))
        finally:
            if locked:
                fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _write_or_take_back(self, block: bytes, *, locked: bool) -> None:
        size_bytes = os.fstat(self._fd).st_size
        try:
            self._write_all(b"\n" + block if self._is_torn(size_bytes) else block)
        except OSError:
            # Under the lock all that was added since is ours.
            if locked:
                os.ftruncate(self._fd, size_bytes)
            raise

    def _is_torn(self, size_bytes: int) -> bool:
        if size_bytes == 0 or not self._readable:
            return False
        return os.pread(self._fd, _LAST_BYTE, size_bytes - _LAST_BYTE) not in {b"\n", b""}

    def _write_all(self, block: bytes) -> None:
        written = os.write(self._fd, block)
        while written < len(block):
            written += os.write(self._fd, memoryview(block)[written:])

    def _lock(self, wait_s: float) -> bool | None:
        """Take the lock; None if another has it, False if there are no locks here."""
        give_up = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    # Not again for every block: whoever held it so long may hold it for ever.
                    self._lock_wait_s = 0.0 if wait_s else self._lock_wait_s
                    return None
                time.sleep(_LOCK_RETRY_S)
            except OSError:
                # Some network file systems know no locks; O_APPEND has to do there.
                return False
            else:
                self._lock_wait_s = LOCK_WAIT_S
                return True


def _open_maybe_unreadable(path: str, flags: int) -> int:
    if os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode):  # noqa: PTH110, PTH116 - a plain path
        return os.open(path, flags & ~os.O_RDWR | os.O_WRONLY)
    try:
        return os.open(path, flags, 0o666)
    except PermissionError:
        return os.open(path, flags & ~os.O_RDWR | os.O_WRONLY, 0o666)


def _check_room(fd: int) -> None:
    room = os.fstatvfs(fd)
    free_blocks = room.f_bfree if os.geteuid() == 0 else room.f_bavail
    if stat.S_ISREG(os.fstat(fd).st_mode) and room.f_blocks > 0 and free_blocks == 0:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
