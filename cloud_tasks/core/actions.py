"""The actions that the transition table names: what is done to an attempt, and what the shell is asked for.

Each takes the worker's state, the attempt and the fact that led to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.attempt import State
from cloud_tasks.core.book import Attempt, StopReason, Verdict
from cloud_tasks.core.outcomes import Decision, event_of, judge, kind_of_run
from cloud_tasks.core.policy import extension_s, plan_fence, plan_renewal
from cloud_tasks.core.state import WorkerState
from cloud_tasks.core.task import HandBack, MalformedTask, Outcome, OutcomeKind, RunEnd, Task

Action: TypeAlias = Callable[[WorkerState, Attempt, got.Input], None]

_EXTENSION_S_MIN = 0.001


def replan(state: WorkerState, attempt: Attempt) -> None:
    """Have the attempt woken for the earliest of what is planned for it."""
    state.timers.plan(attempt.id, attempt.next_moment())


# -- the run -------------------------------------------------------------------------------------------------


def start(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Ask for the run; the deadline counts from here, process creation included."""
    task = attempt.lease.task
    assert isinstance(task, Task)  # noqa: S101 - malformed messages are refused before
    attempt.requested_at = state.now
    attempt.start_at = None
    attempt.deadline = state.now + state.settings.max_runtime_s
    state.out.append(do.StartRun(attempt.id, task, attempt.number, attempt.deadline))
    replan(state, attempt)


def plan_start_again(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Try the start again after a pause."""
    attempt.deadline = None
    attempt.start_at = state.now + state.settings.start_backoff.pause_s(
        attempt.start_failures, attempt.lease.key
    )
    replan(state, attempt)


def note_timeout(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Remember why the run is being stopped."""
    attempt.stop_reason = StopReason.TIMEOUT


def note_interruption(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Remember why the run is being stopped."""
    attempt.stop_reason = StopReason.INTERRUPTION


def stop(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """SIGTERM now, SIGKILL a little later."""
    attempt.deadline = None
    attempt.kill_at = state.now + state.settings.stop_s
    state.out.append(do.StopRun(attempt.id))
    replan(state, attempt)


def let_go(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """The lease is not ours any more: nothing is planned for it."""
    attempt.deadline = attempt.extend_at = attempt.fence_at = None


def kill(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """SIGKILL."""
    attempt.kill_at = None
    state.out.append(do.KillRun(attempt.id))
    replan(state, attempt)


def free_slot(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Nothing is left of the run: another may take its place."""
    if attempt.occupies:
        attempt.occupies = False
        state.occupied -= 1


# -- the outcome ---------------------------------------------------------------------------------------------


def conclude(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """The outcome of a run that ended."""
    assert isinstance(fact, got.RunEnded)  # noqa: S101 - the table pairs this action with that fact
    kind = kind_of_run(fact.end, attempt.stop_reason)
    reason, wanted = "", True
    if kind is OutcomeKind.INTERRUPTED:
        reason = state.interruption
    else:
        wanted = state.settings.retry.wants_retry(fact.end, timed_out=kind is OutcomeKind.TIMED_OUT)
    _set_outcome(state, attempt, kind, wanted=wanted, end=fact.end, reason=reason)


def conclude_not_started(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """The run never was: nothing was done, so it is not the task's fault."""
    why = fact.reason if isinstance(fact, got.RunStartFailed) else "it could not be started"
    free_slot(state, attempt, fact)
    _set_outcome(state, attempt, OutcomeKind.INTERRUPTED, wanted=True, reason=why)


def conclude_refused(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """It must not be run: no task, or tried often enough."""
    task = attempt.lease.task
    if isinstance(task, MalformedTask):
        _set_outcome(state, attempt, OutcomeKind.MALFORMED, wanted=False, reason=task.reason)
        return
    attempt.number -= 1
    reason = f"its {attempt.number} attempts are used up"
    _set_outcome(state, attempt, OutcomeKind.EXHAUSTED, wanted=False, reason=reason)


def conclude_unwanted(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """It is handed back untouched; reason and delay were set when it came in."""
    attempt.outcome = Outcome(kind=OutcomeKind.SKIPPED)


def conclude_lost(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Somebody else has the task, whatever this run came to."""
    end = fact.end if isinstance(fact, got.RunEnded) else None
    attempt.ended = True
    attempt.outcome = Outcome(
        kind=OutcomeKind.LEASE_LOST,
        retry=True,
        retry_requested=True,
        elapsed_s=state.now - attempt.requested_at,
        end=end,
        reason="lease_lost",
    )


def _set_outcome(
    state: WorkerState,
    attempt: Attempt,
    kind: OutcomeKind,
    *,
    wanted: bool,
    end: RunEnd | None = None,
    reason: str = "",
) -> None:
    decision = judge(
        attempt, kind, wanted=wanted, policy=state.settings.retry, capabilities=state.capabilities
    )
    attempt.ended = True
    attempt.deadline = attempt.kill_at = attempt.fence_at = attempt.start_at = None
    attempt.verdict, attempt.hand_back, attempt.delay_s = (
        decision.verdict,
        decision.hand_back,
        decision.delay_s,
    )
    attempt.outcome = Outcome(
        kind=kind,
        retry=_comes_again(state, decision),
        retry_requested=wanted,
        elapsed_s=state.now - attempt.requested_at,
        end=end,
        reason=reason,
    )
    replan(state, attempt)


def _comes_again(state: WorkerState, decision: Decision) -> bool:
    return decision.verdict is Verdict.NACK and state.capabilities.requeues


def record(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Have the event stored; the lease is settled when it is."""
    outcome = _known(attempt)
    state.out.append(do.Record(event_of(attempt, outcome), attempt.id))


def record_only(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Have the event stored; there is no lease to settle."""
    state.out.append(do.Record(event_of(attempt, _known(attempt))))


def _known(attempt: Attempt) -> Outcome:
    assert attempt.outcome is not None  # noqa: S101 - the table concludes before it records or settles
    return attempt.outcome


# -- the settlement ------------------------------------------------------------------------------------------


def settle(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Carry out the verdict, with the newest receipt: an extension that is under way is waited for."""
    if attempt.extending:
        attempt.settle_waits = True
        return
    attempt.settle_waits = False
    attempt.settle_issued = True
    attempt.extend_at = attempt.retry_at = attempt.fence_at = None
    if state.capabilities.requeues:
        _keep_books(state, attempt)
    state.out.append(_settlement(attempt))
    replan(state, attempt)


def settle_if_waiting(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Settle what had to wait for an extension."""
    if attempt.settle_waits:
        settle(state, attempt, fact)


def _settlement(attempt: Attempt) -> do.Command:
    if attempt.verdict is Verdict.ACK:
        return do.Ack(attempt.id, attempt.lease, _known(attempt))
    if attempt.verdict is Verdict.NACK:
        return do.Nack(attempt.id, attempt.lease, attempt.delay_s, attempt.hand_back)
    outcome = _known(attempt)
    return do.DeadLetter(attempt.id, attempt.lease, outcome.reason or f"{outcome.kind.value}: no attempt is left")


def _keep_books(state: WorkerState, attempt: Attempt) -> None:
    key = attempt.lease.key
    if attempt.verdict is not Verdict.NACK:
        state.ledger.forget(key)
    elif attempt.hand_back is HandBack.RETRY:
        state.ledger.note(key, attempt.number, attempt.interruptions)
    else:
        state.ledger.note(key, attempt.number - 1, attempt.interruptions + 1)


def plan_settle_again(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """The same verdict again after a pause."""
    assert isinstance(fact, got.SettleFailed)  # noqa: S101 - the table pairs this action with that fact
    attempt.settle_failures += 1
    if attempt.settle_failures == 1:
        state.tell(
            f"task {attempt.lease.task.task_id} is not settled yet: {fact.message}", fact.stack_trace
        )
    pause_s = state.settings.settle_backoff.pause_s(attempt.settle_failures, attempt.lease.key)
    attempt.retry_at = state.now + pause_s
    replan(state, attempt)


def report_not_settled(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """The lease was lost after the outcome was recorded: the task may run again."""
    assert isinstance(fact, got.LeaseLost)  # noqa: S101 - the table pairs this action with that fact
    task_id = attempt.lease.task.task_id
    state.tell(
        f"task {task_id} could not be settled, and may run again: {fact.message}", fact.stack_trace
    )


def close(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Forget the attempt, once nothing is left of its run."""
    if attempt.occupies:
        attempt.extend_at = attempt.fence_at = attempt.retry_at = attempt.kill_at = attempt.deadline = None
        replan(state, attempt)
        return
    state.timers.plan(attempt.id, None)
    del state.attempts[attempt.id]


# -- the lease -----------------------------------------------------------------------------------------------


def plan_lease(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Plan renewal and fence from what the lease is known to last."""
    attempt.extending = False
    attempt.extend_failures = 0
    if isinstance(fact, got.Extended):
        attempt.lease = fact.lease
        issued_at = fact.issued_at
    else:
        issued_at = attempt.held_since
    duration_s = attempt.lease.duration_s
    if duration_s is None or attempt.settle_issued:
        return
    if state.capabilities.renewable:
        attempt.extend_at = plan_renewal(issued_at, duration_s)
    if attempt.state is not State.SETTLING:
        attempt.fence_at = plan_fence(issued_at, duration_s, state.settings.stop_s)
    replan(state, attempt)


def extend(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Ask for a longer lease, within what the backend can give; never after the settlement was asked for."""
    attempt.extend_at = None
    limits = state.capabilities
    seconds = extension_s(
        attempt.wanted_s or 0.0, limits.lease_s_max, state.now - attempt.held_since, limits.lease_total_s_max
    )
    if seconds >= _EXTENSION_S_MIN and not attempt.extending and not attempt.settle_issued:
        attempt.extending = True
        state.out.append(do.Extend(attempt.id, attempt.lease, seconds))
    replan(state, attempt)


def plan_extend_again(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Ask again after a pause, the shorter the closer the end of the lease is."""
    assert isinstance(fact, got.ExtendFailed)  # noqa: S101 - the table pairs this action with that fact
    attempt.extending = False
    attempt.extend_failures += 1
    if attempt.extend_failures == 1:
        message = f"the lease of task {attempt.lease.task.task_id} is not extended yet: {fact.message}"
        state.tell(message, fact.stack_trace)
    pause_s = state.settings.settle_backoff.pause_s(attempt.extend_failures, attempt.lease.key)
    if attempt.fence_at is not None:
        pause_s = min(pause_s, max((attempt.fence_at - state.now) / 3, 0.05))
    attempt.extend_at = state.now + pause_s
    replan(state, attempt)


ACTIONS: dict[str, Action] = {
    action.__name__: action
    for action in (
        start,
        plan_start_again,
        note_timeout,
        note_interruption,
        stop,
        let_go,
        kill,
        free_slot,
        conclude,
        conclude_not_started,
        conclude_refused,
        conclude_unwanted,
        conclude_lost,
        record,
        record_only,
        settle,
        settle_if_waiting,
        plan_settle_again,
        report_not_settled,
        close,
        plan_lease,
        extend,
        plan_extend_again,
    )
}
"""By the name under which the transition table knows them."""
