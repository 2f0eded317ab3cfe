"""`RunPlan`: everything that a run follows from, as one value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from fakes.queue_options import QueueOptions
from simulation.faults import Fault, FaultClass
from simulation.link_calls import Latency


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


RetryStrategy: TypeAlias = Literal["exponential", "fixed"]
RETRY_STRATEGIES: tuple[RetryStrategy, ...] = ("exponential", "fixed")


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
        max_interruptions: Likewise.
        retry_delay_s: Pause before the first retry; 0: none before any.
        retry_delay_max_s: Longest pause before a retry, unless the first is longer.
        retry_strategy: Whether pauses are twice as long each time, or all alike.
        keep_failed: Whether a task that failed for good goes to the dead letters, as one of a function does.
        max_num_tasks: After so many tasks a worker ends, and the next begins; None: it goes on.
        exit_when_empty_s: A worker ends when it has had no task for so long; None: it waits for more.
    """

    workers: int = 2
    num_simultaneous_tasks: int = 4
    max_runtime_s: float = 30.0
    shutdown_grace_period_s: float = 20.0
    retry_on_exit: bool = True
    retry_on_exception: bool = False
    retry_on_timeout: bool = False
    max_attempts: int | None = None
    max_interruptions: int | None = None
    retry_delay_s: float = 0.0
    retry_delay_max_s: float = 0.0
    retry_strategy: RetryStrategy = "exponential"
    keep_failed: bool = False
    max_num_tasks: int | None = None
    exit_when_empty_s: float | None = None

    def rounds_of(self, tasks: int) -> int:
        """How many tasks are run one after the other, where there are so many and all workers are busy.

        A worker of ten slots that ends after eleven tasks runs its last one alone.
        """
        of_a_worker = self.max_num_tasks or self.num_simultaneous_tasks
        in_a_life = math.ceil(of_a_worker / self.num_simultaneous_tasks)
        return math.ceil(tasks / (self.workers * of_a_worker)) * in_a_life

    @property
    def leaves_by_itself(self) -> bool:
        """Whether a worker may end without being asked to."""
        return self.max_num_tasks is not None or self.exit_when_empty_s is not None

    @property
    def longest_retry_delay_s(self) -> float:
        """No pause before a retry is longer."""
        return max(self.retry_delay_s, self.retry_delay_max_s) if self.retry_delay_s else 0.0


class MonitorPlan(Struct, frozen=True, kw_only=True):
    """An event queue, and a monitor that takes its messages into a task database.

    Attributes:
        lease_s: How long a message is hidden from others once it was taken.
        batch_max: Most messages that one look brings.
        wait_s: How long one look into the queue waits.
        auto_complete: Whether the monitor ends when every task is finished.
        output_file: Whether it writes the events into a file, too.
    """

    lease_s: float = 60.0
    batch_max: int = 10
    wait_s: float = 5.0
    auto_complete: bool = True
    output_file: bool = True


class ProducerPlan(Struct, frozen=True, kw_only=True):
    """A producer that loads the tasks into the queue, over a task database.

    Attributes:
        batch_size: Tasks in one call.
        concurrent_calls: Calls that may be under way at a time.
        page_size: Tasks that are taken from the database at a time.
    """

    batch_size: int = 10
    concurrent_calls: int = 4
    page_size: int = 20


class BackendPlan(Struct, frozen=True, kw_only=True):
    """What stands behind the queue.

    Attributes:
        name: The model itself; or a production adapter with its client library, if it has one, and a service
            in this process.
        exactly_once: Whether the queue is a FIFO queue (SQS), or has exactly-once delivery (Pub/Sub).
        server: Which service answers boto3: moto, or our own model of SQS.
        gathers_acks: Of the model: whether acks are handed over to it, as to queues that send many as one.
    """

    name: Literal["model", "sqs", "pubsub", "conductor"] = "model"
    exactly_once: bool = False
    server: Literal["moto", "fakes"] = "moto"
    gathers_acks: bool = False

    @property
    def decides_retries(self) -> bool:
        """Whether the service itself decides what is tried again: workers tell it every outcome."""
        return self.name == "conductor"


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
        backend: What stands behind it.
        latency: How long calls take.
        odds: Of faults that strike on occasions.
        faults: Those that strike at a time, and those that were recorded.
        faults_s: For how long there are faults; after that, all must come right.
        policy: How the schedule is drawn.
        monitor: The event queue and who follows it; None: nobody reads events.
        producer: Who loads the tasks; None: they come by themselves.
        redraw: From when on chance follows from another seed; None: never.
    """

    seed: int = 0
    scenario: str = "swarm"
    workload: Workload = Workload()
    worker: WorkerPlan = WorkerPlan()
    queue: QueueOptions = QueueOptions()
    backend: BackendPlan = BackendPlan()
    latency: Latency = Latency()
    odds: Mapping[FaultClass, float] = {}
    faults: tuple[Fault, ...] = ()
    faults_s: float = 300.0
    policy: Literal["turn", "random", "pct"] = "random"
    monitor: MonitorPlan | None = None
    producer: ProducerPlan | None = None
    redraw: Redraw | None = None

    @property
    def classes(self) -> tuple[FaultClass, ...]:
        """The classes of faults that are on."""
        kinds = [kind for kind, odds in self.odds.items() if odds > 0]
        return tuple(dict.fromkeys((*kinds, *(fault.kind for fault in self.faults))))
