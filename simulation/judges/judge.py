"""What a judge is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from simulation.history import History
from simulation.plan import RunPlan
from simulation.verdict import Violation


class Bench:
    """Where judges say what they have found.

    Args:
        plan: What the run follows from; judges may know it, but not what the worker thinks.

    Attributes:
        violations: What was found, in order.
        checks: How often each invariant was looked at.
    """

    def __init__(self, plan: RunPlan, now: Callable[[], float]) -> None:
        self.plan = plan
        self.now = now
        self.violations: list[Violation] = []
        self.checks: Counter[str] = Counter()

    def check(self, invariant: str, kept: bool, what: str, task_id: str = "", worker: str = "") -> None:  # noqa: FBT001 - the point
        """Note that an invariant was looked at, and whether it was kept."""
        self.checks[invariant] += 1
        if not kept:
            self.violations.append(Violation(invariant, self.now(), what, task_id, worker))


class Judge(Protocol):
    """Watches over some invariants."""

    def listen(self, history: History) -> None:
        """Ask to be told of what it needs."""
        ...

    def finish(self) -> None:
        """The run is over: say what can only be said now."""
        ...
