"""The worker's end of the socket to a leader process: tasks go out, frames come in."""

from __future__ import annotations

import _socket
import asyncio
from collections.abc import Callable

import msgspec

from cloud_tasks.runners.sending import Sender
from cloud_tasks.runners.wire import ChildFrame, FrameError, FrameReader, decode_child

DRAIN_READS_MAX = 1024
"""More than enough for what a socket can hold; there is an end even if somebody goes on writing."""


class Channel:
    """One socket, never waited for.

    `_socket` and not `socket`, whose objects cost three times as much to make, for a pair on every attempt.

    Args:
        loop: Tells when there is something to read.
        sock: Our end.
        take: Gets every frame that comes, until `finish`.
        ended: Called once when nothing more can come: the other side is gone, or what it sent is no frame.

    Attributes:
        over: Whether nothing more is read: it ended, or was finished or closed.
        unreadable: Whether somebody else wrote into it, so that nothing that comes can be believed.
    """

    __slots__ = ("_ended", "_frames", "_loop", "_sender", "_sock", "_take", "_watched", "over", "unreadable")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: _socket.socket,
        take: Callable[[ChildFrame], None],
        ended: Callable[[], None],
    ) -> None:
        sock.setblocking(False)  # noqa: FBT003 - as the standard library has it
        self.over = False
        self.unreadable = False
        self._loop = loop
        self._sock = sock
        self._take = take
        self._ended = ended
        self._frames = FrameReader()
        self._sender: Sender | None = None
        self._watched = False

    def send(self, data: bytes) -> None:
        """Send; a side that has gone away is noticed elsewhere."""
        if self._sender is None:
            self._sender = Sender(self._loop, self._sock)
        self._sender.send(data)

    def watch(self) -> None:
        """Read whenever something comes."""
        if not self._watched and not self.over:
            self._watched = True
            self._loop.add_reader(self._sock.fileno(), self._readable)

    def drain(self) -> None:
        """Read what is there, and close; whoever inherited the other end is not waited for."""
        try:
            for _ in range(DRAIN_READS_MAX):
                if self.over:
                    break
                self._read_once()
        except BlockingIOError:
            pass
        self.close()

    def finish(self) -> None:
        """Read no more; what is left to send still goes out."""
        self.over = True
        if self._watched:
            self._watched = False
            self._loop.remove_reader(self._sock.fileno())

    def close(self) -> None:
        """Let go of the socket; no effect if that was done."""
        if self._sock.fileno() < 0:
            return
        self.finish()
        if self._sender is not None:
            self._sender.stop()
        self._sock.close()

    def _readable(self) -> None:
        try:
            self._read_once()
        except BlockingIOError:
            return

    def _read_once(self) -> None:
        try:
            frames = self._frames.read(self._sock)
            if frames is not None:
                for frame in frames:
                    self._take(decode_child(frame))
                return
        except (FrameError, msgspec.DecodeError, RecursionError):
            self.unreadable = True
        self.finish()
        self._ended()
