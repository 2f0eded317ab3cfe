"""Gathers a summary from the events of a run."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from cloud_tasks.core.events import (
    Event,
    FatalException,
    NonFatalException,
    TaskCompleted,
    TaskDeadLettered,
    TaskEvent,
    TaskException,
    TaskExited,
    TaskInterrupted,
    TaskTimedOut,
)
from cloud_tasks.summary.failures import FailureGroups
from cloud_tasks.summary.headline import headline_of_event
from cloud_tasks.summary.run_times import RunTimesBuilder
from cloud_tasks.summary.values import OutcomeCounts, SlowTask, Summary

SLOWEST_MAX = 10
PROBLEMS_MAX = 20
"""How many fatal exceptions are kept; there is hardly ever a second one."""

OUTCOMES: dict[type[Event], str] = {
    TaskCompleted: "completed",
    TaskException: "exception",
    TaskTimedOut: "timed_out",
    TaskExited: "exited",
    TaskInterrupted: "interrupted",
    TaskDeadLettered: "dead_lettered",
}
"""The name in `OutcomeCounts` of what an event tells."""


class SummaryBuilder:
    """Takes every event of a run once; its memory does not grow with the number of tasks."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(OUTCOMES.values(), 0)
        self._run_times = RunTimesBuilder()
        self._slowest: list[tuple[float, int, SlowTask]] = []
        self._failures = FailureGroups()
        self._problems: list[str] = []
        self._number = 0
        self._failed = 0
        self._retried = 0
        self._unfinished = 0
        self._errors_survived = 0

    def add(self, event: Event) -> None:
        """Take one event; those that say nothing about tasks or errors are passed over."""
        if isinstance(event, TaskEvent):
            self._add_task(event, OUTCOMES[type(event)])
        elif isinstance(event, FatalException):
            if len(self._problems) < PROBLEMS_MAX:
                self._problems.append(event.exception)
        elif isinstance(event, NonFatalException):
            self._errors_survived += 1

    def build(
        self,
        *,
        worker_id: str,
        reason: str,
        elapsed_s: float,
        signal: str = "",
        tasks_total: int | None = None,
        skipped: int = 0,
        unfinished: int = 0,
        problems: Sequence[str] = (),
    ) -> Summary:
        """The summary of what was taken so far.

        Args:
            worker_id: As in `Summary`.
            reason: As in `Summary`.
            elapsed_s: As in `Summary`, in seconds.
            signal: As in `Summary`.
            tasks_total: As in `Summary`.
            skipped: Tasks handed back unseen; there is no event for them.
            unfinished: Tasks of a local source that were to be run and were never started; those that were
                interrupted are known from their events.
            problems: What went wrong beside the fatal exceptions that came as events.
        """
        return Summary(
            worker_id=worker_id,
            reason=reason,
            elapsed_s=elapsed_s,
            signal=signal,
            tasks_total=tasks_total,
            counts=OutcomeCounts(**self._counts, skipped=skipped),
            failed=self._failed,
            retried=self._retried,
            unfinished=self._unfinished + unfinished,
            run_times=self._run_times.build(),
            slowest=tuple(task for _, _, task in sorted(self._slowest, reverse=True)),
            failures=self._failures.build(),
            problems=(*self._problems, *problems),
            errors_survived=self._errors_survived,
        )

    def _add_task(self, event: TaskEvent, outcome: str) -> None:
        self._counts[outcome] += 1
        if type(event) is TaskInterrupted:
            # What lost its lease is somebody else's now, and neither lost nor to be tried again here.
            self._unfinished += not event.retry and event.reason != "lease_lost"
            return
        self._retried += event.retry
        if type(event) is not TaskDeadLettered:
            self._add_time(event, outcome)
        if type(event) is not TaskCompleted:
            self._failed += not event.retry
            self._failures.add(outcome, *headline_of_event(event), event.task_id)

    def _add_time(self, event: TaskEvent, outcome: str) -> None:
        elapsed_s = event.elapsed_time
        self._run_times.add(elapsed_s)
        slowest = self._slowest
        if len(slowest) < SLOWEST_MAX or elapsed_s > slowest[0][0]:
            self._number += 1
            push = heapq.heappush if len(slowest) < SLOWEST_MAX else heapq.heappushpop
            # The number makes the earlier one of two equals the slower, and spares comparing tasks.
            push(slowest, (elapsed_s, -self._number, SlowTask(event.task_id, elapsed_s, outcome)))
