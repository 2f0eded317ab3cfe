"""A task database as a judge reads it: what is committed, and nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import Struct

_FINAL = ("completed", "exception", "timed_out", "exited_without_status", "dead_lettered")


class TaskRow(Struct, frozen=True):
    """What it holds of a task.

    Attributes:
        status: Its status.
        attempt: Of the attempt that this is about; None where there was none.
    """

    status: str
    attempt: int | None

    @property
    def is_final(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in _FINAL


class EventRow(Struct, frozen=True):
    """What it holds of an event.

    Attributes:
        body: The message.
        effect: What became of it.
    """

    body: str
    effect: str


class Reader:
    """Reads a database beside those who write into it.

    Args:
        path: The database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: set[str] = set()
        self._last = 0

    def tasks(self) -> dict[str, TaskRow]:
        """Every task, by its id."""
        rows = self._rows("SELECT task_id, status, attempt FROM tasks")
        return {str(task_id): TaskRow(str(status), attempt) for task_id, status, attempt in rows}

    def events(self) -> list[EventRow]:
        """Every event, in the order in which they were stored."""
        rows = self._rows("SELECT raw_event, effect FROM events ORDER BY id")
        return [EventRow(str(body), str(effect)) for body, effect in rows]

    def holds(self, body: str) -> bool:
        """Whether an event is stored; looks only for what is new since the last time."""
        if body not in self._seen:
            for number, new in self._rows("SELECT id, raw_event FROM events WHERE id > ?", self._last):
                self._seen.add(str(new))
                self._last = max(self._last, number)
        return body in self._seen

    def _rows(self, statement: str, *values: int) -> list[tuple[Any, ...]]:
        if not self._path.exists():
            return []
        with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return db.execute(statement, values).fetchall()
