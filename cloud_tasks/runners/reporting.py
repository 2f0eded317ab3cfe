"""What a task process tells the worker: progress now and then, and one final frame."""

from __future__ import annotations

import json
import os
import time
from _thread import allocate_lock

from cloud_tasks.runners.frames import HEADER_SIZE_BYTES, pack, send_all

PROGRESS_INTERVAL_S = 0.05
EXIT_UNREPORTED = 74
"""Exit status of a process that could not report its end: `EX_IOERR` of sysexits.h."""
_JOINED_BYTES_MAX = 65536
_TYPE_MASK = 0o170000
_TYPE_SOCKET = 0o140000


class Reporter:
    """The task's end of its channel; made before the fork, because making things afterwards costs pages."""

    def __init__(self) -> None:
        self._fd = -1
        self._inode = 0
        self._pid = 0
        self._lock = allocate_lock()
        self._unsent = b""
        self._next_progress = 0.0

    def attach(self, fd: int, inode: int) -> None:
        """Report through this descriptor while it is the socket of this number, from this process only."""
        self._fd = fd
        self._inode = inode
        self._pid = os.getpid()

    def progress(self, done: float, total: float | None) -> None:
        """Send progress, or leave it out: never waits for the worker, at most 20 times a second."""
        now = time.monotonic()
        if now < self._next_progress and (total is None or done != total):
            return
        numbers = [float(done), None if total is None else float(total)]
        frame = pack(json.dumps({"progress": numbers}).encode())
        # A process that the task forked has this object too, but may not write between its frames.
        if os.getpid() != self._pid or not self._lock.acquire(blocking=False):
            return
        try:
            self._next_progress = now + PROGRESS_INTERVAL_S
            if self._is_ours():
                self._send_now(frame)
        finally:
            self._lock.release()

    def _send_now(self, frame: bytes) -> None:
        data = self._unsent + frame
        os.set_blocking(self._fd, False)
        try:
            self._unsent = data[os.write(self._fd, data) :]
        except BlockingIOError:
            return
        except OSError:
            # The worker is gone; whoever watches over this process will see to it.
            return
        finally:
            os.set_blocking(self._fd, True)

    def final(self, head: bytes, body: bytes = b"", tail: bytes = b"") -> bool:
        """Send the final frame, `head + body + tail`; False if the channel is gone, or is not ours."""
        if os.getpid() != self._pid:
            return False
        # Held for good: a thread that the task left behind must not write after the final frame.
        if not self._lock.acquire(blocking=False):
            self._lock.acquire(timeout=1.0)
        if not self._is_ours():
            return False
        size = len(head) + len(body) + len(tail)
        head = self._unsent + size.to_bytes(HEADER_SIZE_BYTES, "big") + head
        try:
            if len(body) < _JOINED_BYTES_MAX:
                send_all(self._fd, head + body + tail)
            else:
                for part in (head, body, tail):
                    send_all(self._fd, part)
        except OSError:
            return False
        return True

    def release(self) -> None:
        """Let the next task of a warm process report."""
        self._unsent = b""
        self._next_progress = 0.0
        self._lock.release()

    def _is_ours(self) -> bool:
        """Whether the descriptor still is the channel: a task may close all, and open files of its own."""
        try:
            status = os.fstat(self._fd)
        except OSError:
            return False
        return status.st_ino == self._inode and status.st_mode & _TYPE_MASK == _TYPE_SOCKET
