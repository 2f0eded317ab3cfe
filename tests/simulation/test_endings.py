"""Found by the simulation: how long a worker may take to end."""

from __future__ import annotations

from fakes.history import FactKind
from fakes.queue_options import QueueOptions
from simulation.faults import Fault, FaultClass
from simulation.happenings import EndAsked, QueueChanged, RunBegan, WorkerEnded
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


def test_s14_events_are_tried_again_at_once_when_the_worker_is_to_end() -> None:
    """The disk is free again, and the pause after many failures would outlast the grace period."""
    plan = RunPlan(
        workload=Workload(tasks=1, duration_s=1.0, spread=0.0),
        worker=WorkerPlan(workers=1, shutdown_grace_period_s=10.0),
        queue=QueueOptions(lease_s=120.0),
        faults=(
            Fault(kind=FaultClass.DISK_FULL, at_s=0.3, size=29.7),
            Fault(kind=FaultClass.SIGTERM, at_s=31.0),
        ),
        faults_s=60.0,
        policy="turn",
    )
    world = World(plan, keep=True)
    world.run()
    world.close()
    happenings = world.history.kept or []
    acked = [
        one.at for one in happenings if isinstance(one, QueueChanged) and one.fact.kind is FactKind.ACKED
    ]
    assert len(acked) == 1
    assert 31.0 <= acked[0] <= 32.0
    assert sum(isinstance(one, RunBegan) for one in happenings) == 1
