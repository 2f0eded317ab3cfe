"""Books that end the process in the middle of what they do, as SIGKILL would."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import Clock
from cloud_tasks.loading import TaskBook
from cloud_tasks.monitor import OutputFile
from cloud_tasks.task_db import Applied, EventBook

T = TypeVar("T")

WITHIN = 0.5
"""Up to here the transaction is still open."""
STORED = 0.7
"""Up to here it is committed, and nothing is in the file."""
TORN = 0.9
"""Up to here the last line of the file is cut short; after that, nothing is acked."""


class Killed(BaseException):
    """Nothing of the process runs any more.

    Args:
        where: What it was about.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(where)


class Mortal(Protocol):
    """A process that can be killed."""

    def dies_at(self) -> float | None:
        """Where it dies this time, between 0 and 1; None if it lives."""
        ...

    def kill(self, where: str) -> None:
        """SIGKILL: nothing of it is run any more, once this step has been left."""
        ...


def _die(process: Mortal, where: str) -> NoReturn:
    process.kill(where)
    raise Killed(where)


class _Fatal(bytes):
    """A message at which the process dies, when it comes to be stored."""

    process: Mortal

    def decode(self, *_: object, **__: object) -> str:
        _die(self.process, "in the middle of a transaction")


class MortalEventBook(EventBook):
    """The database, as a monitor has it that may be killed while it stores events.

    Args:
        path: The database.
        process: Whose it is.

    Attributes:
        process: Whose it is.
        place: Where it dies this time; None if it lives.
    """

    def __init__(self, path: Path, process: Mortal) -> None:
        """Open it; see `EventBook`."""
        super().__init__(path)
        self.process = process
        self.place: float | None = None

    def apply(self, bodies: Sequence[bytes]) -> list[Applied]:
        """Store messages; see `EventBook`."""
        self.place = place = self.process.dies_at()
        if place is not None and place < WITHIN:
            bodies = self._with_fatal(bodies, int(place / WITHIN * len(bodies)))
        applied = super().apply(bodies)
        if place is not None and place < STORED:
            _die(self.process, "when events were stored")
        return applied

    def _with_fatal(self, bodies: Sequence[bytes], number: int) -> list[bytes]:
        fatal = _Fatal(bodies[number])
        fatal.process = self.process
        return [*bodies[:number], fatal, *bodies[number + 1 :]]


class MortalOutput:
    """An `EventOutput` of a monitor that may be killed while it writes, or after that.

    Args:
        path: The file.
        book: The database, which knows when that is.
    """

    def __init__(self, path: Path, book: MortalEventBook) -> None:
        """Open it; see `OutputFile`."""
        self._path = path
        self._book = book
        self._file = OutputFile(path, book)

    def catch_up(self) -> None:
        """Append what has been stored since."""
        place = self._book.place
        before_bytes = self._path.stat().st_size
        self._file.catch_up()
        if place is None:
            return
        if place < TORN:
            written_bytes = self._path.stat().st_size - before_bytes
            share = (place - STORED) / (TORN - STORED)
            os.truncate(self._path, before_bytes + int(share * written_bytes))
        _die(self._book.process, "when events were written to the file")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class MortalTaskBook(TaskBook):
    """The database, as a producer has it that may be killed while it writes down how far it is.

    Args:
        path: The database.
        clock: What time it is when a task is sent.
        process: Whose it is.
    """

    def __init__(self, path: Path, clock: Clock, process: Mortal) -> None:
        """Open it; see `TaskBook`."""
        super().__init__(path, clock)
        self._process = process
        self._dead = False

    def close(self) -> None:
        """Let go of the database."""
        self._dead = True
        super().close()

    def add(self, tasks: Sequence[Task]) -> int:
        """See `LoadBook`."""
        return self._write("tasks are noted", partial(super().add, tasks), 0)

    def take(self, tasks_max: int) -> list[Task]:
        """See `LoadBook`."""
        return self._write("tasks are noted as being sent", partial(super().take, tasks_max), [])

    def give_back(self, task_ids: Iterable[str]) -> None:
        """See `LoadBook`."""
        self._write("tasks are given back", partial(super().give_back, task_ids), None)

    def confirm(self, task_ids: Iterable[str]) -> None:
        """See `LoadBook`."""
        self._write("tasks are confirmed", partial(super().confirm, task_ids), None)

    def _write(self, what: str, act: Callable[[], T], nothing: T) -> T:
        """Live through it, or not. What is done on the way out of a dead process is not done."""
        if self._dead:
            return nothing
        place = self._process.dies_at()
        if place is not None and place < WITHIN:
            _die(self._process, f"before {what}")
        result = act()
        if place is not None:
            _die(self._process, f"after {what}")
        return result
