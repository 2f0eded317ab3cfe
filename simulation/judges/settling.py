"""S1, S2: a task is settled for good only when what became of it is durable, and was no failure."""

from __future__ import annotations

from cloud_tasks.core.events import TaskCompleted, TaskEvent
from fakes.history import FactKind
from simulation.history import EventStored, History, QueueChanged
from simulation.judges.judge import Bench


class SettlingJudge:
    """Holds each ack against the events that were durable before it.

    Args:
        bench: Where verdicts go.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._last: dict[str, TaskEvent] = {}

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(EventStored, self._on_stored)
        history.on(QueueChanged, self._on_queue)

    def finish(self) -> None:
        """Nothing is left to say."""

    def _on_stored(self, happening: EventStored) -> None:
        if isinstance(happening.event, TaskEvent):
            self._last[happening.event.task_id] = happening.event

    def _on_queue(self, happening: QueueChanged) -> None:
        if happening.fact.kind is not FactKind.ACKED:
            return
        task_id = happening.task_id
        event = self._last.get(task_id)
        if event is None:
            self._bench.check("S1", False, "acked before any outcome was durable", task_id, happening.worker)  # noqa: FBT003
            return
        self._bench.check("S1", not event.retry, "acked although it was to come again", task_id)
        self._bench.check("S2", isinstance(event, TaskCompleted) or not event.retry, "", task_id)
