"""Points about events and settlements: what comes between the one and the other."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from cloud_tasks.core.events import TaskEvent, TaskInterrupted
from fakes.history import FactKind
from simulation.happenings import CallAnswered, EventStored, QueueChanged, StoreFailed, WorkerKilled
from simulation.history import History
from simulation.plan import RunPlan

_SETTLEMENTS = ("ack", "nack", "dead_letter")
_LOST = "LeaseLostError"


class SettlementPoints:
    """Follows each outcome from its event to its settlement.

    Args:
        plan: What the run follows from.
        counts: Where points are counted.
    """

    points: ClassVar[dict[str, str]] = {
        "ack_reply_lost": "an ack had its effect, and the worker was not told",
        "extend_reply_lost": "an extension had its effect, and the worker was not told",
        "settled_too_late": "a settlement was refused because the lease was lost",
        "extended_too_late": "an extension was refused because the lease was lost",
        "retry_handed_back": "a failed attempt was handed back to be tried again",
        "unfinished_handed_back": "a task was handed back unfinished, through no fault of its own",
        "dead_lettered": "a message was dead-lettered",
        "event_stored_after_failure": "an event was stored only after a failure",
        "killed_before_settlement": "a worker was killed between the storing of an event and its settlement",
    }

    def __init__(self, plan: RunPlan, counts: Counter[str]) -> None:
        self._counts = counts
        self._acked: dict[str, str] = {}
        self._extended: dict[str, str] = {}
        self._unsettled: dict[str, dict[str, None]] = {}
        self._failing: dict[str, None] = {}

    def listen(self, history: History) -> None:
        """See `Sometimes`."""
        history.on(QueueChanged, self._on_extended, FactKind.EXTENDED)
        history.on(QueueChanged, self._on_settled, FactKind.ACKED, FactKind.NACKED, FactKind.DEAD_LETTERED)
        history.on(CallAnswered, self._on_answered, "extend", *_SETTLEMENTS)
        history.on(EventStored, self._on_stored)
        history.on(StoreFailed, self._on_store_failed)
        history.on(WorkerKilled, self._on_killed)

    def _on_extended(self, happening: QueueChanged) -> None:
        self._extended[happening.task_id] = happening.worker

    def _on_settled(self, happening: QueueChanged) -> None:
        kind, worker = happening.fact.kind, happening.worker
        if kind is FactKind.ACKED:
            self._acked[happening.task_id] = worker
        elif kind is FactKind.NACKED:
            retry = happening.fact.reason == "retry"
            self._counts["retry_handed_back" if retry else "unfinished_handed_back"] += 1
        else:
            self._counts["dead_lettered"] += 1
        self._settle(worker, happening.task_id)

    def _on_answered(self, happening: CallAnswered) -> None:
        operation, task_id, error = happening.operation, happening.task_id, happening.error
        if operation == "ack":
            if self._acked.pop(task_id, "") == happening.worker and error:
                self._counts["ack_reply_lost"] += 1
        elif operation == "extend":
            if self._extended.pop(task_id, "") == happening.worker and error:
                self._counts["extend_reply_lost"] += 1
            elif error == _LOST:
                self._counts["extended_too_late"] += 1
        if error == _LOST and operation in _SETTLEMENTS:
            self._counts["settled_too_late"] += 1
            self._settle(happening.worker, task_id)

    def _on_stored(self, happening: EventStored) -> None:
        worker, event = happening.worker, happening.event
        if worker in self._failing:
            del self._failing[worker]
            self._counts["event_stored_after_failure"] += 1
        if not isinstance(event, TaskEvent):
            return
        if type(event) is TaskInterrupted and event.reason == "lease_lost":
            return
        self._unsettled.setdefault(worker, {})[event.task_id] = None

    def _on_store_failed(self, happening: StoreFailed) -> None:
        self._failing[happening.worker] = None

    def _on_killed(self, happening: WorkerKilled) -> None:
        self._failing.pop(happening.worker, None)
        if self._unsettled.pop(happening.worker, None):
            self._counts["killed_before_settlement"] += 1

    def _settle(self, worker: str, task_id: str) -> None:
        unsettled = self._unsettled.get(worker)
        if unsettled is not None:
            unsettled.pop(task_id, None)
