"""From how a run ended to what is recorded of it and what is done with the lease. Pure functions."""

from __future__ import annotations

from msgspec import Struct

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
from cloud_tasks.core.task import EndKind, HandBack, Outcome, OutcomeKind, RunEnd

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
    StopReason.LATE_START: OutcomeKind.INTERRUPTED,
}
_RETURNED, _COMPLETED = EndKind.RETURNED, OutcomeKind.COMPLETED


def kind_of_run(end: RunEnd, stopped: StopReason | None) -> OutcomeKind:
    """What became of a run that ended.

    A complete return value counts, even if it came while the run was being stopped (F17). Whatever else ends
    a run that was being stopped is put down to the stop.
    """
    if end.kind is _RETURNED:
        return _COMPLETED
    return _KIND_OF_END[end.kind] if stopped is None else _KIND_OF_STOP[stopped]


class Decision(Struct, frozen=True):
    """What is done with a lease.

    Attributes:
        verdict: Ack, nack or dead-letter.
        hand_back: Why it is handed back (NACK only).
        delay_s: How long it stays out of sight (NACK only).
    """

    verdict: Verdict
    hand_back: HandBack = HandBack.INTERRUPTED
    delay_s: float = 0.0


_NEVER_RUN = (OutcomeKind.MALFORMED, OutcomeKind.EXHAUSTED)
_GIVEN_UP = (OutcomeKind.INTERRUPTED, OutcomeKind.LEASE_LOST)
_ACK = Decision(Verdict.ACK)
_DEAD_LETTER = Decision(Verdict.DEAD_LETTER)
_HAND_BACK = Decision(Verdict.NACK, HandBack.INTERRUPTED)


def judge(
    attempt: Attempt, kind: OutcomeKind, *, wanted: bool, policy: RetryPolicy, capabilities: QueueCapabilities
) -> Decision:
    """What to do with the lease of an attempt that ended in `kind`; `wanted`: a retry was asked for."""
    if kind in _NEVER_RUN:
        return _DEAD_LETTER
    if kind is OutcomeKind.INTERRUPTED:
        used_up = policy.too_often_interrupted(attempt.interruptions + 1)
        return _DEAD_LETTER if used_up and capabilities.dead_letters else _HAND_BACK
    if not wanted or not capabilities.requeues:
        return _ACK
    if policy.exhausted(attempt.number):
        return _DEAD_LETTER if capabilities.dead_letters else _ACK
    pause_s = policy.backoff.pause_s(attempt.number, attempt.lease.key)
    return Decision(Verdict.NACK, HandBack.RETRY, min(pause_s, capabilities.delay_s_max))


def why_dead(attempt: Attempt) -> str:
    """What a dead letter says of itself."""
    outcome = attempt.outcome
    if outcome.kind in _NEVER_RUN:
        return outcome.reason
    if outcome.kind is OutcomeKind.INTERRUPTED:
        return f"interrupted {attempt.interruptions + 1} times, the last time by: {outcome.reason}"
    return f"{outcome.kind.value} at attempt {attempt.number}, and no further attempt is left"


def event_of(attempt: Attempt, outcome: Outcome) -> TaskEvent:
    """The one event that ends the attempt."""
    kind, end = outcome.kind, outcome.end
    task_id, elapsed, number = attempt.lease.task.task_id, outcome.elapsed_s, attempt.number
    if end is None or kind in _GIVEN_UP:
        return _event_without_end(task_id, number, outcome)
    if kind is _COMPLETED:
        return TaskCompleted(
            task_id=task_id,
            elapsed_time=elapsed,
            retry=outcome.retry,
            attempt=number,
            result=end.result,
            retry_requested=outcome.retry_requested,
        )
    if kind is OutcomeKind.EXCEPTION:
        return TaskException(
            task_id=task_id,
            elapsed_time=elapsed,
            retry=outcome.retry,
            attempt=number,
            exception=end.exception,
            exception_kind=end.kind.value,
        )
    if kind is OutcomeKind.TIMED_OUT:
        return TaskTimedOut(
            task_id=task_id,
            elapsed_time=elapsed,
            retry=outcome.retry,
            attempt=number,
            stderr_tail=end.stderr_tail,
        )
    return TaskExited(
        task_id=task_id,
        elapsed_time=elapsed,
        retry=outcome.retry,
        attempt=number,
        exit_code=end.exit_code,
        signal=end.signal,
        oom_killed=end.oom_killed,
        peak_memory_bytes=end.peak_memory_bytes,
        stderr_tail=end.stderr_tail,
    )


def _event_without_end(task_id: str, number: int, outcome: Outcome) -> TaskEvent:
    """How the run ended says nothing, or there was none."""
    kind = TaskDeadLettered if outcome.kind in _NEVER_RUN else TaskInterrupted
    return kind(
        task_id=task_id,
        elapsed_time=outcome.elapsed_s,
        retry=outcome.retry,
        attempt=number,
        reason=outcome.reason,
    )
