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


class Bench:
    """Where judges say what they have found.

    Args:
        plan: What the run follows from; judges may know it, but not what the worker thinks.
        now: True time.
        slack_s: What is late by so much is still in time: 0 in virtual time, more for a machine that is busy.

    Attributes:
        early_s: What a worker may be too early by: its clock may run fast, and sums of moments are rounded.
        tolerance_s: What it may be too late by: likewise, and the slack.
        slack_s: That without the rounding.
        exact: Whether all is seen of runs, signals and results too: in virtual time.
        violations: What was found, in order.
        checks: How often each invariant was looked at.
        excuses: How often each thing was cited that permits what would be a fault without it.
    """

    def __init__(self, plan: RunPlan, now: Callable[[], float], slack_s: float = 0.0) -> None:
        self.plan = plan
        self.now = now
        drift_s = _drift_s(plan)
        self.early_s = TOLERANCE_S + drift_s
        self.exact = slack_s == 0.0
        self.slack_s = slack_s + drift_s
        self.tolerance_s = TOLERANCE_S + self.slack_s
        self.violations: list[Violation] = []
        self.checks: Counter[str] = Counter()
        self.excuses: Counter[str] = Counter()

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
        self.checks[invariant] += 1
        if not kept:
            self.violations.append(Violation(invariant, self.now(), what.format(*values), task_id, worker))

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


def _drift_s(plan: RunPlan) -> float:
    """What a worker's clock may be off by over the longest time that it measures, where clocks drift."""
    kind = FaultClass.CLOCK_DRIFT
    if kind not in plan.odds and all(fault.kind is not kind for fault in plan.faults):
        return 0.0
    longest_s = plan.worker.max_runtime_s + plan.queue.lease_s + _START_S_MAX
    return 2e-6 * DRIFT_PPM_MAX * longest_s


class Judge(Protocol):
    """Watches over some invariants."""

    def listen(self, history: History) -> None:
        """Ask to be told of what it needs."""
        ...

    def finish(self) -> None:
        """The run is over: say what can only be said now."""
        ...
