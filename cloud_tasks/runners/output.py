"""What tasks write to their standard streams, on the worker's side."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeAlias

TAIL_LINES_MAX = 20
TAIL_SIZE_BYTES_MAX = 4096

Output: TypeAlias = Callable[[str, str, bytes], bool]
"""Gets the task's id ("" if none runs), "stdout" or "stderr", and a piece of what was written.

Returns False where the next piece had better wait a little.
"""


def write_through(_task_id: str, stream: str, chunk: bytes) -> bool:
    """Write to the worker's own stream of the same name."""
    target = sys.stdout if stream == "stdout" else sys.stderr
    buffer = getattr(target, "buffer", None)
    try:
        if buffer is None:
            target.write(chunk.decode(errors="backslashreplace"))
        else:
            buffer.write(chunk)
        target.flush()
    except (OSError, ValueError):
        # Nobody reads it any more, or it is closed; the tasks go on.
        return True
    return True


class Tail:
    """The last of what was written."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = b""

    def add(self, chunk: bytes) -> None:
        """Take note of a piece."""
        self._kept = (self._kept + chunk)[-TAIL_SIZE_BYTES_MAX:]

    def text(self) -> str:
        """At most twenty lines and four KiB."""
        lines = self._kept.decode(errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES_MAX:])
