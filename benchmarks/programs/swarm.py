"""How many seeds of the swarm are lived through in a while, with one process and with two."""

from __future__ import annotations

import json
import os

from benchmarks.measuring import interleaved
from simulation.many import Span, run_many
from simulation.swarm import draw_plan
from simulation.tally import Tally

SWARM_S = 15.0


def main() -> None:
    """Print the medians as JSON."""
    seeds_per_s = interleaved({"1": lambda: _seeds_per_s(1), "2": lambda: _seeds_per_s(2)}, 3)
    tally = _swarm(os.cpu_count() or 1)
    told = {
        "seeds_per_s": seeds_per_s,
        "virtual_s": tally.virtual_s / SWARM_S,
        "attempts_per_cpu_s": tally.attempts / tally.cpu_s,
    }
    print(json.dumps(told))


def _seeds_per_s(jobs: int) -> float:
    return _swarm(jobs).total / SWARM_S


def _swarm(jobs: int) -> Tally:
    tally = Tally()
    for part in run_many(draw_plan, Span(), jobs=jobs, time_s=SWARM_S):
        tally.add(part)
    return tally


if __name__ == "__main__":
    main()
