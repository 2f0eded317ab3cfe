"""What an event says of a task. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

FINAL = ("completed", "exception", "timed_out", "exited_without_status", "dead_lettered")
"""Statuses of a task of which nothing more will come."""
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
Event: TypeAlias = dict[str, Any]


class TaskOutcome(Struct, frozen=True):
    """The end of one attempt, as the table of tasks holds it.

    Attributes:
        task_id: The task.
        status: Its status from now on.
        retry: Whether it went back to the queue.
        attempt: Number of the attempt; None where the event does not tell.
        row: Values of the columns started_at, completed_at, elapsed_time, hostname, result, exception and
            exit_code.
    """

    task_id: str
    status: str
    retry: bool
    attempt: int | None
    row: tuple[str | float | int | None, ...]


def decode(body: bytes) -> Event | None:
    """An event; None if the bytes are none."""
    try:
        event = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("event_type"), str):
        return None
    return event


def outcome_of(event: Event) -> TaskOutcome | None:
    """What an event says of a task; None if it ends no attempt."""
    task_id = event.get("task_id")
    status = _STATUS_OF_TYPE.get(event["event_type"])
    if status is None or not isinstance(task_id, str):
        return None
    retry = event.get("retry") is True
    attempt = event.get("attempt")
    return TaskOutcome(
        task_id,
        status + _WITH_RETRY if retry else status,
        retry,
        attempt if isinstance(attempt, int) else None,
        _row(event),
    )


def _row(event: Event) -> tuple[str | float | int | None, ...]:
    ended, elapsed = _text(event.get("timestamp")), event.get("elapsed_time")
    elapsed_s = float(elapsed) if isinstance(elapsed, int | float) else None
    exit_code = event.get("exit_code")
    return (
        _started(ended, elapsed_s),
        ended,
        elapsed_s,
        _text(event.get("hostname")),
        _as_json(event["result"]) if "result" in event else None,
        _text(event.get("exception")),
        exit_code if isinstance(exit_code, int) else None,
    )


def _started(ended: str | None, elapsed_s: float | None) -> str | None:
    if ended is None or elapsed_s is None:
        return None
    try:
        return (datetime.fromisoformat(ended) - timedelta(seconds=elapsed_s)).isoformat()
    except (ValueError, OverflowError):
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
