"""Plans that the tests of backends share."""

from __future__ import annotations

from typing import Literal

from fakes.queue_options import QueueOptions
from simulation.backends import legal
from simulation.faults import Fault, FaultClass
from simulation.happenings import Happening
from simulation.plan import BackendPlan, RunPlan, WorkerPlan, Workload
from simulation.run import RunReport, run

FAKES = BackendPlan(name="sqs", server="fakes")
FAKES_FIFO = BackendPlan(name="sqs", server="fakes", exactly_once=True)
MOTO = BackendPlan(name="sqs", server="moto")
MOTO_FIFO = BackendPlan(name="sqs", server="moto", exactly_once=True)
PUBSUB = BackendPlan(name="pubsub")
PUBSUB_STRICT = BackendPlan(name="pubsub", exactly_once=True)
CONDUCTOR = BackendPlan(name="conductor", server="fakes")
ALL = {
    "moto": MOTO,
    "moto-fifo": MOTO_FIFO,
    "fakes": FAKES,
    "fakes-fifo": FAKES_FIFO,
    "pubsub": PUBSUB,
    "pubsub-exactly-once": PUBSUB_STRICT,
    "conductor": CONDUCTOR,
}


def plan_on(
    backend: BackendPlan,
    *faults: Fault,
    tasks: int = 6,
    workers: int = 1,
    over_s: float = 0.0,
    duration_s: float = 2.0,
    policy: Literal["turn", "random", "pct"] = "turn",
    **odds: float,
) -> RunPlan:
    """A few short tasks, under leases of half a minute."""
    return legal(
        RunPlan(
            seed=7,
            backend=backend,
            workload=Workload(tasks=tasks, over_s=over_s, duration_s=duration_s),
            worker=WorkerPlan(workers=workers, num_simultaneous_tasks=4),
            queue=QueueOptions(lease_s=30.0),
            faults=faults,
            odds={FaultClass(name): share for name, share in odds.items()},
            faults_s=120.0,
            policy=policy,
        )
    )


def lived(plan: RunPlan) -> tuple[RunReport, list[Happening]]:
    """What came of a plan, and everything that could be seen."""
    seen: list[Happening] = []
    return run(plan, watch=seen.append), seen


def broken(plan: RunPlan) -> set[str]:
    """The invariants that a plan breaks."""
    return {violation.invariant for violation in run(plan).violations}
