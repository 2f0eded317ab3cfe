"""Points about single runs: how they end."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from msgspec import Struct

from cloud_tasks.core.events import TaskCompleted, TaskDeadLettered, TaskEvent, TaskInterrupted, TaskTimedOut
from simulation.happenings import EventStored, RunAsked, RunBegan, RunGone, RunOver
from simulation.history import History
from simulation.plan import RunPlan

AT_ONCE_S = 0.005
"""Moments that are no further apart are the same, to a worker."""
_LOST = "lease_lost"
_ENDS = ("shutdown", "spot_termination")


class _Run(Struct):
    began_at: float
    asked: bool = False
    killed: bool = False
    over_at: float = 0.0


class RunPoints:
    """Follows each run from its beginning to its last trace.

    Args:
        plan: What the run of the world follows from.
        counts: Where points are counted.
    """

    points: ClassVar[dict[str, str]] = {
        "ignored_sigterm": "a task ignored SIGTERM, and was killed",
        "ended_at_deadline": "a task ended by itself at its very deadline",
        "outlived_by_something": "something was left of a task after its end",
        "timed_out": "a task was stopped because it ran for too long",
        "asked_again": "a task asked for another attempt, and got it",
        "interrupted_too_often": "a task was put aside because it had been interrupted too often",
        "failed_for_good": "a task failed and was not to be tried again",
        "succeeded_after_failure": "a task succeeded at an attempt that was not its first",
        "let_go": "a worker gave a task up because its lease was lost, or could not be renewed",
        "could_not_start": "a task was handed back because no process could be started for it",
    }

    def __init__(self, plan: RunPlan, counts: Counter[str]) -> None:
        self._counts = counts
        self._max_runtime_s = plan.worker.max_runtime_s
        self._runs: dict[int, _Run] = {}

    def listen(self, history: History) -> None:
        """See `Sometimes`."""
        history.on(RunBegan, self._on_began)
        history.on(RunAsked, self._on_asked)
        history.on(RunOver, self._on_over)
        history.on(RunGone, self._on_gone)
        history.on(EventStored, self._on_stored)

    def _on_began(self, happening: RunBegan) -> None:
        self._runs[happening.run] = _Run(happening.at)

    def _on_asked(self, happening: RunAsked) -> None:
        run = self._runs.get(happening.run)
        if run is None:  # it has not begun, or is no more
            return
        if not happening.kill:
            run.asked = True
        elif run.asked and not run.over_at:
            run.killed = True

    def _on_over(self, happening: RunOver) -> None:
        run = self._runs[happening.run]
        run.over_at = happening.at
        if run.killed and happening.end.signal == "SIGKILL":
            self._counts["ignored_sigterm"] += 1
        elif not run.asked and abs(happening.at - run.began_at - self._max_runtime_s) <= AT_ONCE_S:
            self._counts["ended_at_deadline"] += 1

    def _on_gone(self, happening: RunGone) -> None:
        run = self._runs.pop(happening.run)
        if happening.at > run.over_at:
            self._counts["outlived_by_something"] += 1

    def _on_stored(self, happening: EventStored) -> None:
        event = happening.event
        if not isinstance(event, TaskEvent):
            return
        if type(event) is TaskCompleted:
            if event.retry:
                self._counts["asked_again"] += 1
            elif event.attempt > 1 and not event.retry_requested:
                self._counts["succeeded_after_failure"] += 1
        elif type(event) is TaskInterrupted:
            if event.reason == _LOST:
                self._counts["let_go"] += 1
            elif event.reason not in _ENDS:
                self._counts["could_not_start"] += 1
        else:
            self._note_failure(event)

    def _note_failure(self, event: TaskEvent) -> None:
        if type(event) is TaskDeadLettered and event.reason.startswith("interrupted"):
            self._counts["interrupted_too_often"] += 1
        if type(event) is TaskTimedOut:
            self._counts["timed_out"] += 1
        if not event.retry:
            self._counts["failed_for_good"] += 1
