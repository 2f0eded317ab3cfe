"""An opened task file: bytes that stay the same from check to last task, whatever becomes of its name."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from cloud_tasks.diagnostics import near
from cloud_tasks.errors import Problem, TaskFileError


class OpenedFile:
    """A file that is held open, and read by position, so that several readers do not disturb one another.

    Attributes:
        name: What to call it in messages.
        suffix: How its name ends, in lower case, with the dot.
        size_bytes: Its size when it was opened.
    """

    def __init__(self, descriptor: int, name: str, suffix: str) -> None:
        self.name = name
        self.suffix = suffix.lower()
        self._descriptor = descriptor
        self._signature = self._look()
        self.size_bytes = self._signature[0]

    def close(self) -> None:
        """Let go of the file; reading it afterwards is an error."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def read_at(self, offset_bytes: int, size_bytes: int) -> bytes:
        """Bytes from a position on; b"" at the end.

        Raises:
            TaskFileError: The file was changed since it was opened, or cannot be read.
        """
        try:
            data = os.pread(self._descriptor, size_bytes, offset_bytes)
            signature = self._look()
        except OSError as error:
            raise TaskFileError(Problem(f"cannot read {self.name}: {error.strerror}")) from error
        if signature != self._signature:
            raise TaskFileError(
                Problem(
                    f"{self.name} was changed while it was in use",
                    helps=("start again when nothing writes to it any more",),
                    notes=(f"it had {self._signature[0]:,} bytes, now {signature[0]:,}",),
                )
            )
        return data

    def _look(self) -> tuple[int, int]:
        status = os.fstat(self._descriptor)
        return status.st_size, status.st_mtime_ns


class PositionedReader:
    """Reads an opened file from its start on.

    Attributes:
        position_bytes: How much was read.
    """

    def __init__(self, opened: OpenedFile, on_read: Callable[[int], None] | None = None) -> None:
        self.position_bytes = 0
        self._opened = opened
        self._on_read = on_read

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes; b"" at the end."""
        data = self._opened.read_at(self.position_bytes, size if size >= 0 else self._opened.size_bytes)
        self.position_bytes += len(data)
        if self._on_read is not None:
            self._on_read(self.position_bytes)
        return data


def open_local(path: str) -> OpenedFile:
    """Open a file on this machine.

    Raises:
        TaskFileError: There is no such file, it is not a regular file, or it may not be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise TaskFileError(_missing(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TaskFileError(Problem(f"cannot open task file `{path}`: {reason}")) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise TaskFileError(_not_regular(path))
    return OpenedFile(descriptor, path, Path(path).suffix)


def _missing(path: str) -> Problem:
    folder = Path(path).parent
    notes = [] if folder.is_absolute() else [f"the working directory is {Path.cwd()}"]
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        notes.append(f"there is no folder `{folder}`")
        names = []
    likely = near(Path(path).name, names)
    return Problem(
        f"there is no task file `{path}`",
        hint="" if likely is None else f"did you mean `{folder / likely}`?",
        notes=tuple(notes),
    )


def _not_regular(path: str) -> Problem:
    kind = "a folder" if Path(path).is_dir() else "not a regular file"
    return Problem(
        f"`{path}` is {kind}",
        helps=("parts of a task file are read more than once: save a stream to a file",)
        if kind != "a folder"
        else (),
    )
