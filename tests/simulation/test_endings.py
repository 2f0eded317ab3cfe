"""Found by the simulation: how long a worker may take to end."""

from __future__ import annotations

from simulation.faults import Fault, FaultClass
from simulation.history import EndAsked, WorkerEnded
from simulation.plan import RunPlan, WorkerPlan, Workload
from simulation.world import World

CLOSE_S = 5.0
"""What the documentation tells supervisors to add to the grace period."""


def test_s14_a_worker_whose_events_hang_ends_within_five_seconds_of_its_grace_period() -> None:
    """Each of its three last attempts to store them took five seconds by itself (seed 178)."""
    slow = tuple(
        Fault(kind=FaultClass.SINK_SLOW, whom="worker-1", which=which, size=80.0) for which in (1, 2, 3)
    )
    plan = RunPlan(
        workload=Workload(tasks=1, duration_s=1.0),
        worker=WorkerPlan(workers=1, shutdown_grace_period_s=3.0),
        faults=(*slow, Fault(kind=FaultClass.SIGTERM, at_s=5.0)),
        faults_s=200.0,
    )
    world = World(plan, keep=True)
    world.run()
    world.close()
    happenings = world.history.kept or []
    asked = next(one.at for one in happenings if isinstance(one, EndAsked))
    ended = next(one.at for one in happenings if isinstance(one, WorkerEnded))
    assert 3.0 <= ended - asked <= 3.0 + CLOSE_S + 0.5
