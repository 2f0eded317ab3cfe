"""Drawing plans: each seed is a workload, a configuration, a queue and a mixture of faults."""

from __future__ import annotations

import random
from collections.abc import Iterator

from msgspec import structs

from fakes.queue_options import QueueOptions
from simulation.faults import Fault, FaultClass
from simulation.link import SLOW_S_MAX
from simulation.plan import RETRY_STRATEGIES, BackendPlan, RunPlan, WorkerPlan, Workload
from simulation.streams import Streams, log_uniform
from simulation.swarm_job import with_job

CALM_SHARE = 0.1
"""Of all seeds: no fault at all."""
SINGLE_SHARE = 0.1
"""Of all seeds: a single class."""
RETENTION_SHARE = 0.15
"""Of all seeds: messages that nobody settles in time leave the queue by themselves."""
LEAVING_SHARE = 0.05
"""Of all seeds: workers end after a number of tasks; and as often, when the queue is empty."""
FROZEN_SHARE = 0.3
"""Of requests to end, where workers are stopped at times: another stop follows within the grace period."""
PATIENT_SHARE = 0.8
"""Of those with short times: they wait for a while; all of those with long times do."""

ODDS: dict[FaultClass, tuple[float, float]] = {
    FaultClass.REQUEST_LOST: (0.001, 0.3),
    FaultClass.REPLY_LOST: (0.001, 0.3),
    FaultClass.SLOW_CALL: (0.001, 0.1),
    FaultClass.THROTTLED: (0.001, 0.3),
    FaultClass.DUPLICATE: (0.001, 0.05),
    FaultClass.EMPTY_RECEIVE: (0.01, 0.5),
    FaultClass.REORDERED: (0.01, 0.5),
    FaultClass.ACK_FORGOTTEN: (0.001, 0.1),
    FaultClass.SINK_FAILS: (0.001, 0.3),
    FaultClass.SINK_SLOW: (0.001, 0.1),
    FaultClass.SINK_REPLY_LOST: (0.001, 0.2),
    FaultClass.CHILD_RAISES: (0.01, 0.3),
    FaultClass.CHILD_EXITS: (0.01, 0.3),
    FaultClass.CHILD_KILLED: (0.01, 0.3),
    FaultClass.CHILD_HANGS: (0.005, 0.1),
    FaultClass.CHILD_IGNORES_STOP: (0.01, 0.5),
    FaultClass.CHILD_LINGERS: (0.01, 0.3),
    FaultClass.CHILD_CANNOT_START: (0.01, 0.3),
    FaultClass.CHILD_ENDS_AT_DEADLINE: (0.01, 0.3),
    FaultClass.CHILD_SLOW_START: (0.01, 0.3),
    FaultClass.CLOCK_DRIFT: (0.1, 1.0),
}
"""Least and greatest odds on an occasion."""

END_ODDS: dict[FaultClass, tuple[float, float]] = {
    FaultClass.CHILD_ASKS_AGAIN: (0.01, 0.5),
    FaultClass.CHILD_RETURNS_WRONG: (0.01, 0.1),
    FaultClass.CHILD_RESULT_UNFIT: (0.01, 0.1),
    FaultClass.CHILD_HITS_LIMIT: (0.01, 0.1),
}
"""Likewise, of further ends of runs: in streams of their own, for seeds with several classes."""
CAP_SHARE = 0.3
"""Of all seeds: the queue extends leases by little more than their length."""
END_SHARE = 0.3
"""Of those seeds, for each of these classes."""

PER_HOUR: dict[FaultClass, tuple[float, float]] = {
    FaultClass.OUTAGE: (2.0, 30.0),
    FaultClass.THROTTLE_BURST: (2.0, 60.0),
    FaultClass.PARTITION: (2.0, 60.0),
    FaultClass.ONE_WAY: (2.0, 60.0),
    FaultClass.CLOG: (2.0, 60.0),
    FaultClass.WORKER_CRASH: (5.0, 200.0),
    FaultClass.WORKER_STOP: (5.0, 100.0),
    FaultClass.SUSPEND: (2.0, 60.0),
    FaultClass.STARVED: (2.0, 30.0),
    FaultClass.SIGTERM: (5.0, 100.0),
    FaultClass.NOTICE: (5.0, 100.0),
    FaultClass.NOTICE_WITHOUT_KILL: (2.0, 30.0),
    FaultClass.WALL_STEP: (2.0, 60.0),
    FaultClass.DISK_FULL: (2.0, 60.0),
}
"""Least and greatest number in an hour, where tasks take seconds."""
SLOWNESS_MAX = 60.0
"""Times of tasks, leases and faults are stretched by up to so much: seconds here, hours there."""
SLOW_FROM = 8.0
SLOW_SHARE = 0.15
"""Of all seeds: times are stretched by more than that, which takes its time here, too."""
LEASES_AT_REST = 3.0
"""Where all tasks come at once, faults go on for so many leases after the work."""


def draw_plan(seed: int, tasks: int = 16) -> RunPlan:
    """The plan of a seed."""
    streams = Streams(seed)
    classes = _with_ends(_classes(streams.of("classes")), streams.of("classes", "ends"))
    dials = streams.of("dials")
    slowness = _slowness(streams.of("slowness"))
    worker = _with_retries(_worker(streams.of("worker"), slowness), streams.of("worker", "retries"), slowness)
    worker = _with_an_end(worker, streams.of("worker", "ends"), slowness)
    queue = _with_cap(_queue(streams.of("queue"), slowness, worker), streams.of("queue", "cap"))
    faults_s = slowness * log_uniform(dials, 60.0, 900.0)
    workload = _workload(dials, slowness, faults_s, tasks)
    if not workload.over_s:
        faults_s = min(faults_s, _busy_s(workload, worker) + LEASES_AT_REST * queue.lease_s)
    timed = tuple(
        fault
        for kind in PER_HOUR
        if kind in classes
        for fault in _timed(kind, streams.of("timed", kind.value), faults_s, slowness, queue.lease_s)
    )
    if FaultClass.WORKER_STOP in classes:
        timed += tuple(_frozen_ends(timed, streams.of("timed", "ends"), worker))
    odds = {
        kind: log_uniform(streams.of("odds", kind.value), *least_and_most)
        for kind, least_and_most in (*ODDS.items(), *END_ODDS.items())
        if kind in classes
    }
    plan = RunPlan(
        seed=seed,
        workload=workload,
        worker=worker,
        queue=queue,
        backend=BackendPlan(gathers_acks=streams.of("queue", "acks").random() < 0.5),  # noqa: PLR2004 - one half
        odds=odds,
        faults=timed,
        faults_s=faults_s,
        policy="pct" if dials.random() < 0.5 else "random",  # noqa: PLR2004 - one half
    )
    return with_job(plan, slowness)


def _slowness(stream: random.Random) -> float:
    if stream.random() < SLOW_SHARE:
        return log_uniform(stream, SLOW_FROM, SLOWNESS_MAX)
    return log_uniform(stream, 1.0, SLOW_FROM)


def _workload(stream: random.Random, slowness: float, faults_s: float, tasks: int) -> Workload:
    return Workload(
        tasks=stream.randint(1, 2 * tasks),
        over_s=faults_s * stream.choice((0.0, 0.5, 1.0)),
        duration_s=slowness * log_uniform(stream, 0.2, 20.0),
        spread=stream.uniform(0.1, 1.0),
        poison=stream.choice((0.0, 0.0, 0.1)),
        malformed=stream.choice((0, 0, 0, 2)),
    )


def _busy_s(workload: Workload, worker: WorkerPlan) -> float:
    """How long the work takes, with twice as much again for what goes wrong."""
    return 3 * worker.rounds_of(workload.tasks) * min(2 * workload.duration_s, worker.max_runtime_s)


def _classes(stream: random.Random) -> frozenset[FaultClass]:
    """Which classes are on: none, a single one, or each with probability one half."""
    kinds = [*ODDS, *PER_HOUR]
    drawn = stream.random()
    if drawn < CALM_SHARE:
        return frozenset()
    if drawn < CALM_SHARE + SINGLE_SHARE:
        return frozenset((stream.choice(kinds),))
    return frozenset(kind for kind in kinds if stream.random() < 0.5)  # noqa: PLR2004 - one half


def _with_ends(classes: frozenset[FaultClass], stream: random.Random) -> frozenset[FaultClass]:
    """Further ends of runs, where several things go wrong already."""
    if len(classes) <= 1:
        return classes
    return classes | {kind for kind in END_ODDS if stream.random() < END_SHARE}


def _worker(stream: random.Random, slowness: float) -> WorkerPlan:
    max_attempts = stream.choice((None, 2, 5))
    return WorkerPlan(
        workers=stream.randint(1, 4),
        num_simultaneous_tasks=stream.choice((1, 2, 5, 10)),
        max_runtime_s=slowness * log_uniform(stream, 10.0, 120.0),
        shutdown_grace_period_s=log_uniform(stream, 2.0, 60.0),
        retry_on_exit=stream.random() < 0.7,  # noqa: PLR2004 - mostly
        retry_on_exception=max_attempts is not None and stream.random() < 0.3,  # noqa: PLR2004 - some
        retry_on_timeout=stream.random() < 0.3,  # noqa: PLR2004 - some
        max_attempts=max_attempts,
    )


def _with_retries(worker: WorkerPlan, stream: random.Random, slowness: float) -> WorkerPlan:
    """Pauses before retries, and how often a task may be interrupted."""
    delay_s = stream.choice((0.0, 1.0)) * slowness * log_uniform(stream, 0.5, 20.0)
    return structs.replace(
        worker,
        max_interruptions=stream.choice((None, None, 1, 2, 4)),
        retry_delay_s=delay_s,
        retry_delay_max_s=delay_s * log_uniform(stream, 1.0, 20.0),
        retry_strategy=stream.choice(RETRY_STRATEGIES),
    )


def _with_an_end(worker: WorkerPlan, stream: random.Random, slowness: float) -> WorkerPlan:
    """What becomes of tasks that failed for good; and whether workers end by themselves."""
    return structs.replace(
        worker,
        keep_failed=stream.random() < 0.5,  # noqa: PLR2004 - one half
        max_num_tasks=stream.randint(1, 20) if stream.random() < LEAVING_SHARE else None,
        exit_when_empty_s=_patience_s(stream, slowness) if stream.random() < LEAVING_SHARE else None,
    )


def _patience_s(stream: random.Random, slowness: float) -> float:
    """For how long a worker waits for a task; some do not, where that does not make thousands of workers."""
    patient = stream.random() < PATIENT_SHARE or slowness > SLOW_FROM
    return slowness * log_uniform(stream, 5.0, 120.0) if patient else 0.0


def _queue(stream: random.Random, slowness: float, worker: WorkerPlan) -> QueueOptions:
    lease_s = slowness * log_uniform(stream, 5.0, 120.0)
    return QueueOptions(
        lease_s=lease_s,
        # Shorter than a task may take, and some tasks would never come to their end.
        lease_total_s_max=stream.choice((12 * 3600.0, 12 * 3600.0, 3 * lease_s + 2 * worker.max_runtime_s)),
        lease_s_max=slowness * 600.0,
        counts_interruptions=stream.random() < 0.5,  # noqa: PLR2004 - one half
        settles_after_expiry=stream.random() < 0.5,  # noqa: PLR2004 - one half
        extend_renews_receipt=stream.random() < 0.3,  # noqa: PLR2004 - some
        batch_size_max=stream.choice((1, 10, 100)),
        max_receive_count=stream.choice((None, None, None, 5)),
        retention_s=slowness * log_uniform(stream, 30.0, 900.0)
        if stream.random() < RETENTION_SHARE
        else None,
    )


def _with_cap(queue: QueueOptions, stream: random.Random) -> QueueOptions:
    """For some, a longest extension that is hardly longer than a lease."""
    cap_s = min(queue.lease_s * stream.uniform(1.0, 1.5), queue.lease_s_max)
    return structs.replace(queue, lease_s_max=cap_s) if stream.random() < CAP_SHARE else queue


def _timed(
    kind: FaultClass, stream: random.Random, until_s: float, slowness: float, lease_s: float
) -> Iterator[Fault]:
    """Faults at moments of a Poisson process."""
    least, most = PER_HOUR[kind]
    mean_s = slowness * 3600.0 / log_uniform(stream, least, most)
    at_s, which = 0.0, 0
    while (at_s := at_s + stream.expovariate(1 / mean_s)) < until_s:
        which += 1
        yield Fault(kind=kind, which=which, at_s=at_s, size=_size(kind, stream, lease_s))


def _frozen_ends(faults: tuple[Fault, ...], stream: random.Random, worker: WorkerPlan) -> Iterator[Fault]:
    """Workers that stand still while they end: by chance, that is rare, and most end soon."""
    grace_s = worker.shutdown_grace_period_s
    for fault in faults:
        if fault.kind is FaultClass.SIGTERM and stream.random() < FROZEN_SHARE:
            at_s = fault.at_s + grace_s * log_uniform(stream, 0.001, 1.0)
            size = grace_s * log_uniform(stream, 0.5, 3.0)
            yield Fault(kind=FaultClass.WORKER_STOP, which=fault.which, at_s=at_s, size=size)


def _size(kind: FaultClass, stream: random.Random, lease_s: float) -> float:
    if kind in (FaultClass.NOTICE, FaultClass.NOTICE_WITHOUT_KILL):
        return stream.choice((30.0, 120.0, 0.0, stream.uniform(0.0, 120.0)))
    if kind is FaultClass.WALL_STEP:
        return stream.choice((-1, 1)) * log_uniform(stream, 0.001, 7200.0)
    size = log_uniform(stream, 0.1, 3.0) * lease_s
    return min(size, SLOW_S_MAX) if kind is FaultClass.CLOG else size
