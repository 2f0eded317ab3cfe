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
}


def kind_of_run(end: RunEnd, stopped: StopReason | None) -> OutcomeKind:
    """What became of a run that ended.

    A complete return value counts, even if it came while the run was being stopped (F17). Whatever else ends
    a run that was being stopped is put down to the stop.
    """
    if stopped is None or end.kind is EndKind.RETURNED:
        return _KIND_OF_END[end.kind]
    return _KIND_OF_STOP[stopped]


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


_ACK = Decision(Verdict.ACK)
_DEAD_LETTER = Decision(Verdict.DEAD_LETTER)
_HAND_BACK = Decision(Verdict.NACK, HandBack.INTERRUPTED)


def judge(
    attempt: Attempt, kind: OutcomeKind, *, wanted: bool, policy: RetryPolicy, capabilities: QueueCapabilities
) -> Decision:
    """What to do with the lease of an attempt that ended in `kind`; `wanted`: a retry was asked for."""
    if kind in (OutcomeKind.MALFORMED, OutcomeKind.EXHAUSTED):
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


def event_of(attempt: Attempt, outcome: Outcome) -> TaskEvent:
    """The one event that ends the attempt."""
    task_id = attempt.lease.task.task_id
    elapsed, number, kind = outcome.elapsed_s, attempt.number, outcome.kind
    end = outcome.end
    if end is None:
        return _event_without_run(attempt, outcome)
    if kind is OutcomeKind.COMPLETED:
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
            task_id=task_id, elapsed_time=elapsed, retry=outcome.retry, attempt=number, stderr_tail=end.stderr_tail
        )
    if kind is OutcomeKind.EXITED:
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
    return _event_without_run(attempt, outcome)


def _event_without_run(attempt: Attempt, outcome: Outcome) -> TaskEvent:
    task_id = attempt.lease.task.task_id
    if outcome.kind in (OutcomeKind.MALFORMED, OutcomeKind.EXHAUSTED):
        return TaskDeadLettered(
            task_id=task_id,
            elapsed_time=outcome.elapsed_s,
            retry=False,
            attempt=attempt.number,
            reason=outcome.reason,
        )
    return TaskInterrupted(
        task_id=task_id,
        elapsed_time=outcome.elapsed_s,
        retry=outcome.retry,
        attempt=attempt.number,
        reason=outcome.reason,
    )
