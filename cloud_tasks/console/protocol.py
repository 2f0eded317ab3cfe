"""What the worker tells the person in front of it."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from cloud_tasks.core.events import EventRecord
from cloud_tasks.summary import Summary


class Level(Enum):
    """How much a message matters."""

    DEBUG = "debug"
    """Shown with `--verbose` alone."""
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Stream(Enum):
    """Which of its streams a task wrote to."""

    STDOUT = "stdout"
    STDERR = "stderr"


class Console(Protocol):
    """A display, and an `EventSink` of the kind whose failures never matter.

    No call but `aclose` waits for the terminal or pipe behind it, and none raises because of it. `checking`
    and `message` may be called from any thread, the rest from the event loop's. Order: `checking` any number
    of times, `open`, the rest, `finish`, `aclose`; each may be left out. No thread exists before the first.
    """

    def checking(self, done_bytes: int, total_bytes: int | None, tasks: int) -> None:
        """The task file is being checked: so much of it is read, so many tasks were found."""
        ...

    def open(self, total: int | None) -> None:
        """The work begins, on so many tasks; None where nobody knows. May be called again to correct that."""
        ...

    def task_started(self, task_id: str) -> None:
        """An attempt began. Its event ends it."""
        ...

    def task_progress(self, task_id: str, done: float, total: float | None) -> None:
        """A running task said how far it is."""
        ...

    def output(self, task_id: str, stream: Stream, chunk: bytes) -> bool:
        """Pass on what a task wrote.

        Returns:
            False when so much is waiting that the caller had better `await writable()` before it reads more;
            what comes all the same is left out once there is far too much, and that is said.
        """
        ...

    async def writable(self) -> None:
        """Wait until `output` can take more, but a few seconds at most: a pager must not stop tasks."""
        ...

    def message(self, level: Level, text: str) -> None:
        """Show a message of the worker's own."""
        ...

    async def emit(self, records: list[EventRecord]) -> None:
        """Show what is worth showing of some events. Each event once."""
        ...

    def finish(self, summary: Summary, exit_status: int | None = None) -> None:
        """The work is over: take the bar away and show what it came to.

        The exit status is that of the process, for programs that read the summary; None: the summary's own.
        """
        ...

    async def aclose(self) -> None:
        """Write what is still waiting, unless nobody reads it for a minute."""
        ...
