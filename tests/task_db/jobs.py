"""Small jobs: databases with tasks, and events about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from cloud_tasks.core.events import (
    Event,
    EventRecord,
    KeepAlive,
    SpotTermination,
    TaskCompleted,
    TaskDeadLettered,
    TaskException,
    TaskExited,
    TaskInterrupted,
    TaskTimedOut,
)
from cloud_tasks.task_db.schema import connect

Kind = Literal["completed", "exception", "timed_out", "exited", "dead_lettered"]
KINDS: tuple[Kind, ...] = ("completed", "exception", "timed_out", "exited", "dead_lettered")
STATUSES = {kind: kind for kind in KINDS} | {"exited": "exited_without_status"}
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n{}\n'


def at(second: float) -> str:
    return (START + timedelta(seconds=second)).isoformat()


def record(event: Event, second: float = 0.0, host: str = "host-1") -> EventRecord:
    return EventRecord(at(second), host, event)


def ended(task_id: str, kind: Kind = "completed", **details: Any) -> bytes:
    """The event of an attempt's end, as it is sent; see `end_of`."""
    return end_of(task_id, kind, **details).encode()


def end_of(
    task_id: str,
    kind: Kind = "completed",
    *,
    retry: bool = False,
    attempt: int = 1,
    second: float = 10.0,
    took_s: float = 2.0,
    host: str = "host-1",
    error: str = "ValueError: wrong",
) -> EventRecord:
    """The event of an attempt's end."""
    said: dict[str, Any] = {"task_id": task_id, "elapsed_time": took_s, "retry": retry, "attempt": attempt}
    event: Event
    match kind:
        case "completed":
            event = TaskCompleted(**said, result={"of": task_id}, retry_requested=retry)
        case "exception":
            event = TaskException(**said, exception=TRACEBACK.format(error), exception_kind="raised")
        case "timed_out":
            event = TaskTimedOut(**said, stderr_tail="")
        case "exited":
            event = TaskExited(
                **said, exit_code=3, signal="", oom_killed=False, peak_memory_bytes=None, stderr_tail=""
            )
        case "dead_lettered":
            event = TaskDeadLettered(**{**said, "retry": False}, reason="its 3 attempts were used up")
    return record(event, second, host)


def interrupted(task_id: str, reason: str = "spot_termination", second: float = 5.0) -> bytes:
    event = TaskInterrupted(task_id=task_id, elapsed_time=1.0, retry=True, attempt=1, reason=reason)
    return record(event, second).encode()


def keep_alive(host: str, second: float = 0.0) -> bytes:
    return record(KeepAlive(instance_id=f"i-{host}"), second, host).encode()


def notice(host: str, second: float = 0.0) -> bytes:
    return record(SpotTermination(instance_id=f"i-{host}"), second, host).encode()


def make_job(path: Path, task_ids: Iterable[str], status: str = "in_queue_original") -> Path:
    """A database with tasks."""
    with closing(connect(path)) as db:
        db.execute("BEGIN")
        db.executemany(
            "INSERT INTO tasks (task_id, task_data, status) VALUES (?, '{}', ?)",
            ((task_id, status) for task_id in task_ids),
        )
        db.execute("COMMIT")
    return path


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def row(path: Path, task_id: str) -> dict[str, Any]:
    """The row of a task."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return dict(db.execute("SELECT * FROM tasks WHERE task_id = ?", (task_id,)).fetchone())


def statuses(path: Path) -> dict[str, str]:
    """The status of each task."""
    return dict(rows(path, "SELECT task_id, status FROM tasks ORDER BY task_id"))


def plain(body: bytes) -> dict[str, Any]:
    """An event as a mapping."""
    value: dict[str, Any] = msgspec.json.decode(body)
    return value
