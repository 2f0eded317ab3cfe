"""What a run of supervisors follows from."""

from __future__ import annotations

from msgspec import Struct, structs

from simulation.faults import FaultClass
from simulation.plan import RunPlan
from simulation.shares import share_of
from simulation.swarm import draw_plan

QUEUES, PROCESSES, FAILURES, CRASHES, NOTICES = (2, 3), (1, 3), (0, 4), (0, 2), (0, 2)
OF_THE_SERVICE = (
    FaultClass.OUTAGE,
    FaultClass.THROTTLE_BURST,
    FaultClass.PARTITION,
    FaultClass.ONE_WAY,
    FaultClass.CLOG,
    FaultClass.DISK_FULL,
    FaultClass.WALL_STEP,
)
"""Faults that strike at a time and leave it to the supervisor who runs: all queues have them."""


class SupervisedPlan(Struct, frozen=True, kw_only=True):
    """What a run follows from.

    Attributes:
        queue: What each queue, its tasks and its workers follow from; of its faults that strike at a time
            only those `OF_THE_SERVICE`.
        queues: How many queues.
        processes: How many processes, each with a worker for every queue.
        failures: How often each of these workers fails, all those that follow one another included.
        crashes: How many processes are killed.
        notices: How many machines are told that they go, and go.
    """

    queue: RunPlan
    queues: int = 2
    processes: int = 2
    failures: int = 3
    crashes: int = 1
    notices: int = 0


def draw_supervised(seed: int) -> SupervisedPlan:
    """The plan of a seed: any tasks, and any faults that strike calls, runs and events."""
    drawn = draw_plan(seed)
    faults = tuple(fault for fault in drawn.faults if fault.kind in OF_THE_SERVICE)
    # Nobody puts a worker together again that has ended by itself: that is how such a process ends.
    staying = structs.replace(drawn.worker, max_num_tasks=None, exit_when_empty_s=None)
    queue = structs.replace(drawn, worker=staying, monitor=None, producer=None, faults=faults)

    def number(what: str, least: int, most: int) -> int:
        return least + int(share_of(seed, what) * (most - least + 1))

    return SupervisedPlan(
        queue=queue,
        queues=number("queues", *QUEUES),
        processes=number("processes", *PROCESSES),
        failures=number("failures", *FAILURES),
        crashes=number("crashes", *CRASHES),
        notices=number("notices", *NOTICES),
    )
