"""H2: whether runs of a scenario were where it is meant to lead."""

from __future__ import annotations

from simulation.backends.plans import BEYOND_REACH, BackendName
from simulation.scenario import Scenario
from simulation.sometimes import POINTS
from simulation.tally import Tally


def what_is_missing(scenario: Scenario, tally: Tally, backend: BackendName = "model") -> list[str]:
    """Why runs of a scenario have shown nothing, a line for each reason; [] where they have.

    Args:
        scenario: What they were drawn from.
        tally: The sums of all of them, and of no others.
        backend: What stood behind the queue.
    """
    missing = [
        f"never reached: {name} ({POINTS[name]})"
        for name in scenario.reaches
        if not tally.sometimes[name] and name not in BEYOND_REACH[backend]
    ]
    for kind in scenario.classes:
        if not tally.injected[kind.value]:
            missing.append(f"the fault {kind.value} never struck")
        elif not tally.effective[kind.value]:
            missing.append(f"the fault {kind.value} struck, and never made a difference")
    return missing
