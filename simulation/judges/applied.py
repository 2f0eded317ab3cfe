"""What a task database must come to, from the events alone: a model of it, in a few lines."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from cloud_tasks.core.events import (
    EventRecord,
    TaskCompleted,
    TaskDeadLettered,
    TaskEvent,
    TaskException,
    TaskExited,
    TaskTimedOut,
)

_STATUSES: dict[type, str] = {
    TaskCompleted: "completed",
    TaskException: "exception",
    TaskTimedOut: "timed_out",
    TaskExited: "exited_without_status",
    TaskDeadLettered: "dead_lettered",
}


class Known(Struct, frozen=True):
    """What is known of a task.

    Attributes:
        status: Its status.
        attempt: Of the attempt that it is about.
        final: Whether nothing more will come of it.
        at: When that attempt ended, by its machine's clock.
    """

    status: str
    attempt: int
    final: bool
    at: datetime


class Model:
    """Takes events in, each once, in the order in which they were stored.

    Args:
        tasks: How many tasks there are.

    Attributes:
        known: What is known of each task of which something is.
    """

    def __init__(self, tasks: int) -> None:
        self.known: dict[str, Known] = {}
        self._ids = {f"task-{number + 1}" for number in range(tasks)}

    def effect(self, record: EventRecord) -> str:
        """What an event makes of its task; see the documentation of the monitor."""
        event = record.event
        status = _STATUSES.get(type(event))
        if status is None or not isinstance(event, TaskEvent):
            return "noted"
        if event.task_id not in self._ids:
            return "unknown_task"
        comes_back = event.retry and status != "dead_lettered"
        new = Known(
            f"{status}_with_retry" if comes_back else status,
            event.attempt,
            not comes_back,
            datetime.fromisoformat(record.timestamp),
        )
        old = self.known.get(event.task_id)
        if old is not None and (old.final or (comes_back and _order(new) <= _order(old))):
            return "late"
        self.known[event.task_id] = new
        return "applied"


def _order(known: Known) -> tuple[int, datetime, str]:
    """Of two attempts that both came back, the one of the higher number is the later one."""
    return known.attempt, known.at, known.status
