"""What a task process tells the worker: progress now and then, and one final frame."""

from __future__ import annotations

import _socket
import json
import os
import sys
import time
from _thread import allocate_lock

from cloud_tasks.runners.frames import pack

PROGRESS_INTERVAL_S = 0.05
EXIT_UNREPORTED = 74
"""Exit status of a process that could not report its end: `EX_IOERR` of sysexits.h."""


class Reporter:
    """The task's end of its channel."""

    def __init__(self, channel: _socket.socket) -> None:
        self._channel = channel
        self._identity = _identity(channel)
        self._pid = os.getpid()
        self._lock = _lock
        self._unsent = b""
        self._next_progress = 0.0

    def progress(self, done: float, total: float | None) -> None:
        """Send progress, or leave it out: never waits for the worker, at most 20 times a second."""
        now = time.monotonic()
        if now < self._next_progress and (total is None or done != total):
            return
        frame = pack(
            json.dumps({"progress": [float(done), None if total is None else float(total)]}).encode()
        )
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
        try:
            sent = self._channel.send(data, _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            # The worker is gone; whoever watches over this process will see to it.
            return
        self._unsent = data[sent:]

    def final(self, head: bytes, body: bytes = b"", tail: bytes = b"") -> bool:
        """Send the final frame, `head + body + tail`; False if the channel is not there any more."""
        # Held for good: a thread that the task left behind must not write after the final frame.
        self._lock.acquire(timeout=1.0)
        if not self._is_ours():
            return False
        size = len(head) + len(body) + len(tail)
        head = self._unsent + size.to_bytes(4, "big") + head
        try:
            if len(body) < _JOINED_BYTES_MAX:
                self._channel.sendall(head + body + tail)
            else:
                for part in (head, body, tail):
                    self._channel.sendall(part)
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
            return _identity(self._channel) == self._identity
        except OSError:
            return False


_JOINED_BYTES_MAX = 65536
_lock = allocate_lock()
"""Made in the template, where it costs nothing; each process has one reporter."""


_SO_COOKIE = 57
_COOKIE_SIZE_BYTES = 8
_HAS_COOKIES = sys.platform == "linux"


def _identity(channel: _socket.socket) -> bytes | tuple[int, int]:
    """What tells a socket from any other: a cookie where there are some, which costs less than `stat`."""
    if _HAS_COOKIES:
        return channel.getsockopt(_socket.SOL_SOCKET, _SO_COOKIE, _COOKIE_SIZE_BYTES)
    status = os.fstat(channel.fileno())
    return status.st_dev, status.st_ino
