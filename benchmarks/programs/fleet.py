"""One run of a scenario, with every judge on: how long it took, how large it grew, and what came of it."""

from __future__ import annotations

import json
import resource
import sys
import time

from simulation.garbage import look_for_garbage_rarely
from simulation.run import run
from simulation.scenario_file import load_scenario

_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


def main(path: str) -> None:
    """Live through the first seed of the scenario in a file, and print the figures as JSON."""
    plan = load_scenario(path).plan(0)
    look_for_garbage_rarely()
    began = time.monotonic()
    report = run(plan)
    told = {
        "wall_s": time.monotonic() - began,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT_BYTES,
        "attempts": report.attempts,
        "violations": len(report.violations),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
