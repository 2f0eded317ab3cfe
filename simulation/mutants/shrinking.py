"""The smallest case of a mutant."""

from __future__ import annotations

from simulation.mutants.hunting import MutantResult, mutated
from simulation.shrinking import RUNS_MAX, Progress, Shrunk, shrink


def shrink_found(
    result: MutantResult, *, runs_max: int = RUNS_MAX, progress: Progress | None = None
) -> Shrunk:
    """Shrink the plan that found a mutant, with the mutant on.

    Args:
        result: What came of looking for it.
        runs_max: How many runs to spend.
        progress: Told of every success.

    Raises:
        ValueError: It was not found.
    """
    if result.plan is None:
        raise ValueError(f"{result.mutant} was not found")
    with mutated(result.mutant):
        return shrink(result.plan, result.found, runs_max=runs_max, progress=progress)
