"""The worker's events in the words of those who watch task functions: `worker_online` and so on."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_tasks.core.events import (
    Event,
    EventRecord,
    FatalException,
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
from cloud_tasks.sinks.worker_messages import (
    ERROR_CHARACTERS_MAX,
    TRACEBACK_CHARACTERS_MAX,
    Message,
    TaskMessage,
    WorkerMessage,
    fitting_result,
)
from cloud_tasks.version import __version__

SOFTWARE = "cloud_tasks"
DISPATCHER = "dispatcher"
"""Whose a task is said to be before a worker has it."""
_OVER = ("task_completed", "task_failed")
_TYPE_OF_WORKER_EVENT: dict[type[Event], str] = {
    WorkerStarted: "worker_online",
    KeepAlive: "worker_heartbeat",
    WorkerStopped: "worker_offline",
    FatalException: "worker_offline",
}


class WorkerEvents:
    """Translates the events of one worker, and counts.

    Args:
        worker_id: Its name.
        queues: Its queues.
        heartbeat_s: Time between heartbeats; 0: none.
        clock: Tells how long it has been up.
    """

    def __init__(self, worker_id: str, queues: Sequence[str], heartbeat_s: float, clock: Clock) -> None:
        self._worker_id = worker_id
        self._queues = tuple(queues)
        self._heartbeat_s = heartbeat_s
        self._clock = clock
        self._since = clock.monotonic()
        self._active: set[tuple[str, str, int]] = set()
        self._processed = 0

    def translate(self, record: EventRecord) -> Message | None:
        """The message for an event; None for one that nobody is told of here."""
        event = record.event
        if isinstance(event, TaskStarted):
            self._active.add(_attempt_of(event))
            return self._task("task_started", record, event)
        if isinstance(event, TaskEvent):
            return self._end(record, event)
        kind = _TYPE_OF_WORKER_EVENT.get(type(event))
        return None if kind is None else self._worker(kind, record)

    def _worker(self, kind: str, record: EventRecord) -> WorkerMessage:
        return WorkerMessage(
            event_type=kind,
            worker_id=self._worker_id,
            hostname=record.hostname,
            timestamp=record.timestamp,
            freq=self._heartbeat_s,
            active=len(self._active),
            processed=self._processed,
            queues=self._queues,
            sw_ident=SOFTWARE,
            sw_ver=__version__,
            uptime_seconds=int(self._clock.monotonic() - self._since),
        )

    def _task(self, kind: str, record: EventRecord, event: TaskEvent | TaskStarted) -> TaskMessage:
        return TaskMessage(
            event_type=kind,
            task_id=event.task_id,
            task_name=event.task_name,
            queue=event.queue,
            worker_id=self._worker_id,
            timestamp=record.timestamp,
            attempt=event.attempt,
        )

    def _end(self, record: EventRecord, event: TaskEvent) -> TaskMessage:
        # One that was given up before its run began is not among the active ones.
        self._active.discard(_attempt_of(event))
        message = self._task(_kind_of(event), record, event)
        self._processed += message.event_type in _OVER
        message.duration_ms = round(event.elapsed_time * 1000)
        if isinstance(event, TaskCompleted):
            message.result = fitting_result(event.result)
            return message
        error, traceback = _failure(event)
        message.error = error[:ERROR_CHARACTERS_MAX]
        message.traceback = traceback[-TRACEBACK_CHARACTERS_MAX:] or None
        return message


def enqueued_message(timestamp: str, task_id: str, name: str, queue: str) -> TaskMessage:
    """What is told of a task that was put into a queue."""
    return TaskMessage(
        event_type="task_enqueued",
        task_id=task_id,
        task_name=name,
        queue=queue,
        worker_id=DISPATCHER,
        timestamp=timestamp,
    )


def error_of(traceback: str) -> str:
    """What a traceback says at its end, all the lines of it; a text that is none, as it is."""
    lines = traceback.strip("\n").splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith('  File "')]
    if not frames:
        return "\n".join(lines)
    rest = frames[-1] + 1
    while rest < len(lines) - 1 and lines[rest].startswith("    "):
        rest += 1
    return "\n".join(lines[rest:])


def _attempt_of(event: TaskEvent | TaskStarted) -> tuple[str, str, int]:
    return event.queue, event.task_id, event.attempt


def _kind_of(event: TaskEvent) -> str:
    """What is told of the end of an attempt: whether the task comes again decides."""
    if isinstance(event, TaskInterrupted) and event.retry:
        return "task_cancelled"
    if event.retry:
        return "task_retrying"
    return "task_completed" if isinstance(event, TaskCompleted) else "task_failed"


def _failure(event: TaskEvent) -> tuple[str, str]:
    """Error and traceback of an attempt that did not complete."""
    if isinstance(event, TaskException):
        return error_of(event.exception), event.exception
    if isinstance(event, TaskTimedOut):
        return f"TimeoutError: {event.reason or 'it ran for longer than it may'}", event.stderr_tail
    if isinstance(event, TaskExited):
        if event.signal:
            return f"the process of the task: ended by {event.signal}", event.stderr_tail
        return f"the task ended with exit status {event.exit_code}", event.stderr_tail
    assert isinstance(event, TaskInterrupted | TaskDeadLettered)  # noqa: S101 - there are no others
    return event.reason, ""
