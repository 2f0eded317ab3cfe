"""The worker's events in the words of those who watch task functions: `worker_online` and so on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from cloud_tasks.core.events import (
    Event,
    EventRecord,
    KeepAlive,
    TaskCompleted,
    TaskDeadLettered,
    TaskEvent,
    TaskException,
    TaskExited,
    TaskInterrupted,
    TaskStarted,
    TaskTimedOut,
    WorkerStarted,
    WorkerStopped,
)
from cloud_tasks.interfaces import Clock
from cloud_tasks.version import __version__

Message: TypeAlias = dict[str, Any]
"""One event, as it is published: a JSON object."""

SOFTWARE = "cloud_tasks"
_MS = 1000.0
_TYPE_OF_WORKER_EVENT: dict[type[Event], str] = {
    WorkerStarted: "worker_online",
    KeepAlive: "worker_heartbeat",
    WorkerStopped: "worker_offline",
}


class WorkerEvents:
    """Translates the events of one worker.

    Args:
        worker_id: Its name.
        queues: Its queues.
        heartbeat_s: Time between heartbeats; 0: none.
        clock: Tells how long it has been up.
    """

    def __init__(self, worker_id: str, queues: Sequence[str], heartbeat_s: float, clock: Clock) -> None:
        self._worker_id = worker_id
        self._queues = list(queues)
        self._heartbeat_s = heartbeat_s
        self._clock = clock
        self._since = clock.monotonic()
        self._active = 0
        self._processed = 0

    def translate(self, record: EventRecord) -> Message | None:
        """The message for an event; None for one that nobody is told of here."""
        event = record.event
        if isinstance(event, TaskStarted):
            self._active += 1
            return self._task("task_started", record, event)
        if isinstance(event, TaskEvent):
            if not isinstance(event, TaskDeadLettered):
                self._active = max(0, self._active - 1)
                self._processed += 1
            return self._end(record, event)
        kind = _TYPE_OF_WORKER_EVENT.get(type(event))
        return None if kind is None else self._worker(kind, record)

    def _worker(self, kind: str, record: EventRecord) -> Message:
        return {
            "event_type": kind,
            "worker_id": self._worker_id,
            "hostname": record.hostname,
            "timestamp": record.timestamp,
            "freq": self._heartbeat_s,
            "active": self._active,
            "processed": self._processed,
            "queues": self._queues,
            "sw_ident": SOFTWARE,
            "sw_ver": __version__,
            "uptime_seconds": round(self._clock.monotonic() - self._since, 3),
        }

    def _task(self, kind: str, record: EventRecord, event: TaskEvent | TaskStarted) -> Message:
        return {
            "event_type": kind,
            "task_id": event.task_id,
            "task_name": event.task_name,
            "queue": event.queue,
            "worker_id": self._worker_id,
            "timestamp": record.timestamp,
            "attempt": event.attempt,
            "duration_ms": None,
            "result": None,
            "error": None,
            "traceback": None,
        }

    def _end(self, record: EventRecord, event: TaskEvent) -> Message:
        kind, error, traceback = _end_of(event)
        message = self._task(kind, record, event)
        message["duration_ms"] = round(event.elapsed_time * _MS, 3)
        message["error"], message["traceback"] = error, traceback
        if isinstance(event, TaskCompleted):
            message["result"] = event.result
        return message


def enqueued_message(timestamp: str, task_id: str, name: str, queue: str) -> Message:
    """What is told of a task that was put into a queue."""
    return {
        "event_type": "task_enqueued",
        "task_id": task_id,
        "task_name": name,
        "queue": queue,
        "worker_id": None,
        "timestamp": timestamp,
        "attempt": 0,
        "duration_ms": None,
        "result": None,
        "error": None,
        "traceback": None,
    }


def _end_of(event: TaskEvent) -> tuple[str, str | None, str | None]:
    """Type, error and traceback of the message about the end of an attempt."""
    if isinstance(event, TaskInterrupted):
        return "task_cancelled", event.reason, None
    kind = "task_retrying" if event.retry else "task_failed"
    if isinstance(event, TaskCompleted):
        return ("task_retrying" if event.retry else "task_completed"), None, None
    if isinstance(event, TaskException):
        lines = event.exception.strip().splitlines()
        return kind, lines[-1] if lines else "", event.exception
    if isinstance(event, TaskTimedOut):
        return kind, "TimeoutError: it ran for longer than it may", event.stderr_tail or None
    if isinstance(event, TaskExited):
        how = f"ended by {event.signal}" if event.signal else f"exit status {event.exit_code}"
        return kind, f"the process of the task {how}", event.stderr_tail or None
    assert isinstance(event, TaskDeadLettered)  # noqa: S101 - there are no others
    return kind, event.reason, None
