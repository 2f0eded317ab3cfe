"""L1 to L7: once the faults have stopped, everything comes right within bounds."""

from __future__ import annotations

from typing import Protocol

from fakes.history import FactKind
from simulation.faults import FaultClass
from simulation.happenings import QueueChanged
from simulation.history import History
from simulation.judges.books import Books
from simulation.judges.judge import Bench
from simulation.judges.records import MessageRecord
from simulation.link import SLOW_S_MAX
from simulation.plan import RunPlan

REDELIVERIES_MAX = 4
"""After the faults: the lease that was held, its hand-back by a worker that ends, and some to spare."""
START_S_MAX = 300.0
"""How long a worker lets a run take to start."""
PATIENCE_S = 120.0
"""The longest pauses between tries, and some slack."""
PROGRESS = frozenset((FactKind.DELIVERED, FactKind.ACKED, FactKind.NACKED, FactKind.DEAD_LETTERED))
_GONE = frozenset((FactKind.ACKED, FactKind.DEAD_LETTERED, FactKind.REMOVED))


class Closing(Protocol):
    """How a run of the world comes to its end."""

    quiet_at: float
    """When the faults stopped; infinite while they have not."""
    settled: bool
    """Whether every task was settled within the bound."""
    ended: bool
    """Whether every worker ended in time when it was asked to."""

    def liveness_bound_s(self) -> float:
        """How long it may take, from the end of the faults, until every task is settled."""
        ...


class LivenessJudge:
    """Watches the queue after the faults have stopped.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
        world: Knows when they stopped, and the bounds.
    """

    def __init__(self, bench: Bench, books: Books, world: Closing) -> None:
        self._bench = bench
        self._l2 = bench.watch("L2")
        self._l3 = bench.watch("L3")
        self._l5 = bench.watch("L5")
        self._l7 = bench.watch("L7")
        self._books = books
        self._world = world
        self._progress_at = self._work_since = 0.0
        self._was_taken = False
        self._live = 0
        self._again: dict[str, int] = {}
        self._idle_s_max = _idle_s_max(bench.plan)
        self._again_max = _again_max(bench.plan)

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(QueueChanged, self._on_sent, FactKind.SENT)
        history.on(QueueChanged, self._on_progress, *PROGRESS)
        history.on(QueueChanged, self._on_gone, *_GONE)

    def _on_sent(self, happening: QueueChanged) -> None:
        if not self._live:
            self._progress_at = self._work_since = happening.at
        self._live += 1

    def _on_progress(self, happening: QueueChanged) -> None:
        if happening.at > self._world.quiet_at:
            self._look(happening)
        self._progress_at = happening.at

    def _on_gone(self, happening: QueueChanged) -> None:
        message = self._books.message
        if message is not None and message.over is happening.fact.kind:
            self._live -= 1

    def _look(self, happening: QueueChanged) -> None:
        """Progress, after the faults have stopped."""
        waited_s = happening.at - max(self._progress_at, self._world.quiet_at)
        self._l3.looks += 1
        if waited_s > self._idle_s_max:
            self._l3.broken("nothing went on for {} s", waited_s)
        if happening.fact.kind is not FactKind.DELIVERED:
            return
        if not self._was_taken:
            self._was_taken = True
            self._check_first(happening)
        key = happening.fact.key
        again = self._again[key] = self._again.get(key, 0) + 1
        self._l5.looks += 1
        if again > self._again_max:
            self._l5.broken(
                "delivered {} times after the faults had stopped", again, task_id=happening.task_id
            )

    def _check_first(self, happening: QueueChanged) -> None:
        """The first task after the faults is taken as soon as a lease and a run may be over."""
        waited_s = happening.at - max(self._work_since, self._world.quiet_at)
        self._bench.check(
            "L4",
            waited_s <= self._idle_s_max,
            "the first task after the faults was taken after {} s",
            waited_s,
        )

    def finish(self) -> None:
        """See `Judge`."""
        world, bench = self._world, self._bench
        bench.check("L1", world.settled, "tasks are left although the faults have stopped")
        bench.check("L6", world.ended, "a worker that was asked to end has not")
        bound_s = world.liveness_bound_s()
        for message in self._books.messages.values():
            self._check_message(message, bound_s)

    def _check_message(self, message: MessageRecord, bound_s: float) -> None:
        bench = self._bench
        self._l2.looks += 1
        if message.over is None:
            self._l2.broken("never settled", task_id=message.task_id)
        since = max(message.sent_at, self._world.quiet_at)
        waited_s = (bench.now() if message.first_at is None else message.first_at) - since
        # Which message is next is for the queue to say; a worker can only fail to ask, and that is L1 and L4.
        self._l7.looks += 1
        if waited_s > bound_s:
            self._l7.broken("not even taken for {} s", waited_s, task_id=message.task_id)


def _again_max(plan: RunPlan) -> float:
    """How often a message may be delivered after the faults have stopped."""
    worker = plan.worker
    if worker.max_attempts is not None:
        return worker.max_attempts + REDELIVERIES_MAX
    return float("inf") if worker.retry_on_exception else REDELIVERIES_MAX


def _idle_s_max(plan: RunPlan) -> float:
    """How long the queue may be still while something is in it: a lease and a run, a call and a pause."""
    one_s = plan.worker.max_runtime_s + plan.queue.lease_s + 2 * SLOW_S_MAX
    kind = FaultClass.CHILD_SLOW_START
    if kind in plan.odds or any(fault.kind is kind for fault in plan.faults):
        one_s += START_S_MAX  # one that began before the faults stopped takes as long as it takes
    return one_s + PATIENCE_S + plan.worker.longest_retry_delay_s
