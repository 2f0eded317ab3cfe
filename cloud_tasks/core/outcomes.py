"""From how a run ended to what is recorded of it and what is done with the lease. Pure functions."""

from __future__ import annotations

from cloud_tasks.core.book import Attempt, StopReason, Verdict
from cloud_tasks.core.capabilities import QueueCapabilities
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
from cloud_tasks.core.task import EndKind, HandBack, MalformedTask, Outcome, OutcomeKind, RunEnd

_KIND_OF_END = {
    EndKind.RETURNED: OutcomeKind.COMPLETED,
    EndKind.RAISED: OutcomeKind.EXCEPTION,
    EndKind.WRONG_RETURN: OutcomeKind.EXCEPTION,
    EndKind.NOT_SERIALIZABLE: OutcomeKind.EXCEPTION,
    EndKind.MEMORY_LIMIT: OutcomeKind.EXCEPTION,
    EndKind.EXITED: OutcomeKind.EXITED,
}
_KIND_OF_STOP = {
    StopReason.TIMEOUT: OutcomeKind.TIMED_OUT,
    StopReason.INTERRUPTION: OutcomeKind.INTERRUPTED,
}


def outcome_of_run(
    end: RunEnd, stopped: StopReason | None, elapsed_s: float, policy: RetryPolicy, interruption: str
) -> Outcome:
    """The outcome of a run that ended.

    A complete return value counts, even if it came while the run was being stopped (F17). Whatever else ends
    a run that was being stopped is put down to the stop.
    """
    kind = _KIND_OF_END[end.kind]
    reason = ""
    if stopped is not None and end.kind is not EndKind.RETURNED:
        kind = _KIND_OF_STOP[stopped]
    if kind is OutcomeKind.INTERRUPTED:
        wanted, reason = True, interruption
    else:
        wanted = policy.wants_retry(end, timed_out=kind is OutcomeKind.TIMED_OUT)
    return Outcome(kind=kind, retry_requested=wanted, elapsed_s=elapsed_s, end=end, reason=reason)


def judge(attempt: Attempt, policy: RetryPolicy, capabilities: QueueCapabilities) -> Verdict:
    """What is to be done with the lease; fills in delay and reason of a hand-back."""
    outcome = attempt.outcome
    assert outcome is not None  # noqa: S101 - a verdict without an outcome is a bug of ours
    kind = outcome.kind
    if kind in (OutcomeKind.MALFORMED, OutcomeKind.EXHAUSTED):
        return Verdict.DEAD_LETTER
    if kind is OutcomeKind.INTERRUPTED:
        attempt.hand_back = HandBack.INTERRUPTED
        used_up = policy.too_often_interrupted(attempt.interruptions + 1)
        return Verdict.DEAD_LETTER if used_up and capabilities.dead_letters else Verdict.NACK
    if kind is OutcomeKind.SKIPPED:
        return Verdict.NACK
    if not outcome.retry_requested or not capabilities.requeues:
        return Verdict.ACK
    if policy.exhausted(attempt.number):
        return Verdict.DEAD_LETTER if capabilities.dead_letters else Verdict.ACK
    attempt.hand_back = HandBack.RETRY
    attempt.delay_s = min(policy.backoff.pause_s(attempt.number, attempt.lease.key), capabilities.delay_s_max)
    return Verdict.NACK


def event_of(attempt: Attempt, *, retry: bool) -> TaskEvent:
    """The one event that ends the attempt."""
    outcome = attempt.outcome
    assert outcome is not None  # noqa: S101 - see judge
    common = {"task_id": task_id_of(attempt), "elapsed_time": outcome.elapsed_s, "attempt": attempt.number}
    end = outcome.end
    if outcome.kind is OutcomeKind.COMPLETED and end is not None:
        return TaskCompleted(
            **common, retry=retry, result=end.result, retry_requested=outcome.retry_requested
        )  # type: ignore[arg-type]
    raise NotImplementedError


def task_id_of(attempt: Attempt) -> str:
    """The task's id, as far as it is known."""
    return attempt.lease.task.task_id
