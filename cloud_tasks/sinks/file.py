"""Events as JSON lines in a file."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence

from cloud_tasks.core.events import EventRecord
from cloud_tasks.errors import ConfigurationError, Problem, SinkUnavailableError
from cloud_tasks.sinks.append_file import AppendFile
from cloud_tasks.sinks.background import Background

CLOSE_WAIT_S = 10.0
"""How long `aclose` waits for writes that are under way."""
AT_ONCE_MAX = 64
AT_ONCE_BYTES_MAX = 65_536
"""Number and size of the events that are written without a thread."""
SLOW_S = 0.05


class FileSink:
    """Appends each event to a file, as one JSON object a line.

    Durable means: handed to the operating system, so that it survives the end of this process by whatever
    signal; with `fsync` also that of the machine. Small batches go to a disk of this machine on the spot,
    because a thread would cost ten times as much as the write; as soon as one such write is slow, and for all
    else from the beginning, a thread does the writing, so that a slow disk holds up nothing but the
    settlement of the tasks whose events wait for it (docs/decisions/0032-events-are-written-on-the-spot.md).
    Events for displays alone (`queue_only`) are left out. After a failed write the same events may be emitted
    again.

    Args:
        path: The file; created if it does not exist, appended to if it does. Its directory must exist.
        without: How there is none, as the user is told where the file cannot be written to.
        fsync: Whether each batch waits for the disk itself.
        slow_s: A write that takes longer is the last that the event loop waits for.

    Raises:
        ConfigurationError: The file cannot be written to.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        fsync: bool = False,
        slow_s: float = SLOW_S,
        without: str = "leave it out",
    ) -> None:
        self._path = os.fspath(path)
        self._fsync = fsync
        self._slow_s = slow_s
        try:
            self._file = AppendFile(self._path)
        except (OSError, ValueError) as error:
            raise ConfigurationError(_problem(self._path, error, without)) from error
        self._at_once = self._file.is_local and not fsync
        self._background = Background("event-log")
        self._closed = False

    async def emit(self, records: Sequence[EventRecord]) -> None:
        """Append the events; when it returns they are durable.

        Raises:
            SinkUnavailableError: They were not written, or not all of them.
        """
        wanted = [record for record in records if not record.event.queue_only]
        if not wanted:
            return
        if self._closed:
            raise SinkUnavailableError(f"the event log `{self._path}` is closed")
        try:
            await self._append(wanted)
        except OSError as error:
            message = f"cannot write to the event log `{self._path}`: {error.strerror}"
            raise SinkUnavailableError(message) from error

    async def aclose(self) -> None:
        """Wait for the writes under way, for a bounded time, and close the file."""
        if self._closed:
            return
        self._closed = True
        if not self._background.used:
            self._file.close()
            return
        try:
            await asyncio.wait_for(self._background.call(self._file.close), CLOSE_WAIT_S)
        except TimeoutError as error:
            message = f"the event log `{self._path}` does not take its last events"
            raise SinkUnavailableError(message) from error
        finally:
            self._background.end()

    async def _append(self, records: list[EventRecord]) -> None:
        if len(records) > AT_ONCE_MAX or not self._at_once:
            await self._background.call(lambda: self._file.append(_lines(records), fsync=self._fsync))
            return
        block = _lines(records)
        if not self._append_at_once(block):
            await self._background.call(lambda: self._file.append(block, fsync=self._fsync))

    def _append_at_once(self, block: bytes) -> bool:
        if len(block) > AT_ONCE_BYTES_MAX:
            return False
        began = time.monotonic()
        done = self._file.append_at_once(block)
        if time.monotonic() - began > self._slow_s:
            self._at_once = False
        return done


def _lines(records: list[EventRecord]) -> bytes:
    lines = [record.encode() for record in records]
    lines.append(b"")
    return b"\n".join(lines)


def _problem(path: str, error: OSError | ValueError, without: str) -> Problem:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    directory = os.path.dirname(path) or "."  # noqa: PTH120 - the path as it was given
    helps = [f"choose another file with `--event-log-file`, or {without}"]
    if not os.path.isdir(directory):  # noqa: PTH112 - it is a string
        helps.insert(0, f"create the directory `{directory}`")
    return Problem(
        f"cannot write the event log `{path}`: {reason}",
        helps=tuple(helps),
        notes=(f"working directory: {os.getcwd()}", "nothing started; 0 tasks taken"),  # noqa: PTH109 - a string is what is shown
    )
