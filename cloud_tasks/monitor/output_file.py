"""The file that `--output-file` names: each event as a line of JSON."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.task_db import EventBook

_BLOCK_BYTES = 1 << 20


class OutputFile:
    """A file that follows the database: what is stored there and not yet here is appended.

    Because the database comes first, a kill leaves the file short at worst. When it is opened, its last line
    is looked for in the database, and what follows there is appended: each event is in it once.

    Attributes:
        is_foreign: Whether the last event of the file is not in the database; then only what is stored from
            now on is appended.

    Args:
        path: The file; made if it is not there.
        book: The database.
    """

    def __init__(self, path: Path, book: EventBook) -> None:
        """Open it, and append what is missing.

        Raises:
            ConfigurationError: It cannot be written; `catch_up` raises this, too.
        """
        self._path = path
        self._book = book
        self.is_foreign = False
        self._fd = self._open()
        try:
            self._last_id = self._find_last_id()
            self.catch_up()
        except OSError as error:
            self.close()
            raise ConfigurationError(self._problem(error)) from error
        except BaseException:  # boundary: closed, and raised again
            self.close()
            raise

    def catch_up(self) -> None:
        """Append what has been stored since."""
        block = bytearray()
        for event_id, body in self._book.events(self._last_id):
            block += body.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"
            if len(block) >= _BLOCK_BYTES:
                self._write(block)
                block.clear()
            self._last_id = event_id
        self._write(block)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def _open(self) -> int:
        flags = os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            is_special = self._path.exists() and not self._path.is_file()
            return os.open(self._path, flags | (os.O_WRONLY if is_special else os.O_RDWR), 0o666)
        except OSError as error:
            raise ConfigurationError(self._problem(error)) from error

    def _find_last_id(self) -> int:
        """Which event of the database is the last in the file; a line that a kill cut short is taken away."""
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            return self._book.last_id()
        end = os.fstat(self._fd).st_size
        line, start = self._line_before(end)
        if line and not line.endswith(b"\n"):
            if self._book.find(line) is None:
                os.ftruncate(self._fd, start)
                line, _ = self._line_before(start)
            else:
                self._write(b"\n")
        if not line:
            return 0
        found = self._book.find(line)
        self.is_foreign = found is None
        return self._book.last_id() if found is None else found

    def _line_before(self, end: int) -> tuple[bytes, int]:
        """The last line of what is before a place, and where it begins."""
        start, line = end, b""
        while start > 0:
            size = min(_BLOCK_BYTES, start)
            start -= size
            line = os.pread(self._fd, size, start) + line
            if (newline := line.rfind(b"\n", 0, -1)) >= 0:
                return line[newline + 1 :], start + newline + 1
        return line, 0

    def _write(self, block: bytes | bytearray) -> None:
        rest = memoryview(bytes(block))
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
