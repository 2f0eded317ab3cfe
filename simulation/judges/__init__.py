"""The judges: each listens to the history, and knows nothing of the worker's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation.judges.judge import Bench, Judge
from simulation.judges.liveness import LivenessJudge
from simulation.judges.settling import SettlingJudge

if TYPE_CHECKING:
    from simulation.world import World


def all_judges(bench: Bench, world: World) -> list[Judge]:
    """Every judge there is."""
    return [SettlingJudge(bench), LivenessJudge(bench, world)]
