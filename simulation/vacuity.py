"""H2: whether runs were where they are meant to lead."""

from __future__ import annotations

from simulation.backends.plans import BEYOND_REACH, BackendName
from simulation.faults import FaultClass
from simulation.scenario import Scenario
from simulation.sometimes import POINTS
from simulation.tally import Tally

PLANS_LEAST = 300
"""A class that is on in so many plans of the swarm and never strikes is none that strikes at all.

The rarest strike in one of twelve plans that have them on, so that chance alone does this once in 10^11 runs.
"""
_NO_PRODUCER = frozenset({FaultClass.SEND_REFUSED, FaultClass.PRODUCER_DIES, FaultClass.PRODUCER_CRASH})
_IN_ORDER = frozenset({FaultClass.REORDERED})
_ONCE = frozenset({FaultClass.DUPLICATE, FaultClass.ACK_FORGOTTEN})
NOT_PLAYED: dict[BackendName, frozenset[FaultClass]] = {
    "model": frozenset(),
    "sqs": _NO_PRODUCER | _IN_ORDER,
    "pubsub": _NO_PRODUCER | _IN_ORDER,
    "conductor": _NO_PRODUCER | _IN_ORDER | _ONCE,
}
"""Classes that may be on in plans for a backend and cannot strike there."""


def what_is_missing(scenario: Scenario | None, tally: Tally, backend: BackendName = "model") -> list[str]:
    """Why runs have shown nothing, a line for each reason; [] where they have.

    Args:
        scenario: What they were drawn from; None: the swarm.
        tally: The sums of all of them, and of no others.
        backend: What stood behind the queue.
    """
    if scenario is None:
        return [
            f"the fault {name} was on in {plans:,} plans, and never struck"
            for name, plans in never_struck(tally, backend).items()
            if plans >= PLANS_LEAST
        ]
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


def never_struck(tally: Tally, backend: BackendName = "model") -> dict[str, int]:
    """Classes that were on and can strike on a backend, and never did: in how many plans, by name."""
    impossible = {kind.value for kind in NOT_PLAYED[backend]}
    return {
        name: plans
        for name, plans in sorted(tally.on.items())
        if not tally.injected[name] and name not in impossible
    }
