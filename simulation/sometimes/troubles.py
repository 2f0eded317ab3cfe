"""Points about services: how calls fare."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from simulation.happenings import CallAnswered
from simulation.history import History
from simulation.plan import RunPlan

MANY = 5


class TroublePoints:
    """Counts the failed calls of each worker since its last good one.

    Args:
        plan: What the run follows from.
        counts: Where points are counted.
    """

    points: ClassVar[dict[str, str]] = {
        "found_nothing": "a receive brought nothing",
        "receive_failed": "a receive failed",
        "settlement_failed": "nobody knew whether a settlement had its effect",
        "recovered": f"a worker's call succeeded after {MANY} or more that had failed in a row",
    }

    def __init__(self, plan: RunPlan, counts: Counter[str]) -> None:
        self._counts = counts
        self._failed: Counter[str] = Counter()

    def listen(self, history: History) -> None:
        """See `Sometimes`."""
        history.on(CallAnswered, self._on_answered)

    def _on_answered(self, happening: CallAnswered) -> None:
        worker = happening.worker
        if happening.error == "QueueUnavailableError":
            self._failed[worker] += 1
            if happening.operation == "receive":
                self._counts["receive_failed"] += 1
            elif happening.operation != "extend":
                self._counts["settlement_failed"] += 1
            return
        if self._failed[worker] >= MANY:
            self._counts["recovered"] += 1
        self._failed[worker] = 0
        if happening.operation == "receive" and not happening.count:
            self._counts["found_nothing"] += 1
