"""Points about leases: who holds a task, and who runs it all the same."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from fakes.history import FactKind
from simulation.happenings import QueueChanged, RunBegan, RunGone, WorkerContinued, WorkerStopped
from simulation.history import History
from simulation.plan import RunPlan


class LeasePoints:
    """Sees which leases are held, and which runs there are.

    Args:
        plan: What the run follows from.
        counts: Where points are counted.
    """

    points: ClassVar[dict[str, str]] = {
        "lease_extended": "an extension of a lease was made",
        "lease_expired_while_running": "a lease expired while its task ran",
        "delivered_twice": "a message was shown to others although it was leased",
        "two_ran_at_once": "two workers ran one task at the same time",
        "ran_again": "a task ran once more",
        "zombie_woke": "a worker went on after a stop that had outlasted one of its leases",
        "all_slots_taken": "a worker ran as many tasks as it may",
    }

    def __init__(self, plan: RunPlan, counts: Counter[str]) -> None:
        self._counts = counts
        self._slots = plan.worker.num_simultaneous_tasks
        self._running: dict[str, tuple[str, ...]] = {}
        self._busy: Counter[str] = Counter()
        self._holder: dict[str, str] = {}
        self._stopped: dict[str, bool] = {}

    def listen(self, history: History) -> None:
        """See `Sometimes`."""
        history.on(QueueChanged, self._on_delivered, FactKind.DELIVERED)
        history.on(QueueChanged, self._on_extended, FactKind.EXTENDED)
        history.on(QueueChanged, self._on_expired, FactKind.EXPIRED)
        history.on(RunBegan, self._on_began)
        history.on(RunGone, self._on_gone)
        history.on(WorkerStopped, self._on_stopped)
        history.on(WorkerContinued, self._on_continued)

    def _on_delivered(self, happening: QueueChanged) -> None:
        self._holder[happening.task_id] = happening.worker

    def _on_extended(self, _: QueueChanged) -> None:
        self._counts["lease_extended"] += 1

    def _on_expired(self, happening: QueueChanged) -> None:
        if happening.fact.reason == "duplicate":
            self._counts["delivered_twice"] += 1
            return
        if self._running.get(happening.task_id):
            self._counts["lease_expired_while_running"] += 1
        holder = self._holder.get(happening.task_id, "")
        if holder in self._stopped:
            self._stopped[holder] = True

    def _on_began(self, happening: RunBegan) -> None:
        others = self._running.get(happening.task_id)
        if others is not None:
            self._counts["ran_again"] += 1
            if any(other != happening.worker for other in others):
                self._counts["two_ran_at_once"] += 1
        self._running[happening.task_id] = (*(others or ()), happening.worker)
        self._busy[happening.worker] += 1
        if self._busy[happening.worker] == self._slots:
            self._counts["all_slots_taken"] += 1

    def _on_gone(self, happening: RunGone) -> None:
        running = self._running[happening.task_id]
        place = running.index(happening.worker)
        self._running[happening.task_id] = running[:place] + running[place + 1 :]
        self._busy[happening.worker] -= 1

    def _on_stopped(self, happening: WorkerStopped) -> None:
        self._stopped[happening.worker] = False

    def _on_continued(self, happening: WorkerContinued) -> None:
        if self._stopped.pop(happening.worker, False):
            self._counts["zombie_woke"] += 1
