"""The one line about a failure that a person reads first."""

from __future__ import annotations

import re
from typing import NamedTuple

from cloud_tasks.core.events import (
    TaskDeadLettered,
    TaskEvent,
    TaskException,
    TaskExited,
    TaskInterrupted,
    TaskTimedOut,
)

_TRACEBACK = "Traceback (most recent call last):"
_GROUP = "Exception Group " + _TRACEBACK
# Both begin with a literal, which is what makes the search through long tracebacks fast.
_FIRST_UNINDENTED = re.compile(r"\n(\S.*)")
_FIRST_OF_GROUP = re.compile(r"\n\s*\| (\w\S*: .*)")
_TYPE_AND_MESSAGE = re.compile(r"([A-Za-z_][\w.]*)(?:: (.*))?$", re.DOTALL)


class Headline(NamedTuple):
    """What went wrong.

    Attributes:
        error: Type of the exception (without its module), name of the signal or the like; or "".
        message: The first line of what came with it.
    """

    error: str
    message: str

    @property
    def text(self) -> str:
        """Both, as at the end of a traceback."""
        return ": ".join(part for part in self if part)


def headline(exception: str) -> Headline:
    """Find what was raised in a traceback, or the first line of any other explanation."""
    start = exception.rfind(_TRACEBACK)
    if start < 0:
        return Headline("", exception.strip().partition("\n")[0])
    if _GROUP in exception:
        found = _FIRST_OF_GROUP.search(exception)
    else:
        found = _FIRST_UNINDENTED.search(exception, start)
    return _split(found[1].rstrip()) if found else Headline("", "")


def _split(line: str) -> Headline:
    found = _TYPE_AND_MESSAGE.match(line)
    if found is None:
        return Headline("", line)
    return Headline(found[1].rpartition(".")[2], found[2] or "")


def headline_of_event(event: TaskEvent) -> Headline:
    """What went wrong with an attempt that did not complete."""
    match event:
        case TaskException():
            found = headline(event.exception)
            return found if found.error else Headline(event.exception_kind, found.message)
        case TaskTimedOut():
            return Headline("", event.reason or "ran longer than its time limit")
        case TaskExited():
            return Headline(_end(event), event.stderr_tail.rstrip().rpartition("\n")[2])
        case TaskInterrupted() | TaskDeadLettered():
            return Headline("", event.reason)
        case _:
            return Headline("", "")


def _end(event: TaskExited) -> str:
    if event.oom_killed:
        return f"{event.signal} (out of memory)"
    return event.signal or f"exit status {event.exit_code}"
