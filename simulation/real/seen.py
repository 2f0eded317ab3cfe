"""What the rehearsal itself does and sees, written down as it happens."""

from __future__ import annotations

import enum
import time
from pathlib import Path

import msgspec
from msgspec import Struct

UNASKED = "unasked"
"""Text about the end of a worker that nobody had asked to end."""


class What(enum.Enum):
    """Kinds of notes."""

    WORKER_BEGAN = "worker began"
    WORKER_ENDED = "worker ended"
    WORKER_KILLED = "worker killed"
    WORKER_STOPPED = "worker stopped"
    WORKER_CONTINUED = "worker continued"
    SIGTERM = "sigterm"
    NOTICE = "notice"
    PROCESS_KILLED = "process killed"
    PROCESS_STOPPED = "process stopped"
    PROCESS_CONTINUED = "process continued"
    DISK_FULL = "disk full"
    DISK_FREE = "disk free"
    GONE = "gone"
    """A process that the ledger named is no more; it was seen for the last time `size` seconds before."""
    LEFT = "left"
    """A process outlives its worker for longer than it may."""
    QUIET = "quiet"
    """The faults stop."""
    SETTLED = "settled"
    """Nothing is left in the queue."""
    ENDED = "ended"
    """Every worker has ended."""
    OVER = "over"
    """That was all."""


class Seen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A note.

    Attributes:
        what: What happened.
        at: When, on the machine's monotonic clock.
        worker: Whose; "" for none.
        pid: Of the process that it is about; 0 for none.
        size: Seconds or a status, by its kind.
        text: More about it.
    """

    what: What
    at: float
    worker: str = ""
    pid: int = 0
    size: float = 0.0
    text: str = ""


class Notes:
    """Writes notes to a file.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def put(
        self,
        what: What,
        worker: str = "",
        *,
        pid: int = 0,
        size: float = 0.0,
        text: str = "",
        at: float = 0.0,
    ) -> None:
        """Write one; `at` is now where it is not given."""
        note = Seen(what=what, at=at or time.monotonic(), worker=worker, pid=pid, size=size, text=text)
        self._file.write(msgspec.json.encode(note) + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
