"""Keeps the lines of tasks that run at the same time apart."""

from __future__ import annotations

from cloud_tasks.console.protocol import Stream

PARTIAL_BYTES_MAX = 1 << 20
"""A longer line is passed on in pieces."""


class LineKeeper:
    """Passes on whole lines; the beginning of a line waits for its end, or for the end of its task."""

    def __init__(self) -> None:
        self._partial: dict[tuple[str, Stream], bytearray] = {}

    def add(self, task_id: str, stream: Stream, chunk: bytes) -> bytes:
        """Take what was written; returns what can be shown now."""
        key = (task_id, stream)
        end = chunk.rfind(b"\n") + 1
        if not end:
            return self._keep(key, chunk)
        before = self._partial.pop(key, b"")
        if end < len(chunk):
            self._keep(key, chunk[end:])
        return bytes(before) + chunk[:end]

    def end_task(self, task_id: str, stream: Stream) -> bytes:
        """The task ended: its last line, closed off if need be."""
        rest = self._partial.pop((task_id, stream), None) if self._partial else None
        return bytes(rest) + b"\n" if rest else b""

    def end_all(self, stream: Stream) -> bytes:
        """The last lines of all."""
        ended = [task_id for task_id, kept_stream in self._partial if kept_stream is stream]
        return b"".join(self.end_task(task_id, stream) for task_id in ended)

    def _keep(self, key: tuple[str, Stream], piece: bytes) -> bytes:
        partial = self._partial.setdefault(key, bytearray())
        partial += piece
        if len(partial) <= PARTIAL_BYTES_MAX:
            return b""
        del self._partial[key]
        return bytes(partial)
