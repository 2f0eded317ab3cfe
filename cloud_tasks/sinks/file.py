"""Events as JSON lines in a file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from functools import partial

from cloud_tasks.core.events import EventRecord
from cloud_tasks.errors import ConfigurationError, Problem, SinkUnavailableError
from cloud_tasks.sinks.append_file import AppendFile
from cloud_tasks.sinks.background import Background

CLOSE_WAIT_S = 10.0
"""How long `aclose` waits for writes that are under way."""


class FileSink:
    """Appends each event to a file, as one JSON object a line.

    Durable means: handed to the operating system, so that it survives the end of this process by whatever
    signal; with `fsync` also that of the machine. Writing is done in a thread, so that a slow disk holds up
    nothing but the settlement of the tasks whose events wait for it. Events for displays alone
    (`queue_only`) are left out. After a failed write the same events may be emitted again.

    Args:
        path: The file; created if it does not exist, appended to if it does. Its directory must exist.
        fsync: Whether each batch waits for the disk itself.

    Raises:
        ConfigurationError: The file cannot be written to.
    """

    def __init__(self, path: str | os.PathLike[str], *, fsync: bool = False) -> None:
        self._path = os.fspath(path)
        self._fsync = fsync
        try:
            self._file = AppendFile(self._path)
        except (OSError, ValueError) as error:
            raise ConfigurationError(_problem(self._path, error)) from error
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
            await self._background.call(partial(self._append, wanted))
        except OSError as error:
            message = f"cannot write to the event log `{self._path}`: {error.strerror}"
            raise SinkUnavailableError(message) from error

    async def aclose(self) -> None:
        """Wait for the writes under way, for a bounded time, and close the file."""
        if self._closed:
            return
        self._closed = True
        try:
            await asyncio.wait_for(self._background.call(self._file.close), CLOSE_WAIT_S)
        except TimeoutError as error:
            message = f"the event log `{self._path}` does not take its last events"
            raise SinkUnavailableError(message) from error
        finally:
            self._background.end()

    def _append(self, records: list[EventRecord]) -> None:
        lines = [record.encode() for record in records]
        lines.append(b"")
        self._file.append(b"\n".join(lines), fsync=self._fsync)


def _problem(path: str, error: OSError | ValueError) -> Problem:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    directory = os.path.dirname(path) or "."  # noqa: PTH120 - the path as it was given
    helps = ["choose another file with `--event-log-file`, or none with `--no-event-log-to-file`"]
    if not os.path.isdir(directory):  # noqa: PTH112 - as above
        helps.insert(0, f"create the directory `{directory}`")
    return Problem(
        f"cannot write the event log `{path}`: {reason}",
        helps=tuple(helps),
        notes=(f"working directory: {os.getcwd()}", "nothing started; 0 tasks taken"),  # noqa: PTH109 - a string is what is shown
    )
