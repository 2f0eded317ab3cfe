"""What tasks write to their standard streams, on the worker's side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

TAIL_LINES_MAX = 20
TAIL_SIZE_BYTES_MAX = 4096

Output: TypeAlias = Callable[[str, str, bytes], bool]
"""Gets the task's id ("" if none runs), "stdout" or "stderr", and a piece of what was written.

Called on the event loop, so it must not wait for whoever reads. Returns False where the next piece had
better wait a little.
"""


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
