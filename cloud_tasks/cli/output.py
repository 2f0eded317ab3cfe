"""Writing to standard output and standard error, which may be full or gone."""

from __future__ import annotations

from typing import TextIO

from cloud_tasks.errors import CloudTasksError


class OutputError(CloudTasksError):
    """What is to be told cannot be written."""


def write(stream: TextIO, *lines: str) -> None:
    """Write lines, and see that they are written.

    Raises:
        BrokenPipeError: Nobody reads any more.
        OutputError: They cannot be written.
    """
    try:
        stream.write("".join(f"{line}\n" for line in lines))
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to {stream.name}: {error.strerror}") from error
