"""Sometimes-points: named situations that a run, or many runs, must have been in at least once.

A run that was never where its scenario is meant to lead has shown nothing, however clean it was. All points
are seen from the history alone.
"""

from __future__ import annotations

from collections import Counter

from simulation.history import History
from simulation.plan import RunPlan
from simulation.sometimes.endings import EndingPoints
from simulation.sometimes.jobs import JobPoints
from simulation.sometimes.leases import LeasePoints
from simulation.sometimes.runs import RunPoints
from simulation.sometimes.settlements import SettlementPoints
from simulation.sometimes.troubles import TroublePoints

_WATCHERS = (LeasePoints, RunPoints, SettlementPoints, EndingPoints, TroublePoints, JobPoints)

POINTS: dict[str, str] = {name: text for watcher in _WATCHERS for name, text in watcher.points.items()}
"""Every point by name, with what it means."""


class Sometimes:
    """Counts how often a run was in each situation.

    Args:
        plan: What the run follows from.

    Attributes:
        counts: How often, by the name of the point.
    """

    def __init__(self, plan: RunPlan) -> None:
        self.counts: Counter[str] = Counter()
        self._watchers = [watcher(plan, self.counts) for watcher in _WATCHERS]

    def listen(self, history: History) -> None:
        """Ask to be told of what is needed."""
        for watcher in self._watchers:
            watcher.listen(history)
