"""From what was typed to a plan."""

from __future__ import annotations

import argparse

from simulation.plan import RunPlan
from simulation.swarm import draw_plan


def plan_of(text: str) -> RunPlan:
    """The plan of a seed.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a seed such as 4711, got {text!r}")
    return draw_plan(int(text))
