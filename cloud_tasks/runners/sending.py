"""Writing frames to a socket that does not block, without waiting and without losing the rest."""

from __future__ import annotations

import _socket
import asyncio


class Sender:
    """Writes to one socket; what does not fit at once goes when the other side has read some."""

    __slots__ = ("_loop", "_rest", "_sock")

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: _socket.socket) -> None:
        self._loop = loop
        self._sock = sock
        self._rest: memoryview | None = None

    def send(self, data: bytes) -> None:
        """Write; a side that has gone away is noticed elsewhere."""
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return
        if sent < len(data):
            self._rest = memoryview(data)[sent:]
            self._loop.add_writer(self._sock.fileno(), self._writable)

    def _writable(self) -> None:
        if self._rest is None:
            return
        try:
            self._rest = self._rest[self._sock.send(self._rest) :]
        except BlockingIOError:
            return
        except OSError:
            self.stop()
            return
        if not self._rest:
            self.stop()

    def stop(self) -> None:
        """Forget the rest; before the socket is closed."""
        if self._rest is not None:
            self._rest = None
            self._loop.remove_writer(self._sock.fileno())
