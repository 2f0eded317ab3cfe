"""Histories written by hand: a few words for what happens to workers, messages and runs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from msgspec import structs

from cloud_tasks.core.events import (
    Event,
    TaskCompleted,
    TaskDeadLettered,
    TaskEvent,
    TaskException,
    TaskExited,
    TaskInterrupted,
    TaskTimedOut,
    WorkerStarted,
)
from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.policy import RetryPolicy
from cloud_tasks.core.task import EndKind, Lease, Outcome, OutcomeKind, RunEnd, Task
from fakes.history import Fact, FactKind
from simulation import happenings as told
from simulation.history import History
from simulation.judges.judge import Bench
from simulation.judges.panel import Surroundings, panel
from simulation.loop import SimulationLoop
from simulation.plan import RunPlan, WorkerPlan

RETURNED = RunEnd(kind=EndKind.RETURNED, result="done")
ASKED_AGAIN = RunEnd(kind=EndKind.RETURNED, retry=True, result="done")
RAISED = RunEnd(kind=EndKind.RAISED, exception="RuntimeError")
EXITED = RunEnd(kind=EndKind.EXITED, exit_code=3)
KILLED = RunEnd(kind=EndKind.EXITED, exit_code=-9, signal="SIGKILL", oom_killed=True)

PLAN = RunPlan(worker=WorkerPlan(max_attempts=3))
SETTINGS = MachineSettings(
    slots=2, max_runtime_s=60.0, grace_s=20.0, retry=RetryPolicy(on_exit=True, attempts_max=3)
)
LEASE_S = 30.0
A, B = "worker-1", "worker-2"
TASK = "task-1"


class Close:
    """The end of a run that went well."""

    def __init__(self) -> None:
        self.quiet_at = float("inf")
        self.settled = self.ended = True

    def liveness_bound_s(self) -> float:
        """As the world says it."""
        return 1_000.0


class Story:
    """Tells a history to every judge. Time goes on by `wait`.

    Args:
        plan: What judges may know of.
        settings: What every worker is told.
    """

    def __init__(self, plan: RunPlan = PLAN, settings: MachineSettings = SETTINGS) -> None:
        self.now = 0.0
        self.history = History()
        self.bench = Bench(plan, lambda: self.now)
        self.close = Close()
        self.loop = SimulationLoop()
        self.malformed: set[str] = set()
        self.off_the_books = 0
        self.runs: dict[tuple[str, str], int] = {}
        self._keys: dict[str, str] = {}
        self._places: dict[str, str] = {}
        self._deliveries: Counter[str] = Counter()
        self._receipts: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._run_numbers = 0
        self.judges = panel(
            self.bench,
            Surroundings(settings, self._counts, self.malformed.__contains__, self.loop, self.close),
        )
        for judge in self.judges:
            judge.listen(self.history)

    @property
    def broken(self) -> set[str]:
        """The invariants that were not kept so far."""
        return {violation.invariant for violation in self.bench.violations}

    def end(self) -> set[str]:
        """The story is over; returns the invariants that were not kept."""
        for judge in self.judges:
            judge.finish()
        self.loop.close()
        return self.broken

    def wait(self, seconds: float) -> Story:
        """Time goes by."""
        self.now += seconds
        return self

    # -- workers -----------------------------------------------------------------------------------------

    def worker(self, name: str = A) -> Story:
        """A worker begins."""
        self._tell(told.WorkerBegan, name)
        return self.record(WorkerStarted(worker_id=name, pid=1, version="1", num_simultaneous_tasks=2), name)

    def hear(self, name: str = A, why: str = "sigterm", within_s: float = 20.0) -> Story:
        """A worker hears that it is to end."""
        return self._tell(told.EndHeard, name, why=why, within_s=within_s)

    def exit(self, name: str = A, reason: str = "shutdown") -> Story:
        """A worker returns."""
        return self._tell(told.WorkerEnded, name, reason=reason)

    def crash(self, name: str = A) -> Story:
        """A worker is killed."""
        return self._tell(told.WorkerKilled, name)

    def halt(self, name: str = A) -> Story:
        """SIGSTOP."""
        return self._tell(told.WorkerStopped, name)

    def go_on(self, name: str = A) -> Story:
        """SIGCONT."""
        return self._tell(told.WorkerContinued, name)

    # -- the queue ---------------------------------------------------------------------------------------

    def send(self, task: str = TASK) -> Story:
        """The queue accepts a message."""
        key = self._keys[task] = str(len(self._keys) + 1)
        self._places[key] = "visible"
        return self.fact(FactKind.SENT, task, "")

    def fact(self, kind: FactKind, task: str = TASK, worker: str = "", reason: str = "") -> Story:
        """Something happens to a message in the queue."""
        key = self._keys[task]
        if kind is FactKind.DELIVERED:
            self._deliveries[key] += 1
            self._receipts[key] += 1
        self._places[key] = _PLACES[kind]
        until = self.now + LEASE_S if kind in (FactKind.DELIVERED, FactKind.EXTENDED) else None
        fact = Fact(kind, self.now, key, self.receipt(task), self._deliveries[key], until, reason)
        return self._tell(told.QueueChanged, worker, fact=fact, task_id=task)

    def expire(self, task: str = TASK, reason: str = "") -> Story:
        """A lease ends by itself."""
        return self.fact(FactKind.EXPIRED, task, reason=reason)

    def receipt(self, task: str = TASK) -> str:
        """The newest receipt of a task's message."""
        key = self._keys[task]
        return f"{key}#{self._receipts[key]}"

    def deliver(self, task: str = TASK, worker: str = A, *, heard: bool = True) -> Story:
        """A worker receives a task."""
        self.issue("receive", "", worker, tasks_max=1)
        self.fact(FactKind.DELIVERED, task, worker)
        return self.answer("receive", "", worker, leases=(self.lease(task),), heard=heard)

    def issue(self, operation: str, task: str = TASK, worker: str = A, **more: Any) -> Story:
        """A worker calls the queue; about a task, with its newest receipt unless another one is given."""
        self._calls[worker] += 1
        if task:
            more.setdefault("receipt", self.receipt(task))
        return self._tell(
            told.CallIssued, worker, operation=operation, number=self._calls[worker], task_id=task, **more
        )

    def answer(self, operation: str, task: str = TASK, worker: str = A, **more: Any) -> Story:
        """The queue answers the worker's last call."""
        return self._tell(
            told.CallAnswered, worker, operation=operation, number=self._calls[worker], task_id=task, **more
        )

    def look(self, worker: str = A, tasks_max: int = 1, *, after_s: float = 0.0) -> Story:
        """A worker asks for tasks, and there is none for so long."""
        return (
            self.issue("receive", "", worker, tasks_max=tasks_max).wait(after_s).answer("receive", "", worker)
        )

    def extend(self, task: str = TASK, worker: str = A, *, renews: bool = False) -> Story:
        """A worker extends a lease."""
        self.issue("extend", task, worker, seconds=LEASE_S)
        self._receipts[self._keys[task]] += renews
        self.fact(FactKind.EXTENDED, task, worker)
        return self.answer("extend", task, worker, leases=(self.lease(task),))

    def ack(self, task: str = TASK, worker: str = A, *, elapsed_s: float = 1.0) -> Story:
        """A worker settles a task that was completed."""
        outcome = Outcome(OutcomeKind.COMPLETED, elapsed_s=elapsed_s)
        self.issue("ack", task, worker, outcome=outcome)
        return self.fact(FactKind.ACKED, task, worker).answer("ack", task, worker)

    def ack_lost(self, task: str = TASK, worker: str = A) -> Story:
        """An ack that fails before its effect."""
        self.issue("ack", task, worker, outcome=Outcome(OutcomeKind.COMPLETED, elapsed_s=1.0))
        return self.answer("ack", task, worker, error="QueueUnavailableError")

    def ack_refused(self, receipt: str = "1#1", task: str = TASK, worker: str = A) -> Story:
        """An ack with a receipt that the queue takes no more."""
        self.issue(
            "ack", task, worker, receipt=receipt, outcome=Outcome(OutcomeKind.COMPLETED, elapsed_s=1.0)
        )
        return self.answer("ack", task, worker, error="LeaseLostError")

    def settle_as(self, kind: str, task: str = TASK, worker: str = A, elapsed_s: float = 1.0) -> Story:
        """A worker acks a task that came to no good end, and is not tried again."""
        self.issue("ack", task, worker, outcome=Outcome(OutcomeKind(kind), elapsed_s=elapsed_s))
        return self.fact(FactKind.ACKED, task, worker).answer("ack", task, worker)

    def nack(
        self, task: str = TASK, worker: str = A, *, reason: str = "retry", delay_s: float = 0.0
    ) -> Story:
        """A worker hands a task back."""
        self.issue("nack", task, worker, reason=reason, seconds=delay_s)
        return self.fact(FactKind.NACKED, task, worker, reason).answer("nack", task, worker)

    def bury(self, task: str = TASK, worker: str = A) -> Story:
        """A worker puts a task with the dead letters."""
        self.issue("dead_letter", task, worker, reason="hopeless")
        return self.fact(FactKind.DEAD_LETTERED, task, worker).answer("dead_letter", task, worker)

    # -- runs and events ---------------------------------------------------------------------------------

    def request(self, task: str = TASK, worker: str = A, attempt: int = 1) -> Story:
        """A worker asks for a run."""
        self._run_numbers += 1
        self.runs[task, worker] = self._run_numbers
        return self._tell(told.RunRequested, worker, task_id=task, attempt=attempt, run=self._run_numbers)

    def run(self, task: str = TASK, worker: str = A, attempt: int = 1) -> Story:
        """A run begins."""
        return self.request(task, worker, attempt).begin(task, worker, attempt)

    def begin(self, task: str = TASK, worker: str = A, attempt: int = 1) -> Story:
        """A run begins that was asked for before."""
        return self._run(told.RunBegan, task, worker, attempt=attempt)

    def not_started(self, task: str = TASK, worker: str = A) -> Story:
        """There is no process to be had for a run."""
        return self._run(told.RunNotStarted, task, worker)

    def term(self, task: str = TASK, worker: str = A) -> Story:
        """SIGTERM to a run."""
        return self._run(told.RunAsked, task, worker, kill=False)

    def kill(self, task: str = TASK, worker: str = A) -> Story:
        """SIGKILL to a run."""
        return self._run(told.RunAsked, task, worker, kill=True)

    def over(self, task: str = TASK, worker: str = A, end: RunEnd = RETURNED) -> Story:
        """A run ends, and something of it is left."""
        return self._run(told.RunOver, task, worker, end=end)

    def gone(self, task: str = TASK, worker: str = A) -> Story:
        """Nothing is left of a run."""
        return self._run(told.RunGone, task, worker)

    def finish(self, task: str = TASK, worker: str = A, end: RunEnd = RETURNED) -> Story:
        """A run ends, and nothing is left of it."""
        return self.over(task, worker, end).gone(task, worker)

    def record(self, event: Event, worker: str = A) -> Story:
        """An event becomes durable."""
        return self._tell(told.EventStored, worker, event=event)

    def issue_store(self, worker: str = A) -> Story:
        """A worker hands events over to be stored."""
        return self._tell(told.StoreIssued, worker)

    def fail_store(self, worker: str = A) -> Story:
        """A worker is told that events could not be stored."""
        return self._tell(told.StoreFailed, worker)

    def hold(self, task: str = TASK, worker: str = A, attempt: int = 1) -> Story:
        """A worker receives a task and begins to run it."""
        return self.deliver(task, worker).run(task, worker, attempt)

    def complete(self, task: str = TASK, worker: str = A, attempt: int = 1) -> Story:
        """A run that has begun comes to a good end, is recorded and acked."""
        self.wait(1.0).finish(task, worker).record(completed(task, attempt), worker)
        return self.ack(task, worker)

    def complete_after(self, elapsed_s: float) -> Story:
        """As `complete`, for a run of that length that is over now."""
        return self.finish().record(completed(elapsed_s=elapsed_s)).ack(elapsed_s=elapsed_s)

    # -- within ------------------------------------------------------------------------------------------

    def _tell(self, kind: type[told.Happening], worker: str, **more: Any) -> Story:
        self.history.tell(kind(at=self.now, worker=worker, **more))
        return self

    def _run(self, kind: type[told.Happening], task: str, worker: str, **more: Any) -> Story:
        return self._tell(kind, worker, task_id=task, run=self.runs[task, worker], **more)

    def lease(self, task: str = TASK) -> Lease:
        """As a worker is told of it."""
        return Lease(Task(task, {}), self._keys[task], self.receipt(task), LEASE_S, 1)

    def _counts(self) -> dict[str, int]:
        counts = {"visible": 0, "in_flight": 0, "delayed": 0, "dead": 0, "gone": 0}
        for place in self._places.values():
            counts[place] += 1
        counts["visible"] -= self.off_the_books
        return counts


_PLACES = {
    FactKind.SENT: "visible",
    FactKind.DELIVERED: "in_flight",
    FactKind.EXTENDED: "in_flight",
    FactKind.EXPIRED: "visible",
    FactKind.NACKED: "visible",
    FactKind.ACKED: "gone",
    FactKind.REMOVED: "gone",
    FactKind.DEAD_LETTERED: "dead",
}


def completed(task: str = TASK, attempt: int = 1, elapsed_s: float = 1.0, result: str = "done") -> TaskEvent:
    """The event of a task that returned."""
    return TaskCompleted(
        task_id=task,
        elapsed_time=elapsed_s,
        retry=False,
        attempt=attempt,
        result=result,
        retry_requested=False,
    )


def asked_again(task: str = TASK, attempt: int = 1, *, retry: bool) -> TaskEvent:
    """The event of a task that returned, and asked for another attempt."""
    return structs.replace(completed(task, attempt), retry=retry, retry_requested=True)


def raised(task: str = TASK, attempt: int = 1, *, retry: bool = False) -> TaskEvent:
    """The event of a task that raised."""
    return TaskException(
        task_id=task,
        elapsed_time=1.0,
        retry=retry,
        attempt=attempt,
        exception="RuntimeError",
        exception_kind="raised",
    )


def exited(task: str = TASK, attempt: int = 1, *, retry: bool = True, end: RunEnd = EXITED) -> TaskEvent:
    """The event of a task whose process exited."""
    return TaskExited(
        task_id=task,
        elapsed_time=1.0,
        retry=retry,
        attempt=attempt,
        exit_code=end.exit_code,
        signal=end.signal,
        oom_killed=end.oom_killed,
        peak_memory_bytes=None,
        stderr_tail="",
    )


def timed_out(task: str = TASK, attempt: int = 1) -> TaskEvent:
    """The event of a task that took too long."""
    return TaskTimedOut(task_id=task, elapsed_time=1.0, retry=False, attempt=attempt, stderr_tail="")


def interrupted(task: str = TASK, reason: str = "shutdown", attempt: int = 1) -> TaskEvent:
    """The event of a task that was given up."""
    return TaskInterrupted(task_id=task, elapsed_time=1.0, retry=True, attempt=attempt, reason=reason)


def dead(task: str = TASK, attempt: int = 3, reason: str = "its attempts are used up") -> TaskEvent:
    """The event of a task that is not run any more."""
    return TaskDeadLettered(task_id=task, elapsed_time=0.0, retry=False, attempt=attempt, reason=reason)


def keeping_failures() -> Story:
    """A task runs whose failure for good is to be kept with the dead letters."""
    retry = structs.replace(SETTINGS.retry, keep_failed=True)
    plan = structs.replace(PLAN, worker=structs.replace(PLAN.worker, keep_failed=True))
    return Story(plan, structs.replace(SETTINGS, retry=retry)).worker().send().hold()
