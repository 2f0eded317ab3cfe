"""Points about what a job has around its workers: events, monitors, producers."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from fakes.history import FactKind
from simulation.history import History
from simulation.job.happenings import (
    EventMoved,
    EventTakenIn,
    MonitorEnded,
    MonitorKilled,
    ProducerEnded,
    ProducerKilled,
    TaskSent,
)
from simulation.plan import RunPlan


class JobPoints:
    """Follows events to the monitor, and tasks from the producer.

    Args:
        plan: What the run follows from.
        counts: Where points are counted.
    """

    points: ClassVar[dict[str, str]] = {
        "event_came_again": "an event was delivered a second time",
        "event_overtaken": "an event was delivered after one that was told later",
        "event_too_late": "an event came after its task's end, or after a later attempt",
        "monitor_killed": "a monitor was killed between two steps",
        "monitor_killed_while_storing": "a monitor was killed in the middle of storing events",
        "job_followed_to_its_end": "a monitor that had been killed before saw the end of the job",
        "load_killed": "a load was killed in the middle",
        "load_went_on": "a load that had been killed was gone on with, and came to its end",
        "task_sent_twice": "a task was sent a second time",
    }

    def __init__(self, plan: RunPlan, counts: Counter[str]) -> None:
        self._counts = counts
        self._newest = 0
        self._kills = self._loads_killed = 0
        self._sent: set[str] = set()

    def listen(self, history: History) -> None:
        """See `Sometimes`."""
        history.on(EventMoved, self._on_moved)
        history.on(EventTakenIn, self._on_taken_in)
        history.on(MonitorKilled, self._on_killed)
        history.on(MonitorEnded, self._on_ended)
        history.on(ProducerKilled, self._on_load_killed)
        history.on(ProducerEnded, self._on_load_ended)
        history.on(TaskSent, self._on_sent)

    def _on_moved(self, happening: EventMoved) -> None:
        fact = happening.fact
        if fact.kind is not FactKind.DELIVERED:
            return
        number = int(happening.original)
        if fact.delivery_count > 1 or happening.original != fact.key:
            self._counts["event_came_again"] += 1
        elif number < self._newest:
            self._counts["event_overtaken"] += 1
        self._newest = max(self._newest, number)

    def _on_taken_in(self, happening: EventTakenIn) -> None:
        if happening.effect == "late":
            self._counts["event_too_late"] += 1

    def _on_killed(self, happening: MonitorKilled) -> None:
        self._kills += 1
        self._counts["monitor_killed_while_storing" if happening.where else "monitor_killed"] += 1

    def _on_ended(self, happening: MonitorEnded) -> None:
        if self._kills and happening.total == happening.finished:
            self._counts["job_followed_to_its_end"] += 1

    def _on_load_killed(self, happening: ProducerKilled) -> None:
        if self._sent:
            self._loads_killed += 1
            self._counts["load_killed"] += 1

    def _on_load_ended(self, happening: ProducerEnded) -> None:
        if self._loads_killed and not happening.unsent and not happening.error:
            self._counts["load_went_on"] += 1

    def _on_sent(self, happening: TaskSent) -> None:
        if happening.task_id in self._sent:
            self._counts["task_sent_twice"] += 1
        self._sent.add(happening.task_id)
