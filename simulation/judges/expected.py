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
from simulation.judges.records import Life, RunRecord

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
    if type(event) is TaskInterrupted:
        if event.reason == "lease_lost":
            return NOTHING
        return INTERRUPTED if event.retry else DEAD_LETTER
    if by_server:
        return ACK
    if not wants_retry(event, policy):
        return DEAD_LETTER if policy.keep_failed and kind is not TaskCompleted else ACK
    return DEAD_LETTER if is_reached(policy.attempts_max, event.attempt) else RETRY


def is_reached(most: int | None, number: int) -> bool:
    """Whether there is a bound, and it is reached; judges do not ask the worker's own policy."""
    return most is not None and number >= most


def wants_retry(event: TaskEvent, policy: RetryPolicy) -> bool:
    """Whether an end that was the task's own asks for another attempt, budget apart."""
    if type(event) is TaskCompleted:
        return event.retry_requested
    if type(event) is TaskException:
        return policy.on_exception and event.exception_kind == EndKind.RAISED.value
    return bool(getattr(policy, _WANTED_BY[type(event)]))


def may_have_failed(run: RunRecord, policy: RetryPolicy, max_runtime_s: float, heard_at: float) -> bool:
    """Whether a run may be told for a failure that is not tried again; which it was, its event has to say.

    Args:
        run: It is over.
        policy: What is to be tried again.
        max_runtime_s: As for `may_be_told_so`.
        heard_at: Likewise.
    """
    if run.end is None or run.end.kind is EndKind.RETURNED:
        return False
    if not policy.on_timeout and _is_too_long(run, max_runtime_s, heard_at):
        return True
    wanted = {EndKind.RAISED: policy.on_exception, EndKind.EXITED: policy.on_exit}
    return not wanted.get(run.end.kind, False)


def comes_back(verdict: str) -> bool:
    """Whether the event has to say that the task goes back to the queue."""
    return verdict in (RETRY, INTERRUPTED, NOTHING)


def is_for_the_end(event: TaskEvent) -> bool:
    """Whether a run was ended because its worker, or its machine, was to end."""
    return type(event) is TaskInterrupted and event.reason in ("shutdown", "spot_termination")


def kind_of(event: TaskEvent) -> OutcomeKind | None:
    """Under which name an ack tells it; None where there is no ack for it."""
    return _KINDS.get(type(event))


def may_end_so(event: TaskEvent, end: RunEnd) -> bool:
    """Whether a run that ended like this may be told by that event."""
    if type(event) is TaskCompleted:
        return end.kind is EndKind.RETURNED and not end.signal and not end.oom_killed
    if type(event) is TaskException:
        return end.kind not in (EndKind.RETURNED, EndKind.EXITED)
    if type(event) is TaskExited:
        return end.kind is EndKind.EXITED
    return end.kind is not EndKind.RETURNED


def may_be_told_so(event: TaskEvent, run: RunRecord, max_runtime_s: float, heard_at: float) -> bool:
    """Whether that event may tell of a run, by how it ended and who ended it.

    Args:
        event: What is told.
        run: It is over.
        max_runtime_s: After so long a run is too long, clocks allowed for.
        heard_at: When its worker could hear of its end at last.
    """
    if run.end is None or not may_end_so(event, run.end):
        return False
    if type(event) is TaskTimedOut:
        return _is_too_long(run, max_runtime_s, heard_at)
    return type(event) is TaskCompleted or not run.stopped


def _is_too_long(run: RunRecord, max_runtime_s: float, heard_at: float) -> bool:
    began_at = heard_at if run.began_at is None else run.began_at
    return max(run.term_at or 0.0, heard_at) - began_at >= max_runtime_s


def end_heard_at(run: RunRecord, life: Life | None) -> float:
    """When the worker of a run could hear of its end at last."""
    over_at = run.over_at or 0.0
    return over_at if life is None else max(over_at, life.continued_at)


def tells_of(event: TaskEvent, run: RunRecord) -> bool:
    """Whether what an event says of a run is what came of this one."""
    end = run.end
    if end is None or event.attempt != run.attempt:
        return False
    if type(event) is TaskCompleted:
        return event.result == end.result and event.retry_requested == end.retry
    if type(event) is TaskException:
        return (event.exception, event.exception_kind) == (end.exception, end.kind.value)
    if type(event) is TaskExited:
        told = event.exit_code, event.signal, event.oom_killed
        return told == (end.exit_code, end.signal, end.oom_killed)
    return True
