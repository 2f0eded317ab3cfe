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
from cloud_tasks.core.task import (
    NOTE_CHARACTERS_MAX,
    AttemptNote,
    EndKind,
    HandBack,
    Outcome,
    OutcomeKind,
    RunEnd,
)

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
    StopReason.UNSTARTED: OutcomeKind.INTERRUPTED,
    StopReason.LATE_START: OutcomeKind.INTERRUPTED,
    StopReason.LEASE: OutcomeKind.INTERRUPTED,
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


NEVER_RUN = (OutcomeKind.MALFORMED, OutcomeKind.EXHAUSTED)
_GIVEN_UP = (OutcomeKind.INTERRUPTED, OutcomeKind.LEASE_LOST)
_ACK = Decision(Verdict.ACK)
_DEAD_LETTER = Decision(Verdict.DEAD_LETTER)
_HAND_BACK = Decision(Verdict.NACK, HandBack.INTERRUPTED)


def judge(
    attempt: Attempt, kind: OutcomeKind, *, wanted: bool, policy: RetryPolicy, capabilities: QueueCapabilities
) -> Decision:
    """What to do with the lease of an attempt that ended in `kind`; `wanted`: a retry was asked for."""
    if kind in NEVER_RUN:
        return _DEAD_LETTER
    if kind is OutcomeKind.INTERRUPTED:
        # What had not begun was interrupted by nobody.
        interrupted = attempt.stop_reason is StopReason.INTERRUPTION
        used_up = interrupted and policy.too_often_interrupted(attempt.interruptions + 1)
        return _DEAD_LETTER if used_up and capabilities.dead_letters else _HAND_BACK
    if capabilities.decides_retries:
        return _ACK
    if not wanted or not capabilities.requeues:
        kept = policy.keep_failed and kind is not _COMPLETED and capabilities.dead_letters
        return _DEAD_LETTER if kept else _ACK
    if policy.exhausted(attempt.number):
        return _DEAD_LETTER if capabilities.dead_letters else _ACK
    pause_s = policy.backoff.pause_s(attempt.number, attempt.lease.key)
    return Decision(Verdict.NACK, HandBack.RETRY, min(pause_s, capabilities.delay_s_max))


def note_of(attempt: Attempt, kind: OutcomeKind, elapsed_s: float, why: str, worker_id: str) -> AttemptNote:
    """What is kept of an attempt beside its task."""
    return AttemptNote(attempt.number, kind.value, elapsed_s, why[-NOTE_CHARACTERS_MAX:], worker_id)


def cause_of(end: RunEnd | None, reason: str) -> str:
    """Why a run ended as it did, in words."""
    if end is None or end.kind is _RETURNED:
        return reason
    how = f"ended by {end.signal}" if end.signal else f"exit status {end.exit_code}"
    return end.exception or "\n".join(filter(None, (reason, how, end.stderr_tail)))


def why_dead(attempt: Attempt) -> str:
    """What a dead letter says of itself."""
    outcome = attempt.outcome
    if outcome.kind in NEVER_RUN:
        return outcome.reason
    if outcome.kind is OutcomeKind.INTERRUPTED:
        return f"interrupted {attempt.interruptions + 1} times, the last time by: {outcome.reason}"
    left = "no further attempt is left" if outcome.retry_requested else "it would only happen again"
    return f"{outcome.kind.value} at attempt {attempt.number}, and {left}"


def event_of(attempt: Attempt, outcome: Outcome) -> TaskEvent:
    """The one event that ends the attempt."""
    kind, end = outcome.kind, outcome.end
    if end is None or kind in _GIVEN_UP:
        return _event_without_end(attempt, outcome)
    lease, elapsed, number = attempt.lease, outcome.elapsed_s, attempt.number
    task_id, queue = lease.task.task_id, lease.queue
    name = "" if lease.rules is None else lease.rules.name
    if kind is _COMPLETED:
        return TaskCompleted(
            task_id=task_id,
            elapsed_time=elapsed,
            retry=outcome.retry,
            attempt=number,
            queue=queue,
            task_name=name,
            result=end.result,
            retry_requested=outcome.retry_requested,
        )
    if kind is OutcomeKind.EXCEPTION:
        return TaskException(
            task_id=task_id,
            elapsed_time=elapsed,
            retry=outcome.retry,
            attempt=number,
            queue=queue,
            task_name=name,
            exception=end.exception,
            exception_kind=end.kind.value,
        )
    if kind is OutcomeKind.TIMED_OUT:
        return TaskTimedOut(
            task_id=task_id,
            elapsed_time=elapsed,
            retry=outcome.retry,
            attempt=number,
            queue=queue,
            task_name=name,
            stderr_tail=end.stderr_tail,
            reason=outcome.reason,
        )
    return TaskExited(
        task_id=task_id,
        elapsed_time=elapsed,
        retry=outcome.retry,
        attempt=number,
        queue=queue,
        task_name=name,
        exit_code=end.exit_code,
        signal=end.signal,
        oom_killed=end.oom_killed,
        peak_memory_bytes=end.peak_memory_bytes,
        stderr_tail=end.stderr_tail,
    )


def _event_without_end(attempt: Attempt, outcome: Outcome) -> TaskEvent:
    """How the run ended says nothing, or there was none."""
    lease, rules = attempt.lease, attempt.lease.rules
    too_often = outcome.kind is OutcomeKind.INTERRUPTED and attempt.verdict is Verdict.DEAD_LETTER
    put_aside = too_often or outcome.kind in NEVER_RUN
    kind = TaskDeadLettered if put_aside else TaskInterrupted
    return kind(
        task_id=lease.task.task_id,
        elapsed_time=outcome.elapsed_s,
        retry=outcome.retry,
        attempt=attempt.number,
        queue=lease.queue,
        task_name="" if rules is None else rules.name,
        reason=why_dead(attempt) if too_often else outcome.reason,
    )
