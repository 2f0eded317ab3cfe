"""What a judge is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from simulation.faults import DRIFT_PPM_MAX, FaultClass
from simulation.history import History
from simulation.plan import RunPlan
from simulation.verdict import Violation

TOLERANCE_S = 1e-6
"""What sums of moments may be off by rounding."""


_START_S_MAX = 300.0
"""How long a worker waits for a run to start."""


class Watch:
    """An invariant, for judges who look at it for every task, where a call would cost as much as the look.

    Attributes:
        looks: How often it was looked at; who looks counts.
    """

    __slots__ = ("_name", "_note", "looks")

    def __init__(self, name: str, note: Callable[[str, str, str, str], None]) -> None:
        self.looks = 0
        self._name = name
        self._note = note

    def broken(self, what: str, *values: object, task_id: str = "", worker: str = "") -> None:
        """It is broken.

        Args:
            what: What happened; `{}` stands for each of the values.
            values: To be put into the sentence.
            task_id: Whose; "" for none.
            worker: Whose; "" for none.
        """
        self._note(self._name, what.format(*values), task_id, worker)


class Bench:
    """Where judges say what they have found.

    Args:
        plan: What the run follows from; judges may know it, but not what the worker thinks.
        now: True time.
        slack_s: What is late by so much is still in time: 0 in virtual time, more for a machine that is busy.
        blind: Invariants of which nothing can be said: they count as not looked at, and are never broken.

    Attributes:
        early_s: What a worker may be too early by: its clock may run fast, and sums of moments are rounded.
        tolerance_s: What it may be too late by: likewise, and the slack.
        slack_s: That without the rounding.
        exact: Whether all is seen of runs, signals and results too: in virtual time.
        violations: What was found, in order.
        excuses: How often each thing was cited that permits what would be a fault without it.
    """

    def __init__(
        self,
        plan: RunPlan,
        now: Callable[[], float],
        slack_s: float = 0.0,
        blind: frozenset[str] = frozenset(),
    ) -> None:
        self.plan = plan
        self.now = now
        self._drift = _drift(plan)
        longest_s = plan.worker.max_runtime_s + plan.queue.lease_s + _START_S_MAX
        drift_s = self._drift * longest_s
        self.early_s = TOLERANCE_S + drift_s
        self.exact = slack_s == 0.0
        self.slack_s = slack_s + drift_s
        self.tolerance_s = TOLERANCE_S + self.slack_s
        self.violations: list[Violation] = []
        self.excuses: Counter[str] = Counter()
        self._blind = blind
        self._watches: dict[str, Watch] = {}

    @property
    def checks(self) -> Counter[str]:
        """How often each invariant was looked at."""
        looks = {name: watch.looks for name, watch in self._watches.items() if name not in self._blind}
        return Counter({name: count for name, count in looks.items() if count})

    def off_by_s(self, measured_s: float) -> float:
        """What a worker may be too early by, or too late, that measures so long, slack included."""
        return self.tolerance_s + self._drift * measured_s

    def watch(self, invariant: str) -> Watch:
        """The invariant of that name, to be looked at without a call."""
        watch = self._watches.get(invariant)
        if watch is None:
            watch = self._watches[invariant] = Watch(invariant, self._note)
        return watch

    def _note(self, invariant: str, what: str, task_id: str, worker: str) -> None:
        if invariant not in self._blind:
            self.violations.append(Violation(invariant, self.now(), what, task_id, worker))

    def check(
        self,
        invariant: str,
        kept: object,
        what: str,
        *values: object,
        task_id: str = "",
        worker: str = "",
    ) -> None:
        """Note that an invariant was looked at, and whether it was kept.

        Args:
            invariant: Its name.
            kept: True in the sense of Python if it was.
            what: What happened; `{}` stands for each of the values, which are put in only if it was not.
            values: To be put into the sentence.
            task_id: Whose; "" for none.
            worker: Whose; "" for none.
        """
        watch = self.watch(invariant)
        watch.looks += 1
        if not kept:
            watch.broken(what, *values, task_id=task_id, worker=worker)

    def cite(self, invariant: str, excuse: str, what: str, *, task_id: str = "", worker: str = "") -> None:
        """Enter something that needs an excuse into the ledger; without one it is a violation.

        Args:
            invariant: The one that is broken if there is no excuse.
            excuse: What permits it; "" for nothing.
            what: What happened.
            task_id: Whose; "" for none.
            worker: Whose; "" for none.
        """
        if excuse:
            self.excuses[excuse] += 1
        self.check(invariant, excuse, what, task_id=task_id, worker=worker)


def _drift(plan: RunPlan) -> float:
    """What a worker's clock may be off by in a second, where clocks drift."""
    kind = FaultClass.CLOCK_DRIFT
    drifts = kind in plan.odds or any(fault.kind is kind for fault in plan.faults)
    return 2e-6 * DRIFT_PPM_MAX if drifts else 0.0


class Judge(Protocol):
    """Watches over some invariants."""

    def listen(self, history: History) -> None:
        """Ask to be told of what it needs."""
        ...

    def finish(self) -> None:
        """The run is over: say what can only be said now."""
        ...
