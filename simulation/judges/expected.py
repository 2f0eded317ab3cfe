"""What has to become of a task, by the plan and by what its event says; and whether it does."""

from __future__ import annotations

from cloud_tasks.core.events import (
    TaskCompleted,
    TaskDeadLettered,
    TaskEvent,
    TaskException,
    TaskExited,
    TaskInterrupted,
    TaskTimedOut,
)
from cloud_tasks.core.policy import RetryPolicy
from cloud_tasks.core.task import EndKind, OutcomeKind, RunEnd

ACK, RETRY, INTERRUPTED, DEAD_LETTER = "ack", "retry", "interrupted", "dead_letter"
NOTHING = "nothing"
"""The lease was lost: there is nothing to settle."""

_WANTED_BY = {TaskExited: "on_exit", TaskTimedOut: "on_timeout"}
_KINDS: dict[type[TaskEvent], OutcomeKind] = {
    TaskCompleted: OutcomeKind.COMPLETED,
    TaskException: OutcomeKind.EXCEPTION,
    TaskExited: OutcomeKind.EXITED,
    TaskTimedOut: OutcomeKind.TIMED_OUT,
}


def verdict_on(event: TaskEvent, policy: RetryPolicy, *, by_server: bool = False) -> str:
    """What has to become of the lease of an attempt that this event ends.

    Args:
        event: How it ended.
        policy: What is to be tried again.
        by_server: Whether the queue decides about that: it is told every end of a run.
    """
    kind = type(event)
    if kind is TaskDeadLettered:
        return DEAD_LETTER
    if isinstance(event, TaskInterrupted):
        if event.reason == "lease_lost":
            return NOTHING
        return INTERRUPTED if event.retry else DEAD_LETTER
    if by_server or not wants_retry(event, policy):
        return ACK
    return DEAD_LETTER if policy.exhausted(event.attempt) else RETRY


def wants_retry(event: TaskEvent, policy: RetryPolicy) -> bool:
    """Whether an end that was the task's own asks for another attempt, budget apart."""
    if isinstance(event, TaskCompleted):
        return event.retry_requested
    if isinstance(event, TaskException):
        return policy.on_exception and event.exception_kind == EndKind.RAISED.value
    return bool(getattr(policy, _WANTED_BY[type(event)]))


def comes_back(verdict: str) -> bool:
    """Whether the event has to say that the task goes back to the queue."""
    return verdict in (RETRY, INTERRUPTED, NOTHING)


def kind_of(event: TaskEvent) -> OutcomeKind | None:
    """Under which name an ack tells it; None where there is no ack for it."""
    return _KINDS.get(type(event))


def may_end_so(event: TaskEvent, end: RunEnd) -> bool:
    """Whether a run that ended like this may be told by that event."""
    if isinstance(event, TaskCompleted):
        return end.kind is EndKind.RETURNED and not end.signal and not end.oom_killed
    if isinstance(event, TaskException):
        return end.kind not in (EndKind.RETURNED, EndKind.EXITED)
    if isinstance(event, TaskExited):
        return end.kind is EndKind.EXITED
    return end.kind is not EndKind.RETURNED
