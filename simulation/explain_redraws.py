"""The beginning of a run as it was, and the rest as it might have been."""

from __future__ import annotations

from msgspec import Struct, structs

from simulation.broken import broken_in
from simulation.faults import Fault
from simulation.plan import Redraw, RunPlan
from simulation.run import run
from simulation.shares import share_of

_SEEDS = 2**48


class Point(Struct, frozen=True):
    """What came of redrawing from a moment on.

    Attributes:
        at_s: The moment.
        failed: In how many runs the invariant was broken.
        redraws: How many there were.
    """

    at_s: float
    failed: int
    redraws: int

    @property
    def share(self) -> float:
        """Of the runs that failed."""
        return self.failed / self.redraws


def redrawn(plan: RunPlan, at_s: float, number: int) -> RunPlan:
    """A plan that is the same up to a moment; after that, chance is another.

    Faults that strike at later times strike at others; of those that are played by name and have not struck
    by then, about half strike.

    Args:
        plan: It.
        at_s: The moment.
        number: Which of the many ways in which it might go on.
    """
    seed = int(share_of(plan.seed, "redraw", number) * _SEEDS)
    faults = tuple(_moved(plan, fault, at_s, seed) for fault in plan.faults)
    return structs.replace(plan, faults=faults, redraw=Redraw(at_s=at_s, seed=seed))


def _moved(plan: RunPlan, fault: Fault, at_s: float, seed: int) -> Fault:
    if fault.at_s <= 0.0 or fault.at_s < at_s:
        return fault
    share = share_of(seed, "moved", fault.kind.value, fault.whom, fault.which, fault.at_s)
    return structs.replace(fault, at_s=at_s + share * max(plan.faults_s - at_s, 0.0))


def point_at(plan: RunPlan, invariant: str, at_s: float, redraws: int, happenings_max: int) -> Point:
    """Redraw a run from a moment on, so many times, and count the failures.

    Args:
        plan: The run.
        invariant: What it breaks.
        at_s: The moment.
        redraws: How many times.
        happenings_max: What sees so much is not looked at to its end.
    """
    plans = (redrawn(plan, at_s, number) for number in range(1, redraws + 1))
    return Point(at_s, sum(_fails(one, invariant, happenings_max) for one in plans), redraws)


def _fails(plan: RunPlan, invariant: str, happenings_max: int) -> bool:
    report = run(plan, until=lambda one: one.invariant == invariant, happenings_max=happenings_max)
    return broken_in(report, invariant) is not None
