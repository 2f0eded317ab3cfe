"""The task database, as a load sees it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from cloud_tasks.core.task import Task
from cloud_tasks.errors import Problem, TaskFileError
from cloud_tasks.interfaces import Clock
from cloud_tasks.task_db.database import Database

_PARTS = ("", "-wal", "-shm")
"""A database is up to three files."""

_ADD = "INSERT INTO tasks (task_id, task_data, status) VALUES (?, ?, 'pending') ON CONFLICT DO NOTHING"
_DATA = "SELECT task_data FROM tasks WHERE task_id = ?"
_NEXT = (
    "SELECT rowid, task_id, task_data FROM tasks WHERE status = 'pending' AND enqueued_at IS NULL"
    " ORDER BY rowid LIMIT ?"
)
_NOTE = "UPDATE tasks SET enqueued_at = ? WHERE rowid = ?"
_GIVE_BACK = "UPDATE tasks SET enqueued_at = NULL WHERE task_id = ? AND status = 'pending'"
_CONFIRM = "UPDATE tasks SET status = 'in_queue_original' WHERE task_id = ? AND status = 'pending'"
_IN_DOUBT = "SELECT task_id FROM tasks WHERE status = 'pending' AND enqueued_at IS NOT NULL ORDER BY rowid"
_COUNTS = (
    "SELECT count(*), count(*) FILTER (WHERE status = 'pending' AND enqueued_at IS NULL),"
    " count(*) FILTER (WHERE status = 'in_queue_original' OR status LIKE '%_with_retry') FROM tasks"
)


def put_aside(path: Path) -> Path:
    """Give an old database another name; returns that name, whether there was one or not."""
    aside = path.with_name(f"{path.name}.old")
    remove(aside)
    for part in _PARTS:
        if (file := Path(f"{path}{part}")).exists():
            file.replace(f"{aside}{part}")
    return aside


def remove(path: Path) -> None:
    """Delete a database, if it is there."""
    for part in _PARTS:
        Path(f"{path}{part}").unlink(missing_ok=True)


class TaskBook(Database):
    """A `LoadBook` in the task database, as a context.

    A task is "pending" there; with a time of sending it is being sent. What is confirmed is
    "in_queue_original".

    Args:
        path: The database; made if it is not there.
        clock: What time it is when a task is sent.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open it.

        Raises:
            ConfigurationError: It is no database, or cannot be written; every other method raises this, too.
        """
        super().__init__(path)
        self._clock = clock

    def add(self, tasks: Sequence[Task]) -> int:
        """See `LoadBook`."""
        rows = [(task.task_id, msgspec.json.encode(task.data).decode()) for task in tasks]
        with self._transaction():
            before = self._db.total_changes
            self._db.executemany(_ADD, rows)
            new = self._db.total_changes - before
            if new < len(rows):
                self._compare(tasks)
        return new

    def take(self, tasks_max: int) -> list[Task]:
        """See `LoadBook`."""
        now = self._clock.utc_now().isoformat()
        with self._transaction():
            rows = self._db.execute(_NEXT, (tasks_max,)).fetchall()
            self._db.executemany(_NOTE, [(now, row) for row, _, _ in rows])
        return [Task(task_id, msgspec.json.decode(data)) for _, task_id, data in rows]

    def give_back(self, task_ids: Iterable[str]) -> None:
        """See `LoadBook`."""
        with self._transaction():
            self._db.executemany(_GIVE_BACK, [(task_id,) for task_id in task_ids])

    def confirm(self, task_ids: Iterable[str]) -> None:
        """See `LoadBook`."""
        with self._transaction():
            self._db.executemany(_CONFIRM, [(task_id,) for task_id in task_ids])

    def in_doubt(self) -> list[str]:
        """See `LoadBook`."""
        return [task_id for (task_id,) in self._db.execute(_IN_DOUBT)]

    def counts(self) -> tuple[int, int, int]:
        """See `LoadBook`."""
        total, pending, in_queue = self._db.execute(_COUNTS).fetchone()
        return total, pending, in_queue

    def _compare(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            (data,) = self._db.execute(_DATA, (task.task_id,)).fetchone()
            if msgspec.json.decode(data) != task.data:
                helps = ("go on with the file that the load began with, or begin a new load",)
                message = f"the task `{task.task_id}` is in the database with other data"
                raise TaskFileError(Problem(message, helps=helps))
