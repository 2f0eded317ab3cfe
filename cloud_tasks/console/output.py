"""The far end of a stream: a terminal, a pipe, a file, or whatever stands in for one."""

from __future__ import annotations

import errno
import os
import select
from typing import TextIO

_SLICE_BYTES = 65_536
_GONE = frozenset({errno.EPIPE, errno.EIO, errno.EBADF, errno.ECONNRESET, errno.ENXIO})


class Output:
    """Writes bytes, waiting for the reader if need be, and never raises.

    Once the reader is gone, everything is swallowed: a worker does not end because somebody closed `less`.

    Attributes:
        gone: Whether the reader is gone.
        written_bytes: How much was taken so far.
    """

    def __init__(self, stream: TextIO | None) -> None:
        """Take over a stream; None (as in a program without a console) is one that is gone."""
        self._stream = stream
        self._fd = _fd_of(stream)
        self.gone = stream is None
        self.written_bytes = 0

    @property
    def is_terminal(self) -> bool:
        """Whether a person sits in front of it."""
        return self._fd is not None and os.isatty(self._fd)

    @property
    def width(self) -> int:
        """Columns of the terminal, at this moment."""
        try:
            return os.get_terminal_size(self._fd if self._fd is not None else -1).columns or 80
        except OSError:
            return 80

    def same_place(self, other: Output) -> bool:
        """Whether both end in the same terminal, pipe or file."""
        if self._fd is None or other._fd is None:
            return self._stream is other._stream
        try:
            mine, theirs = os.fstat(self._fd), os.fstat(other._fd)
        except OSError:
            return False
        return (mine.st_dev, mine.st_ino) == (theirs.st_dev, theirs.st_ino)

    def write(self, data: bytes) -> None:
        """Write it all, however long it takes."""
        if not data or self.gone:
            return
        try:
            self._write(data)
        except OSError as error:
            self.gone = error.errno in _GONE
        except ValueError:
            # Somebody closed the stream object.
            self.gone = True

    def _write(self, data: bytes) -> None:
        if self._fd is None:
            self._write_text(data)
            return
        rest = memoryview(data)
        while rest:
            try:
                count = os.write(self._fd, rest[:_SLICE_BYTES])
            except BlockingIOError:
                # Whoever shares the terminal may have made it non-blocking.
                select.select([], [self._fd], [])
            else:
                self.written_bytes += count
                rest = rest[count:]

    def _write_text(self, data: bytes) -> None:
        if self._stream is not None:
            self._stream.write(data.decode(errors="replace"))
            self._stream.flush()
            self.written_bytes += len(data)


def _fd_of(stream: TextIO | None) -> int | None:
    if stream is None:
        return None
    try:
        # What the program printed itself comes first.
        stream.flush()
        return stream.fileno()
    except (OSError, ValueError):
        return None
