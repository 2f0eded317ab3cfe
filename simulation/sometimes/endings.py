"""Points about the end of workers: what was under way when it came."""

from __future__ import annotations

from collections import Counter, deque
from typing import ClassVar

from simulation.happenings import (
    CallAnswered,
    CallIssued,
    EndAsked,
    RunBegan,
    RunGone,
    WorkerBegan,
    WorkerEnded,
    WorkerKilled,
)
from simulation.history import History
from simulation.plan import RunPlan

MINUTE_S = 60.0
_OF_THEMSELVES = {"idle": "ended_idle", "max_num_tasks": "ended_after_its_number"}


class EndingPoints:
    """Sees what each worker is at when it is asked to end, or killed.

    Args:
        plan: What the run follows from.
        counts: Where points are counted.
    """

    points: ClassVar[dict[str, str]] = {
        "receive_under_way_at_notice": "a receive was under way when the notice came",
        "receive_under_way_at_sigterm": "a receive was under way when SIGTERM came",
        "running_when_asked_to_end": "a task ran when its worker was asked to end",
        "arrived_after_the_end": "tasks arrived at a worker that had been asked to end",
        "asked_twice_to_end": "a worker was asked to end once more",
        "ended_before_the_kill": "a worker ended by itself after a notice, before the machine went",
        "killed_after_notice": "the machine went before the worker had ended",
        "killed_while_running": "a worker was killed while one of its tasks ran",
        "killed_young": "a worker was killed within a minute of its start",
        "ended_idle": "a worker ended because it had had no task for as long as it was told to wait",
        "ended_after_its_number": "a worker ended after as many tasks as it was told",
        "half_the_fleet_gone": "half of the workers or more went within a minute",
    }

    def __init__(self, plan: RunPlan, counts: Counter[str]) -> None:
        self._counts = counts
        self._half = max(2, (plan.worker.workers + 1) // 2)
        self._receiving: Counter[str] = Counter()
        self._running: Counter[str] = Counter()
        self._asked: dict[str, str] = {}
        self._began_at: dict[str, float] = {}
        self._gone: deque[float] = deque(maxlen=self._half)

    def listen(self, history: History) -> None:
        """See `Sometimes`."""
        history.on(WorkerBegan, self._on_worker_began)
        history.on(CallIssued, self._on_receive, "receive")
        history.on(CallAnswered, self._on_received, "receive")
        history.on(RunBegan, self._on_run_began)
        history.on(RunGone, self._on_run_gone)
        history.on(EndAsked, self._on_end_asked)
        history.on(WorkerKilled, self._on_killed)
        history.on(WorkerEnded, self._on_ended)

    def _on_worker_began(self, happening: WorkerBegan) -> None:
        self._began_at[happening.worker] = happening.at

    def _on_receive(self, happening: CallIssued) -> None:
        self._receiving[happening.worker] += 1

    def _on_received(self, happening: CallAnswered) -> None:
        self._receiving[happening.worker] -= 1
        if happening.count and happening.worker in self._asked:
            self._counts["arrived_after_the_end"] += 1

    def _on_run_began(self, happening: RunBegan) -> None:
        self._running[happening.worker] += 1

    def _on_run_gone(self, happening: RunGone) -> None:
        self._running[happening.worker] -= 1

    def _on_end_asked(self, happening: EndAsked) -> None:
        worker, counts = happening.worker, self._counts
        if self._receiving[worker]:
            counts[f"receive_under_way_at_{happening.why}"] += 1
        if self._running[worker]:
            counts["running_when_asked_to_end"] += 1
        if worker in self._asked:
            counts["asked_twice_to_end"] += 1
        self._asked[worker] = happening.why

    def _on_killed(self, happening: WorkerKilled) -> None:
        worker, counts = happening.worker, self._counts
        if self._running[worker]:
            counts["killed_while_running"] += 1
        if happening.at - self._began_at[worker] <= MINUTE_S:
            counts["killed_young"] += 1
        if self._asked.get(worker) == "notice":
            counts["killed_after_notice"] += 1
        self._note_gone(happening.at)

    def _on_ended(self, happening: WorkerEnded) -> None:
        by_itself = _OF_THEMSELVES.get(happening.reason)
        if by_itself is not None:
            self._counts[by_itself] += 1
        if self._asked.get(happening.worker) == "notice":
            self._counts["ended_before_the_kill"] += 1
            self._note_gone(happening.at)

    def _note_gone(self, at: float) -> None:
        gone = self._gone
        gone.append(at)
        if len(gone) == self._half and at - gone[0] <= MINUTE_S:
            self._counts["half_the_fleet_gone"] += 1
            gone.clear()
