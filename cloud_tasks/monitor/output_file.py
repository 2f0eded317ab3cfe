"""The file that `--output-file` names: each event as a line of JSON."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from cloud_tasks.errors import ConfigurationError, Problem

_FILLED_AT_ONCE = 1000


class OutputFile:
    """Appends events to a file; a new one is first filled with those that are stored already.

    A block is written before its events are removed from the queue, so that a kill loses none; it may leave
    some there twice.

    Args:
        path: The file.
        stored: What the database holds, in order.
    """

    def __init__(self, path: Path, stored: Iterable[bytes]) -> None:
        """Open it.

        Raises:
            ConfigurationError: It cannot be written; `write` raises this, too.
        """
        self._path = path
        self._fd = -1
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise ConfigurationError(self._problem(error)) from error
        size_bytes = os.fstat(self._fd).st_size
        if size_bytes == 0:
            rest = iter(stored)
            while block := list(itertools.islice(rest, _FILLED_AT_ONCE)):
                self.write(block)
        elif os.pread(self._fd, 1, size_bytes - 1) != b"\n":
            self._write(b"\n")  # what a kill left half written ends here

    def write(self, bodies: Sequence[bytes]) -> None:
        """Append events."""
        if bodies:
            self._write(b"".join(body.replace(b"\n", b" ") + b"\n" for body in bodies))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def _write(self, block: bytes) -> None:
        rest = memoryview(block)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            raise ConfigurationError(self._problem(error)) from error

    def _problem(self, error: OSError) -> Problem:
        return Problem(
            f"cannot write the events to `{self._path}`: {error.strerror}",
            helps=("name another file with --output-file",),
        )
