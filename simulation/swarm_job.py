"""Drawing what a job has around its workers: for a share of the seeds, and in streams of their own."""

from __future__ import annotations

import random
from collections.abc import Iterator

from msgspec import structs

from simulation.faults import Fault, FaultClass
from simulation.plan import MonitorPlan, ProducerPlan, RunPlan
from simulation.streams import Streams, log_uniform

JOB_SHARE = 0.17
"""Of all seeds: there is an event queue with a monitor, a producer, or both."""
CALM_SHARE = 0.15
"""Of those: nothing goes wrong with these."""

JOB_ODDS: dict[FaultClass, tuple[float, float]] = {
    FaultClass.EVENT_TWICE: (0.01, 0.5),
    FaultClass.EVENT_LATE: (0.01, 0.5),
    FaultClass.EVENTS_DISORDERED: (0.05, 0.9),
    FaultClass.EVENT_REFUSED: (0.001, 0.2),
    FaultClass.EVENTS_REQUEST_LOST: (0.001, 0.3),
    FaultClass.EVENTS_REPLY_LOST: (0.001, 0.3),
    FaultClass.EVENTS_SLOW: (0.001, 0.1),
    FaultClass.EVENTS_THROTTLED: (0.001, 0.3),
    FaultClass.MONITOR_DIES: (0.01, 0.5),
    FaultClass.SEND_REFUSED: (0.01, 0.3),
    FaultClass.PRODUCER_DIES: (0.01, 0.3),
}
"""Least and greatest odds on an occasion."""

JOB_PER_HOUR: dict[FaultClass, tuple[float, float]] = {
    FaultClass.EVENTS_OUTAGE: (2.0, 60.0),
    FaultClass.MONITOR_CRASH: (5.0, 200.0),
    FaultClass.MONITOR_STOP: (5.0, 100.0),
    FaultClass.MONITOR_SIGTERM: (5.0, 100.0),
}
"""Least and greatest number in an hour, where tasks take seconds."""
PRODUCER_CRASHES_MAX = 3
"""A load is over soon: it is killed in its first minute, or not at all."""
LOAD_S = 60.0


def with_job(plan: RunPlan, slowness: float) -> RunPlan:
    """The plan with what the job of its seed has around the workers, if it has anything.

    Args:
        plan: As it was drawn.
        slowness: By how much its times are stretched.
    """
    streams = Streams(plan.seed)
    stream = streams.of("job")
    if stream.random() >= JOB_SHARE:
        return plan
    monitor, producer = stream.choice(((True, True), (True, False), (False, True)))
    classes = _classes(streams.of("job classes"))
    lease_s = slowness * log_uniform(stream, 5.0, 120.0)
    odds = {
        kind: log_uniform(streams.of("odds", kind.value), *JOB_ODDS[kind])
        for kind in JOB_ODDS
        if kind in classes
    }
    timed = tuple(
        fault
        for kind in (*JOB_PER_HOUR, FaultClass.PRODUCER_CRASH)
        if kind in classes
        for fault in _timed(kind, streams.of("timed", kind.value), plan, slowness, lease_s)
    )
    return structs.replace(
        plan,
        odds={**plan.odds, **odds},
        faults=(*plan.faults, *timed),
        monitor=_monitor(stream, slowness, lease_s) if monitor else None,
        producer=_producer(stream) if producer else None,
    )


def _classes(stream: random.Random) -> frozenset[FaultClass]:
    if stream.random() < CALM_SHARE:
        return frozenset()
    kinds = (*JOB_ODDS, *JOB_PER_HOUR, FaultClass.PRODUCER_CRASH)
    return frozenset(kind for kind in kinds if stream.random() < 0.5)  # noqa: PLR2004 - one half


def _monitor(stream: random.Random, slowness: float, lease_s: float) -> MonitorPlan:
    return MonitorPlan(
        lease_s=lease_s,
        batch_max=stream.choice((1, 10, 1000)),
        wait_s=slowness * 5.0,
        auto_complete=stream.random() < 0.7,  # noqa: PLR2004 - mostly
        output_file=stream.random() < 0.7,  # noqa: PLR2004 - mostly
    )


def _producer(stream: random.Random) -> ProducerPlan:
    return ProducerPlan(
        batch_size=stream.choice((1, 3, 10)),
        concurrent_calls=stream.choice((1, 2, 8)),
        page_size=stream.choice((4, 20, 1000)),
    )


def _timed(
    kind: FaultClass, stream: random.Random, plan: RunPlan, slowness: float, lease_s: float
) -> Iterator[Fault]:
    if kind is FaultClass.PRODUCER_CRASH:
        for _ in range(stream.randint(1, PRODUCER_CRASHES_MAX)):
            yield Fault(kind=kind, at_s=log_uniform(stream, 0.01, LOAD_S))
        return
    mean_s = slowness * 3600.0 / log_uniform(stream, *JOB_PER_HOUR[kind])
    at_s = 0.0
    while (at_s := at_s + stream.expovariate(1 / mean_s)) < plan.faults_s:
        yield Fault(kind=kind, at_s=at_s, size=log_uniform(stream, 0.1, 3.0) * lease_s)
