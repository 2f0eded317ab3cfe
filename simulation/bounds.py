"""What a number of clean runs says about those that were not run."""

from __future__ import annotations

CONFIDENCE = 0.95


def failure_bound(clean_runs: int) -> float:
    """The upper 95 % bound on the probability that a run fails, after so many runs of which none did.

    Exact for independent runs (Clopper and Pearson): the probability at which so many clean ones would be a
    chance of 5 %. About three divided by their number.
    """
    if clean_runs == 0:
        return 1.0
    return float(1.0 - (1.0 - CONFIDENCE) ** (1.0 / clean_runs))
