"""The actions that the transition table names: what is done to an attempt, and what the shell is asked for.

Each takes the worker's state, the attempt and the fact that led to it. What is planned for an attempt stands
in its moments; the timers only have to know of the earliest, and may know of one that is no longer planned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec.structs import replace

from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.attempt import State
from cloud_tasks.core.book import Attempt, StopReason, Verdict
from cloud_tasks.core.outcomes import NEVER_RUN, cause_of, event_of, judge, kind_of_run, note_of, why_dead
from cloud_tasks.core.policy import extension_s, longest_run_s, plan_fence, plan_renewal
from cloud_tasks.core.state import WorkerState
from cloud_tasks.core.task import (
    NOTES_MAX,
    EndKind,
    HandBack,
    Lease,
    MalformedTask,
    Outcome,
    OutcomeKind,
    RunEnd,
    Task,
)
from cloud_tasks.core.timers import NEVER

Action: TypeAlias = Callable[[WorkerState, Attempt, Any], None]
"""The fact is the one that the table pairs the action with."""

EXTENSION_GAIN_S_MIN = 0.001
"""An extension that would gain less than this is not asked for: the backend's limit is reached."""
_AGAIN_S_MIN = 0.05
_COMPLETED, _INTERRUPTED, _TIMED_OUT = OutcomeKind.COMPLETED, OutcomeKind.INTERRUPTED, OutcomeKind.TIMED_OUT
_INTERRUPTIONS = {
    StopReason.LATE_START: "it could not be started in time",
    StopReason.LEASE: "its lease was extended too late",
}
"""Why a run was interrupted, where it was not because the worker or its machine goes away."""
_RETURNED, _SETTLING, _ACK, _NACK = EndKind.RETURNED, State.SETTLING, Verdict.ACK, Verdict.NACK


def wake(state: WorkerState, attempt: Attempt, moment: float) -> None:
    """Have the timers know of a moment that was planned."""
    if moment < attempt.wake_at:
        attempt.wake_at = moment
        state.timers.plan(attempt.id, moment)


# -- the run -------------------------------------------------------------------------------------------------


def start(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Ask for the run; until it has begun, its deadline is that for starting."""
    lease, now, settings = attempt.lease, state.now, state.settings
    attempt.requested_at = now
    attempt.deadline = deadline = now + settings.start_s_max
    if state.capabilities.requeues:
        state.ledger.begin(lease.key, attempt.number, attempt.interruptions)
    task: Task = lease.task  # type: ignore[assignment]  # malformed messages are refused before
    rules = lease.rules
    name, runtime_s = "" if rules is None else rules.name, _runtime_s(state, attempt)
    state.out.append(do.StartRun(attempt.id, task, attempt.number, runtime_s, name, lease.queue))
    if rules is not None and rules.lease_s is not None:
        _take_own_length(state, attempt, rules.lease_s)
    wake(state, attempt, deadline)


def _take_own_length(state: WorkerState, attempt: Attempt, lease_s: float) -> None:
    """Have a lease of the length that the task asks for: a shorter one at once, a longer when it is renewed.

    Until then a longer one would only make others wait longer, should this worker die.
    """
    given_s = attempt.lease.duration_s
    if given_s is None or not state.capabilities.renewable or attempt.wanted_s == lease_s:
        return
    attempt.wanted_s = lease_s
    if lease_s < given_s and not attempt.extending:
        attempt.extending = True
        attempt.extend_at = NEVER
        state.out.append(do.Extend(attempt.id, attempt.lease, lease_s))


def _runtime_s(state: WorkerState, attempt: Attempt) -> float:
    """How long a run may take from now: a lease that nothing extends has to be settled before its end."""
    runtime_s, total_s = _allowed_s(state, attempt), state.capabilities.lease_total_s_max
    if total_s is None or state.capabilities.renewable:
        return runtime_s
    return min(runtime_s, attempt.held_since + longest_run_s(total_s) - state.now)


def _allowed_s(state: WorkerState, attempt: Attempt) -> float:
    """How long a run may take by the settings."""
    rules = attempt.lease.rules
    return state.settings.max_runtime_s if rules is None else rules.max_runtime_s


def _why_cut_short(state: WorkerState, attempt: Attempt) -> str:
    """Why a run that was stopped for its time had less than it may take; "" where it had it all."""
    total_s = state.capabilities.lease_total_s_max
    if total_s is None or state.now - attempt.requested_at >= _allowed_s(state, attempt):
        return ""
    return f"its queue lets a task be held for {total_s:g} s at most"


def plan_deadline(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """The run's own time begins: waiting for a process to run in does not count against it."""
    attempt.deadline = state.now + _runtime_s(state, attempt)
    wake(state, attempt, attempt.deadline)


def plan_start_again(state: WorkerState, attempt: Attempt, fact: got.RunStartFailed) -> None:
    """Try the start again after a pause."""
    attempt.deadline = NEVER
    backoff = state.settings.start_backoff
    attempt.start_at = state.now + backoff.pause_s(attempt.start_failures, attempt.lease.key)
    wake(state, attempt, attempt.start_at)


def wait_for_older_run(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Keep a slot for it; it starts when the older run of the same task has gone."""
    state.runs.wait(attempt)


def note_timeout(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Remember that the run is stopped because it took too long."""
    attempt.stop_reason = StopReason.TIMEOUT


def note_late_start(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Remember why the run is given up."""
    attempt.stop_reason = StopReason.LATE_START


def note_interruption(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Remember that the run is stopped because the worker or the machine goes away."""
    attempt.stop_reason = StopReason.INTERRUPTION


def note_unstarted(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Remember that the worker or the machine goes away before the run has begun."""
    attempt.stop_reason = StopReason.UNSTARTED


def stop(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """SIGTERM now, SIGKILL a little later."""
    _stop(state, attempt, state.settings.stop_s)


def stop_in_time(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """SIGTERM now, and SIGKILL before the lease ends, so that no two workers run the task."""
    left_s = max(attempt.lease_end - state.now, 0.0)
    _stop(state, attempt, min(state.settings.stop_s, left_s / 2))


def _stop(state: WorkerState, attempt: Attempt, stop_s: float) -> None:
    attempt.deadline = NEVER
    attempt.kill_at = state.now + stop_s
    state.out.append(do.StopRun(attempt.id))
    wake(state, attempt, attempt.kill_at)


def let_go(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """The lease is not ours any more: nothing is planned for it."""
    attempt.deadline = attempt.extend_at = attempt.fence_at = NEVER


def kill(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """SIGKILL."""
    attempt.kill_at = NEVER
    state.out.append(do.KillRun(attempt.id))


def free_slot(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Nothing is left of the run: another may take its place, and a newer one of the same task may start."""
    attempt.occupies = False
    state.occupied -= 1
    heir = state.runs.leave(attempt)
    if heir is not None:
        heir.start_at = state.now
        wake(state, heir, heir.start_at)


# -- the outcome ---------------------------------------------------------------------------------------------


def conclude(state: WorkerState, attempt: Attempt, fact: got.RunEnded) -> None:
    """Note the outcome of a run that ended, and decide what happens to the lease."""
    end = fact.end
    if end.kind is _RETURNED and not end.retry:
        _complete(state, attempt, end)
        return
    kind = kind_of_run(end, attempt.stop_reason)
    if kind is _INTERRUPTED:
        stopped = attempt.stop_reason
        reason = state.interruption if stopped is None else _INTERRUPTIONS.get(stopped, state.interruption)
        _set_outcome(state, attempt, kind, wanted=True, end=end, reason=reason)
    else:
        policy = attempt.retry_policy(state.settings.retry)
        wanted = policy.wants_retry(end, timed_out=kind is _TIMED_OUT)
        reason = _why_cut_short(state, attempt) if kind is _TIMED_OUT else ""
        _set_outcome(state, attempt, kind, wanted=wanted, end=end, reason=reason)


def _complete(state: WorkerState, attempt: Attempt, end: RunEnd) -> None:
    """What nearly all come to; the same as for any other end, without looking for alternatives."""
    attempt.deadline = attempt.kill_at = attempt.fence_at = NEVER
    attempt.verdict = _ACK
    attempt.outcome = Outcome(_COMPLETED, elapsed_s=state.now - attempt.requested_at, end=end)


def conclude_not_started(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """The run never was: nothing was done, so it is not the task's fault."""
    free_slot(state, attempt, fact)
    if isinstance(fact, got.RunStartFailed):
        why = fact.reason
    elif attempt.start_failures:
        why = "it could not be started"
    else:
        why = "an earlier run of it had not ended"
    _set_outcome(state, attempt, OutcomeKind.INTERRUPTED, wanted=True, reason=why)


def conclude_refused(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """It must not be run: no task, or tried often enough."""
    task = attempt.lease.task
    if isinstance(task, MalformedTask):
        _set_outcome(state, attempt, OutcomeKind.MALFORMED, wanted=False, reason=task.reason)
        return
    attempt.number -= 1
    reason = f"its attempts are used up: {attempt.number}"
    _set_outcome(state, attempt, OutcomeKind.EXHAUSTED, wanted=False, reason=reason)


def conclude_lost(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Somebody else has the task, whatever this run came to."""
    end = fact.end if isinstance(fact, got.RunEnded) else None
    elapsed_s = state.now - attempt.requested_at
    attempt.outcome = Outcome(
        OutcomeKind.LEASE_LOST,
        state.capabilities.requeues,
        retry_requested=True,
        elapsed_s=elapsed_s,
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
    policy, elapsed_s = attempt.retry_policy(state.settings.retry), state.now - attempt.requested_at
    decision = judge(attempt, kind, wanted=wanted, policy=policy, capabilities=state.capabilities)
    attempt.deadline = attempt.kill_at = attempt.fence_at = attempt.start_at = NEVER
    verdict = attempt.verdict = decision.verdict
    comes_again = False
    if verdict is _NACK:
        attempt.hand_back = decision.hand_back
        attempt.delay_s = decision.delay_s
        note_hand_back(state, attempt, None)
        comes_again = state.capabilities.requeues
    attempt.outcome = Outcome(kind, comes_again, wanted, elapsed_s, end, reason)
    if verdict is not _ACK and state.capabilities.history:
        _keep_in_history(state, attempt)


def _keep_in_history(state: WorkerState, attempt: Attempt) -> None:
    """Have the lease carry what became of the attempt, so that the queue keeps it with the task."""
    outcome, lease = attempt.outcome, attempt.lease
    if outcome.kind in NEVER_RUN:
        return
    why = cause_of(outcome.end, outcome.reason)
    if outcome.kind is _TIMED_OUT and not why.startswith(outcome.reason):
        why = f"{outcome.reason}\n{why}"
    note = note_of(attempt, outcome.kind, outcome.elapsed_s, why, state.settings.worker_id)
    attempt.lease = replace(lease, history=(*lease.history, note)[-NOTES_MAX:])


def note_hand_back(state: WorkerState, attempt: Attempt, fact: got.Input | None) -> None:
    """Keep the books before the task can come again, which may be sooner than it is handed back."""
    if not state.capabilities.requeues:
        return
    key, number = attempt.lease.key, attempt.number
    if attempt.hand_back is HandBack.RETRY:
        state.ledger.note(key, number, attempt.interruptions)
    else:
        _, interruptions = state.ledger.of(key)
        state.ledger.note(key, number - 1, max(interruptions, attempt.interruptions) + 1)


def record(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Have the event stored; the lease is settled when it is."""
    state.out.append(do.Record(event_of(attempt, attempt.outcome), attempt.id))


# -- the settlement ------------------------------------------------------------------------------------------


def settle(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Carry out the verdict, with the newest receipt: an extension that is under way is waited for."""
    if attempt.extending:
        attempt.settle_waits = True
        return
    attempt.settle_waits = False
    attempt.extend_at = attempt.fence_at = NEVER
    verdict = attempt.verdict
    if verdict is _ACK:
        state.out.append(do.Ack(attempt.id, attempt.lease, attempt.outcome))
    elif verdict is _NACK:
        if attempt.hand_back is HandBack.RETRY:
            state.quiet_from = max(state.quiet_from, state.now + attempt.delay_s)
        state.out.append(do.Nack(attempt.id, attempt.lease, attempt.delay_s, attempt.hand_back))
    else:
        state.out.append(do.DeadLetter(attempt.id, attempt.lease, why_dead(attempt)))


def settle_if_waiting(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Settle, if that had to wait for the extension."""
    if attempt.settle_waits:
        settle(state, attempt, fact)


def plan_settle_again(state: WorkerState, attempt: Attempt, fact: got.SettleFailed) -> None:
    """The same verdict again after a pause."""
    attempt.settle_failures += 1
    if attempt.settle_failures == 1:
        task_id = attempt.lease.task.task_id
        state.tell(f"task {task_id} is not settled yet: {fact.message}", fact.stack_trace)
    backoff = state.settings.settle_backoff
    attempt.retry_at = state.now + backoff.pause_s(attempt.settle_failures, attempt.lease.key)
    wake(state, attempt, attempt.retry_at)


def report_not_settled(state: WorkerState, attempt: Attempt, fact: got.LeaseLost) -> None:
    """The lease was lost after the outcome was recorded: the task may run again."""
    task_id = attempt.lease.task.task_id
    state.tell(f"task {task_id} could not be settled, and may run again: {fact.message}", fact.stack_trace)


def forget(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """A task that will not come again need not be remembered."""
    if attempt.verdict is not _NACK:
        state.ledger.forget(attempt.lease.key)


def close(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Forget the attempt, once nothing is left of its run, and no answer about its lease is to come."""
    if attempt.occupies or attempt.extending:
        attempt.extend_at = attempt.retry_at = attempt.kill_at = NEVER
        return
    state.timers.drop(attempt.id)
    del state.attempts[attempt.id]
    state.quiet_from = max(state.quiet_from, state.now)


# -- the lease -----------------------------------------------------------------------------------------------


def plan_lease(state: WorkerState, attempt: Attempt, fact: got.LeasesReceived | got.Extended) -> None:
    """Plan renewal and fence from what the lease is known to last."""
    duration_s, issued_at = attempt.lease.duration_s, fact.issued_at
    attempt.extend_at = attempt.fence_at = attempt.lease_end = NEVER
    if duration_s is None:
        return
    attempt.lease_end = issued_at + duration_s
    if state.capabilities.renewable:
        attempt.extend_at = plan_renewal(issued_at, duration_s)
    if attempt.state is not _SETTLING:
        attempt.fence_at = plan_fence(issued_at, duration_s, state.settings.stop_s)
    wake(state, attempt, min(attempt.extend_at, attempt.fence_at))


def take_extension(state: WorkerState, attempt: Attempt, fact: got.Extended) -> None:
    """From now on the newest receipt and the new end count."""
    attempt.extending = False
    attempt.extend_failures = 0
    attempt.lease = _with_what_was_added(fact.lease, attempt.lease)
    plan_lease(state, attempt, fact)


def _with_what_was_added(lease: Lease, before: Lease) -> Lease:
    """The new lease with what the worker's side had put into the old one; a backend need not know of it."""
    if not before.queue and not before.history and before.rules is None:
        return lease
    return replace(lease, queue=before.queue, history=before.history, rules=before.rules)


def end_call(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """No call about the lease is under way any more."""
    attempt.extending = False


def regain(state: WorkerState, attempt: Attempt, fact: got.Extended) -> None:
    """The task is ours after all, while its run is being stopped."""
    attempt.stop_reason = StopReason.LEASE
    take_extension(state, attempt, fact)


def note_stored(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """The event of an attempt that was given up is durable."""
    attempt.stored = True


def note_regained(state: WorkerState, attempt: Attempt, fact: got.Extended) -> None:
    """The lease of an attempt that was given up is ours after all."""
    attempt.lease = _with_what_was_added(fact.lease, attempt.lease)
    attempt.regained = True


def give_back(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Hand back what was given up and is ours, once its event is durable."""
    if attempt.stored and attempt.regained:
        if state.ledger.of(attempt.lease.key)[0] == attempt.number:
            note_hand_back(state, attempt, fact)
        state.out.append(do.Nack(attempt.id, attempt.lease, 0.0, HandBack.INTERRUPTED))


def extend(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
    """Ask for a longer lease, within what the backend can give."""
    attempt.extend_at = NEVER
    limits, now = state.capabilities, state.now
    held_s = now - attempt.held_since
    seconds = extension_s(attempt.wanted_s, limits.lease_s_max, held_s, limits.lease_total_s_max)
    gain_s = now + seconds - attempt.lease_end
    if min(seconds, gain_s) >= EXTENSION_GAIN_S_MIN:
        attempt.extending = True
        state.out.append(do.Extend(attempt.id, attempt.lease, seconds))


def plan_extend_again(state: WorkerState, attempt: Attempt, fact: got.ExtendFailed) -> None:
    """Ask again after a pause, the shorter the closer the end of the lease is."""
    attempt.extending = False
    attempt.extend_failures += 1
    if attempt.extend_failures == 1:
        message = f"the lease of task {attempt.lease.task.task_id} is not extended yet: {fact.message}"
        state.tell(message, fact.stack_trace)
    pause_s = state.settings.settle_backoff.pause_s(attempt.extend_failures, attempt.lease.key)
    left_s = (attempt.fence_at - state.now) / 3
    attempt.extend_at = state.now + min(pause_s, max(left_s, _AGAIN_S_MIN))
    wake(state, attempt, attempt.extend_at)


ACTIONS: dict[str, Action] = {
    action.__name__: action
    for action in (
        start,
        plan_start_again,
        wait_for_older_run,
        note_timeout,
        note_late_start,
        plan_deadline,
        note_interruption,
        note_unstarted,
        stop,
        stop_in_time,
        let_go,
        kill,
        free_slot,
        conclude,
        conclude_not_started,
        conclude_refused,
        conclude_lost,
        record,
        settle,
        note_hand_back,
        settle_if_waiting,
        plan_settle_again,
        report_not_settled,
        forget,
        close,
        take_extension,
        end_call,
        regain,
        note_stored,
        note_regained,
        give_back,
        extend,
        plan_extend_again,
    )
}
"""By the name under which the transition table knows them."""
