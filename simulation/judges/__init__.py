"""The judges: each listens to the history, and knows nothing of the worker's code."""

from __future__ import annotations

from simulation.judges.panel import INVARIANTS, Invariant, all_judges

__all__ = ["INVARIANTS", "Invariant", "all_judges"]
