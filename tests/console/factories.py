from __future__ import annotations

from cloud_tasks.core.events import (
    Event,
    EventRecord,
    TaskCompleted,
    TaskDeadLettered,
    TaskException,
    TaskExited,
    TaskInterrupted,
    TaskTimedOut,
)
from cloud_tasks.summary import Summary, SummaryBuilder

TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\nValueError: bad value\n'


def record(event: Event) -> EventRecord:
    return EventRecord(timestamp="2026-01-02T03:04:05+00:00", hostname="host", event=event)


def completed(task_id: str, elapsed_s: float = 1.5, *, retry: bool = False) -> TaskCompleted:
    return TaskCompleted(
        task_id=task_id, elapsed_time=elapsed_s, retry=retry, attempt=1, result=None, retry_requested=retry
    )


def raised(task_id: str, exception: str = TRACEBACK, *, retry: bool = False) -> TaskException:
    return TaskException(
        task_id=task_id,
        elapsed_time=0.1,
        retry=retry,
        attempt=1,
        exception=exception,
        exception_kind="raised",
    )


def exited(task_id: str) -> TaskExited:
    return TaskExited(
        task_id=task_id,
        elapsed_time=0.1,
        retry=False,
        attempt=1,
        exit_code=-11,
        signal="SIGSEGV",
        oom_killed=False,
        peak_memory_bytes=None,
        stderr_tail="last words\n",
    )


def timed_out(task_id: str) -> TaskTimedOut:
    return TaskTimedOut(task_id=task_id, elapsed_time=61.2, retry=False, attempt=1, stderr_tail="")


def interrupted(task_id: str, *, retry: bool = False) -> TaskInterrupted:
    return TaskInterrupted(task_id=task_id, elapsed_time=1.0, retry=retry, attempt=1, reason="shutdown")


def dead_lettered(task_id: str) -> TaskDeadLettered:
    return TaskDeadLettered(task_id=task_id, elapsed_time=0.0, retry=False, attempt=1, reason="it is a list")


def summary_of(*events: Event, total: int | None = None) -> Summary:
    builder = SummaryBuilder()
    for event in events:
        builder.add(event)
    return builder.build(worker_id="w", reason="exhausted", elapsed_s=0.5, tasks_total=total)
