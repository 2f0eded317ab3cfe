"""Processes that a task forks and lets return from its function: they end there, and answer for nobody."""

from __future__ import annotations

import os
import sys

from cloud_tasks.runners import endings
from cloud_tasks.runners.tracebacks import traceback_text


def end_other_than(pid: int) -> None:
    """End this process unless it is that one. For a `finally`: what is being raised decides the status.

    Inherited exit functions are not run: they would take away what the forking process still works with.
    """
    if os.getpid() == pid:
        return
    error = sys.exc_info()[1]
    if isinstance(error, GeneratorExit):
        return  # a coroutine that a fork throws away is none that it has run
    status = 1
    try:
        status = _status_of(error)
        endings.flush_streams()
    finally:
        os._exit(status)


def _status_of(error: BaseException | None) -> int:
    if error is None:
        return 0
    if isinstance(error, SystemExit):
        return exit_status(error)
    sys.stderr.write(traceback_text(error))
    return 1


def exit_status(stop: SystemExit) -> int:
    """What the interpreter would have made of it."""
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    print(stop.code, file=sys.stderr)  # noqa: T201 - as the interpreter does
    return 1
