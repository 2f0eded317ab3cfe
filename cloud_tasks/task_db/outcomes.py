"""What an event says of a task. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from cloud_tasks.task_db.messages import Event, as_json, integer, moment, seconds, text, utc

FINAL = ("completed", "exception", "timed_out", "exited_without_status", "dead_lettered", "failed")
"""Statuses of a task of which nothing more will come; the last one is written by older programs only."""
IN_QUEUE = ("pending", "in_queue_original")
"""Statuses of a task of which nothing has come."""
_WITH_RETRY = "_with_retry"

_STATUS_OF_TYPE = {
    "task_completed": "completed",
    "task_exception": "exception",
    "task_timed_out": "timed_out",
    "task_exited": "exited_without_status",
    "task_dead_lettered": "dead_lettered",
}
OUTCOME_TYPES = frozenset(_STATUS_OF_TYPE)
"""Types of the events that tell a task's status."""


class TaskOutcome(Struct, frozen=True):
    """The end of one attempt, as the table of tasks holds it.

    Attributes:
        task_id: The task.
        status: Its status from now on.
        retry: Whether it went back to the queue.
        attempt: Number of the attempt; None where the event does not tell.
        started_at: When it began; ISO 8601, UTC; None where that is not known.
        completed_at: When it ended; likewise.
        elapsed_time: Seconds that it took; None where nothing ran.
        hostname: Where it ran.
        result: What it returned, as JSON.
        exception: The traceback, or why the task was put aside.
        exit_code: Exit status of its process.
    """

    task_id: str
    status: str
    retry: bool
    attempt: int | None
    started_at: str | None
    completed_at: str | None
    elapsed_time: float | None
    hostname: str | None
    result: str | None
    exception: str | None
    exit_code: int | None

    @property
    def rank(self) -> tuple[int, str, str]:
        """Of two outcomes that are both not final, the one of higher rank is the later one."""
        return rank(self.attempt, self.completed_at, self.status)


def rank(attempt: int | None, completed_at: str | None, status: str) -> tuple[int, str, str]:
    """See `TaskOutcome.rank`: by attempt, then by time; the status only makes it one order for everybody."""
    return attempt or 0, completed_at or "", status


def outcome_of(event: Event) -> TaskOutcome | None:
    """What an event says of a task; None if it names none, or tells of no attempt's end."""
    status, task_id = _STATUS_OF_TYPE.get(event["event_type"]), text(event.get("task_id"))
    if status is None or task_id is None:
        return None
    put_aside = status == "dead_lettered"
    retry = bool(event.get("retry")) and not put_aside
    ended = moment(event.get("timestamp"))
    elapsed_s = None if put_aside else seconds(event.get("elapsed_time"))
    return TaskOutcome(
        task_id,
        status + _WITH_RETRY if retry else status,
        retry,
        integer(event.get("attempt")),
        _started(ended, elapsed_s),
        utc(event.get("timestamp")),
        elapsed_s,
        text(event.get("hostname")),
        as_json(event["result"]) if "result" in event else None,
        text(event.get("reason" if put_aside else "exception")),
        integer(event.get("exit_code")),
    )


def _started(ended: datetime | None, elapsed_s: float | None) -> str | None:
    if ended is None or elapsed_s is None:
        return None
    try:
        return (ended - timedelta(seconds=elapsed_s)).isoformat()
    except OverflowError:
        return None
