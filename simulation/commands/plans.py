"""From what was typed to a plan."""

from __future__ import annotations

import argparse

from simulation.draws import SWARM, PlanDraw
from simulation.plan import RunPlan


def plan_of(text: str) -> RunPlan:
    """The plan of a seed, or of a scenario's seed.

    Raises:
        argparse.ArgumentTypeError: It is none.
        ConfigurationError: There is no such scenario.
    """
    scenario, colon, seed = text.rpartition(":")
    if not seed.isascii() or not seed.isdecimal() or (colon and not scenario):
        raise argparse.ArgumentTypeError(f"expected a seed such as 4711 or spot_storm:4711, got {text!r}")
    return PlanDraw(scenario or SWARM)(int(seed))
