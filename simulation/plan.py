"""`RunPlan`: everything that a run follows from, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from fakes.queue_options import QueueOptions
from simulation.faults import Fault, FaultClass
from simulation.link import Latency


class Workload(Struct, frozen=True, kw_only=True):
    """The tasks.

    Attributes:
        tasks: How many.
        over_s: They are sent within so many seconds; 0: all are there at the beginning.
        duration_s: Median of how long a run takes.
        spread: Of the logarithm of how long a run takes.
        poison: Share of tasks whose every run fails.
        malformed: How many messages are no tasks.
    """

    tasks: int = 50
    over_s: float = 0.0
    duration_s: float = 2.0
    spread: float = 0.5
    poison: float = 0.0
    malformed: int = 0


class WorkerPlan(Struct, frozen=True, kw_only=True):
    """What every worker is told, under the names of the options.

    Attributes:
        workers: How many run at a time.
        num_simultaneous_tasks: Slots of each.
        max_runtime_s: Of an attempt.
        shutdown_grace_period_s: From SIGTERM to the end of the worker.
        retry_on_exit: Likewise.
        retry_on_exception: Likewise.
        retry_on_timeout: Likewise.
        max_attempts: Of a task; None: no bound.
    """

    workers: int = 2
    num_simultaneous_tasks: int = 4
    max_runtime_s: float = 30.0
    shutdown_grace_period_s: float = 20.0
    retry_on_exit: bool = True
    retry_on_exception: bool = False
    retry_on_timeout: bool = False
    max_attempts: int | None = None


class Redraw(Struct, frozen=True, kw_only=True):
    """A moment from which on chance is another.

    Attributes:
        at_s: When.
        seed: Of everything that is left to chance after that.
    """

    at_s: float
    seed: int


class RunPlan(Struct, frozen=True, kw_only=True):
    """A run: the same plan gives the same run.

    Attributes:
        seed: Of everything that is left to chance.
        scenario: Name of what it was drawn from.
        workload: The tasks.
        worker: The workers.
        queue: How the queue behaves.
        latency: How long calls take.
        odds: Of faults that strike on occasions.
        faults: Those that strike at a time, and those that were recorded.
        faults_s: For how long there are faults; after that, all must come right.
        policy: How the schedule is drawn.
        redraw: From when on chance follows from another seed; None: never.
    """

    seed: int = 0
    scenario: str = "swarm"
    workload: Workload = Workload()
    worker: WorkerPlan = WorkerPlan()
    queue: QueueOptions = QueueOptions()
    latency: Latency = Latency()
    odds: Mapping[FaultClass, float] = {}
    faults: tuple[Fault, ...] = ()
    faults_s: float = 300.0
    policy: Literal["turn", "random", "pct"] = "random"
    redraw: Redraw | None = None
