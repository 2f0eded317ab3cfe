"""Mutants of recording and settling."""

# ruff: noqa: ARG001 - a mutant takes whatever the original takes

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from msgspec import structs

from cloud_tasks.core import actions, outcomes
from cloud_tasks.core import commands as do
from cloud_tasks.core import inputs as got
from cloud_tasks.core.attempt import Signal, State
from cloud_tasks.core.book import UNTOUCHED, Attempt, StopReason, Verdict
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.events import TaskEvent, TaskExited
from cloud_tasks.core.outcomes import Decision
from cloud_tasks.core.policy import RetryPolicy
from cloud_tasks.core.state import WorkerState
from cloud_tasks.core.task import EndKind, HandBack, Lease, MalformedTask, Outcome, OutcomeKind, RunEnd
from cloud_tasks.errors import CloudTasksError, QueueError
from cloud_tasks.interfaces import BatchingQueue
from cloud_tasks.shell.calls import QueueCalls, Settlement
from cloud_tasks.shell.recorder import Recorder
from simulation.mutants.patching import instead_of, rewired, swapped
from simulation.queue import SimulatedQueue


def acks_on_receive() -> AbstractContextManager[None]:
    """The queue is told that all is done as soon as it hands a task out."""
    receive = SimulatedQueue.receive

    async def receive_and_ack(self: SimulatedQueue, tasks_max: int, wait_s: float) -> list[Lease]:
        leases = await receive(self, tasks_max, wait_s)
        for lease in leases:
            try:
                await self.ack(lease, Outcome(OutcomeKind.COMPLETED))
            except QueueError:
                continue
        return leases

    return swapped(SimulatedQueue, "receive", receive_and_ack)


def acks_killed() -> AbstractContextManager[None]:
    """SIGKILL is taken for a return."""
    conclude = actions.conclude

    def conclude_well(state: WorkerState, attempt: Attempt, fact: got.RunEnded) -> None:
        if fact.end.signal == "SIGKILL":
            fact = got.RunEnded(fact.attempt_id, RunEnd(kind=EndKind.RETURNED, result="done"))
        conclude(state, attempt, fact)

    return instead_of("conclude", conclude_well)


@contextmanager
def records_after_ack() -> Generator[None, None, None]:
    """The ack goes first, and the event follows."""

    def settle_now(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
        actions.settle(state, attempt, fact)

    def record_late(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
        if attempt.outcome is not UNTOUCHED:
            state.out.append(do.Record(outcomes.event_of(attempt, attempt.outcome)))

    late = (record_late, actions.forget, actions.close)
    with (
        instead_of("record", settle_now),
        rewired(State.SETTLING, Signal.SETTLED, State.SETTLED, *late),
    ):
        yield


def acks_with_first_receipt() -> AbstractContextManager[None]:
    """A renewed lease keeps its old receipt."""
    take = actions.take_extension

    def keep_receipt(state: WorkerState, attempt: Attempt, fact: got.Extended) -> None:
        receipt = attempt.lease.receipt
        take(state, attempt, fact)
        attempt.lease = structs.replace(attempt.lease, receipt=receipt)

    return instead_of("take_extension", keep_receipt)


@contextmanager
def ignores_failed_entries() -> Generator[None, None, None]:
    """A settlement that failed is taken for one that went well."""

    async def settle_once(self: Any, command: Settlement) -> None:
        failed = got.SettleFailed
        fact = await self._attempt_call(command.attempt_id, self._settlement(command), failed)
        if fact is None or isinstance(fact, failed):
            fact = got.Settled(command.attempt_id)
        self._feed(fact)

    def submit(self: Any, command: do.Ack, queue: BatchingQueue) -> bool:
        answer = queue.submit_ack(command.lease, command.outcome)
        if answer is None:
            return False

        def told(answer: asyncio.Future[None]) -> None:
            answer.exception()
            self._feed(got.Settled(command.attempt_id))

        answer.add_done_callback(told)
        return True

    with swapped(QueueCalls, "_settle_once", settle_once), swapped(QueueCalls, "_submit", submit):
        yield


def leaves_finished_unacked() -> AbstractContextManager[None]:
    """A worker that has been asked to end acks no more."""
    settle = actions.settle

    def settle_unless_ending(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
        if not state.drain_reason or attempt.verdict is not Verdict.ACK:
            settle(state, attempt, fact)

    return instead_of("settle", settle_unless_ending)


@contextmanager
def settles_twice() -> Generator[None, None, None]:
    """An ack is followed by a hand-back."""
    settle = actions.settle

    def settle_both_ways(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
        settle(state, attempt, fact)
        if attempt.verdict is Verdict.ACK and not attempt.settle_waits:
            state.out.append(do.Nack(attempt.id, attempt.lease, 0.0, HandBack.INTERRUPTED))

    with (
        instead_of("settle", settle_both_ways),
        rewired(State.SETTLED, Signal.SETTLED, State.SETTLED),
        rewired(State.SETTLED, Signal.SETTLE_FAILED, State.SETTLED),
    ):
        yield


def reports_twice() -> AbstractContextManager[None]:
    """Each outcome is told two times."""
    record = actions.record

    def record_again(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
        state.out.append(do.Record(outcomes.event_of(attempt, attempt.outcome)))
        record(state, attempt, fact)

    return instead_of("record", record_again)


def leaves_runs_untold() -> AbstractContextManager[None]:
    """Of a run whose lease was lost, nothing is told."""
    return rewired(State.LOST, Signal.ENDED, State.SETTLED, actions.conclude_lost, actions.close)


def says_no_reasons() -> AbstractContextManager[None]:
    """Dead letters do not say why."""

    def no_reason(attempt: Attempt) -> str:
        return ""

    return swapped(actions, "why_dead", no_reason)


def swallows_sink_failures() -> AbstractContextManager[None]:
    """Events that could not be stored are taken for stored."""
    store = Recorder._store  # noqa: SLF001 - what is to be changed

    async def store_once(self: Any, batch: list[tuple[Any, int | None]]) -> None:
        sink = self._sink
        self._sink = _Credulous(sink)
        try:
            await store(self, batch)
        finally:
            self._sink = sink

    return swapped(Recorder, "_store", store_once)


class _Credulous:
    def __init__(self, sink: Any) -> None:
        self._sink = sink

    async def emit(self, records: list[Any]) -> None:
        try:
            await self._sink.emit(records)
        except CloudTasksError:
            return


def _judging(
    change: dict[OutcomeKind, Verdict], *, dead: Verdict | None = None
) -> AbstractContextManager[None]:
    """Other verdicts for some outcomes, or in the place of dead letters."""
    judge = outcomes.judge

    def judge_otherwise(attempt: Attempt, kind: OutcomeKind, **facts: Any) -> Decision:
        decision = judge(attempt, kind, **facts)
        if kind in change:
            return Decision(change[kind])
        if dead is not None and decision.verdict is Verdict.DEAD_LETTER and not _malformed(attempt):
            return Decision(dead)
        return decision

    return swapped(actions, "judge", judge_otherwise)


def _malformed(attempt: Attempt) -> bool:
    return isinstance(attempt.lease.task, MalformedTask)


def drops_exhausted() -> AbstractContextManager[None]:
    """What would be put aside is acked."""
    return _judging({}, dead=Verdict.ACK)


def drops_failures() -> AbstractContextManager[None]:
    """A failure that is to be kept is acked."""
    judge = outcomes.judge

    def judge_failures(attempt: Attempt, kind: OutcomeKind, *, policy: RetryPolicy, **facts: Any) -> Decision:
        return judge(attempt, kind, policy=structs.replace(policy, keep_failed=False), **facts)

    return swapped(actions, "judge", judge_failures)


def drops_malformed() -> AbstractContextManager[None]:
    """What is no task is acked."""
    return _judging({OutcomeKind.MALFORMED: Verdict.ACK})


def acks_unfinished() -> AbstractContextManager[None]:
    """What was interrupted is acked."""
    return _judging({OutcomeKind.INTERRUPTED: Verdict.ACK})


def ignores_wishes() -> AbstractContextManager[None]:
    """A task that returned is done, whatever it asked for."""
    wants_retry = RetryPolicy.wants_retry

    def wants_retry_of_failures(self: RetryPolicy, end: RunEnd, *, timed_out: bool) -> bool:
        return end.kind is not EndKind.RETURNED and wants_retry(self, end, timed_out=timed_out)

    return swapped(RetryPolicy, "wants_retry", wants_retry_of_failures)


def retries_what_cannot_help() -> AbstractContextManager[None]:
    """A wrong return value is tried again like an exception."""
    wants_retry = RetryPolicy.wants_retry

    def wants_retry_of_all(self: RetryPolicy, end: RunEnd, *, timed_out: bool) -> bool:
        return wants_retry(self, end, timed_out=timed_out) or end.kind is EndKind.WRONG_RETURN

    return swapped(RetryPolicy, "wants_retry", wants_retry_of_all)


def pauses_never_grow() -> AbstractContextManager[None]:
    """Every retry comes after the first pause."""
    judge = outcomes.judge

    def judge_with_first_pause(
        attempt: Attempt,
        kind: OutcomeKind,
        *,
        policy: RetryPolicy,
        capabilities: QueueCapabilities,
        **facts: Any,
    ) -> Decision:
        decision = judge(attempt, kind, policy=policy, capabilities=capabilities, **facts)
        if decision.hand_back is not HandBack.RETRY:
            return decision
        pause_s = policy.backoff.pause_s(1, attempt.lease.key)
        return structs.replace(decision, delay_s=min(pause_s, capabilities.delay_s_max))

    return swapped(actions, "judge", judge_with_first_pause)


def interrupts_once_more() -> AbstractContextManager[None]:
    """A task may be interrupted once more than it may be."""

    def too_often(self: RetryPolicy, interruptions: int) -> bool:
        return self.interruptions_max is not None and interruptions > self.interruptions_max

    return swapped(RetryPolicy, "too_often_interrupted", too_often)


def counts_interruptions_as_failures() -> AbstractContextManager[None]:
    """Every hand-back is told to the queue as a failed attempt of the task."""
    nack = SimulatedQueue.nack

    async def nack_for_retry(self: SimulatedQueue, lease: Lease, delay_s: float, reason: HandBack) -> None:
        await nack(self, lease, delay_s, HandBack.RETRY)

    return swapped(SimulatedQueue, "nack", nack_for_retry)


def mixes_tasks_up() -> AbstractContextManager[None]:
    """Of two tasks that come together, each gets the lease of the other."""
    receive = SimulatedQueue.receive

    async def receive_crossed(self: SimulatedQueue, tasks_max: int, wait_s: float) -> list[Lease]:
        leases = await receive(self, tasks_max, wait_s)
        if len(leases) > 1:
            first, second = leases[:2]
            leases[:2] = [structs.replace(first, task=second.task), structs.replace(second, task=first.task)]
        return leases

    return swapped(SimulatedQueue, "receive", receive_crossed)


def tells_time_outs_as_exits() -> AbstractContextManager[None]:
    """A run that was ended because it took too long is told as one that exited."""
    kind_of_run = outcomes.kind_of_run

    def kind_without_time_outs(end: RunEnd, stopped: StopReason | None) -> OutcomeKind:
        kind = kind_of_run(end, stopped)
        return OutcomeKind.EXITED if kind is OutcomeKind.TIMED_OUT else kind

    return swapped(actions, "kind_of_run", kind_without_time_outs)


def exchanges_results() -> AbstractContextManager[None]:
    """A task is told with the result of another that has ended and is not settled yet."""
    record = actions.record

    def record_with_the_result_of_another(state: WorkerState, attempt: Attempt, fact: got.Input) -> None:
        own = attempt.outcome.end
        others = (one.outcome.end for one in state.attempts.values() if one is not attempt)
        other = next((end for end in others if end is not None and end.kind is EndKind.RETURNED), None)
        if own is not None and own.kind is EndKind.RETURNED and other is not None:
            attempt.outcome = structs.replace(attempt.outcome, end=other)
        record(state, attempt, fact)

    return instead_of("record", record_with_the_result_of_another)


def loses_exit_codes() -> AbstractContextManager[None]:
    """Whatever the status of a process was, it is told as 1."""
    event_of = outcomes.event_of

    def event_with_status_one(attempt: Attempt, outcome: Outcome) -> TaskEvent:
        event = event_of(attempt, outcome)
        return structs.replace(event, exit_code=1, signal="") if isinstance(event, TaskExited) else event

    return swapped(actions, "event_of", event_with_status_one)


def interrupts_what_has_ended() -> AbstractContextManager[None]:
    """What fails while the worker is to end is handed back as interrupted."""
    conclude = actions.conclude

    def conclude_as_interrupted(state: WorkerState, attempt: Attempt, fact: got.RunEnded) -> None:
        if state.drain_reason and fact.end.kind is not EndKind.RETURNED:
            attempt.stop_reason = attempt.stop_reason or StopReason.INTERRUPTION
        conclude(state, attempt, fact)

    return instead_of("conclude", conclude_as_interrupted)


def tries_once_when_ending() -> AbstractContextManager[None]:
    """A settlement that fails while the worker is to end is forgotten."""

    def forget_when_ending(state: WorkerState, attempt: Attempt, fact: got.SettleFailed) -> None:
        if not state.drain_reason:
            actions.plan_settle_again(state, attempt, fact)
            return
        attempt.state = State.SETTLED
        actions.close(state, attempt, fact)

    return rewired(State.SETTLING, Signal.SETTLE_FAILED, State.SETTLING, forget_when_ending)


def stores_again_at_once() -> AbstractContextManager[None]:
    """Events that could not be stored are tried again without a pause."""

    async def no_pause(self: Any, why: str) -> None:
        """Nothing."""

    return swapped(Recorder, "_pause", no_pause)
