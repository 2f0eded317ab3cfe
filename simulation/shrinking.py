"""Shrinking: from a plan that breaks a promise to a small one that breaks the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct, structs

from simulation.broken import broken_in, surely_broken_in
from simulation.plan import RunPlan
from simulation.run import RunReport, run
from simulation.simpler import PASSES, Simplify
from simulation.verdict import Violation

RUNS_MAX = 600
HAPPENINGS_MAX = 150_000
"""What sees more is no simpler: it is too long to be told to anybody."""
LONG_RUNS_MAX = 60
"""What so many of those see is all that is looked at: minutes, where nothing gets simpler."""
Progress: TypeAlias = Callable[[str, int, RunPlan], None]
"""Told what was simplified, how many runs there have been, and the plan that is left."""


class Shrunk(Struct, frozen=True, kw_only=True):
    """A small failure.

    Attributes:
        plan: What it follows from.
        violation: What it breaks.
        runs: How many runs it took to find it.
        complete: Whether nothing simpler was left to try; else the runs, or what they may see, were used up.
    """

    plan: RunPlan
    violation: Violation
    runs: int
    complete: bool

    @property
    def size(self) -> str:
        """How large it still is, for people."""
        plan = self.plan
        counts = {
            "fault": len(plan.faults),
            "task": plan.workload.tasks + plan.workload.malformed,
            "worker": plan.worker.workers,
        }
        told = [f"{number} {name}{'' if number == 1 else 's'}" for name, number in counts.items()]
        return ", ".join([*told, *(["and chance"] if plan.odds else [])])


def shrink(
    plan: RunPlan,
    invariant: str,
    *,
    runs_max: int = RUNS_MAX,
    happenings_max: int = HAPPENINGS_MAX,
    progress: Progress | None = None,
) -> Shrunk:
    """Look for the smallest plan that breaks the same invariant. The same plan always gives the same one.

    Args:
        plan: What fails.
        invariant: What it breaks.
        runs_max: How many runs to spend.
        happenings_max: A simpler plan that sees so much is not looked at to its end.
        progress: Told of every success.

    Raises:
        BreaksNothingError: The plan does not break it.
    """
    shrinker = _Shrinker(invariant, runs_max, happenings_max, progress)
    report = shrinker.run(plan, None)  # to its end: some promises are looked at only there
    shrinker.take(plan, surely_broken_in(report, invariant))
    named = structs.replace(plan, odds={}, faults=tuple(dict.fromkeys(report.injected)))
    shrinker.attempt("chance", named)
    while shrinker.simplify():
        continue
    return shrinker.result()


class _Shrinker:
    def __init__(self, invariant: str, runs_max: int, happenings_max: int, progress: Progress | None) -> None:
        self._invariant = invariant
        self._runs_max = runs_max
        self._happenings_max = happenings_max
        self._progress = progress
        self._runs = self._seen = 0
        self._tried: set[str] = set()
        self._best: tuple[RunPlan, Violation] | None = None

    @property
    def best(self) -> tuple[RunPlan, Violation]:
        """The simplest plan so far, and what it breaks."""
        if self._best is None:
            raise AssertionError("nothing has failed yet")
        return self._best

    def run(self, plan: RunPlan, happenings_max: int | None) -> RunReport:
        """Live through a plan, up to where it breaks the invariant."""
        self._runs += 1
        wanted = self._invariant
        return run(plan, until=lambda one: one.invariant == wanted, happenings_max=happenings_max)

    def take(self, plan: RunPlan, violation: Violation) -> None:
        """This is the simplest so far."""
        self._best = plan, violation

    def attempt(self, what: str, plan: RunPlan) -> bool:
        """Take a plan if it breaks the invariant too."""
        name = repr(plan)
        if plan == self.best[0] or name in self._tried or self._is_used_up:
            return False
        self._tried.add(name)
        report = self.run(plan, self._happenings_max)
        self._seen += report.happenings
        violation = broken_in(report, self._invariant)
        if violation is None:
            return False
        self.take(plan, violation)
        if self._progress is not None:
            self._progress(what, self._runs, plan)
        return True

    def simplify(self) -> bool:
        """Everything that may be simplified, once; returns whether any of it could be."""
        found = False
        for what, simpler in PASSES:
            while self._simplify(what, simpler):
                found = True
        return found

    def _simplify(self, what: str, simpler: Simplify) -> bool:
        return any(self.attempt(what, candidate) for candidate in simpler(*self.best))

    @property
    def _is_used_up(self) -> bool:
        return self._runs >= self._runs_max or self._seen >= LONG_RUNS_MAX * self._happenings_max

    def result(self) -> Shrunk:
        """What it has come to."""
        plan, violation = self.best
        return Shrunk(plan=plan, violation=violation, runs=self._runs, complete=not self._is_used_up)
