"""Whatever the plan: Hypothesis draws workload, configuration, queue and faults, and shrinks what breaks.

A plan that was found here goes into `regressions/` as a file, named in words.
"""

from __future__ import annotations

from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.queue_options import QueueOptions
from simulation.cases import case_of, case_text
from simulation.faults import DRIFT_PPM_MAX, Fault, FaultClass
from simulation.link import SLOW_S_MAX
from simulation.plan import RunPlan, WorkerPlan, Workload
from simulation.run import run
from simulation.strikes import TIMED

T = TypeVar("T")

SECONDS = st.sampled_from([0.1, 1.0, 5.0, 29.999, 30.0, 60.0, 120.0])
FAULTS_S = 240.0
MOMENTS = st.one_of(SECONDS, st.floats(0.0, FAULTS_S))
NUMBERS = st.integers(1, 3)
ABOUT_CALLS = (
    FaultClass.REQUEST_LOST,
    FaultClass.REPLY_LOST,
    FaultClass.SLOW_CALL,
    FaultClass.THROTTLED,
)
ABOUT_RUNS = tuple(kind for kind in FaultClass if kind.value.startswith("child_"))
ABOUT_DELIVERIES = (FaultClass.DUPLICATE, FaultClass.ACK_FORGOTTEN)
ABOUT_EVENTS = (FaultClass.SINK_FAILS, FaultClass.SINK_SLOW, FaultClass.SINK_REPLY_LOST)
ABOUT_RECEIVES = (FaultClass.EMPTY_RECEIVE, FaultClass.REORDERED)


def one_of(*values: T) -> st.SearchStrategy[T]:
    return st.sampled_from(values)


TASK = st.integers(1, 6).map("task-{}".format)
WORKER = st.integers(1, 4).map("worker-{}".format)
CALL = st.one_of(
    WORKER.map("receive of {}".format),
    st.builds("{} of {}".format, one_of("ack", "nack", "extend", "dead_letter"), TASK),
)


def _about(kinds: tuple[FaultClass, ...], whom: st.SearchStrategy[str]) -> st.SearchStrategy[Fault]:
    sizes = st.one_of(SECONDS, st.floats(0.0, 1.0)) if kinds != ABOUT_RECEIVES else st.floats(0.0, 0.99)
    if kinds == ABOUT_RUNS:
        sizes = st.floats(0.0, 0.99)
    return st.builds(Fault, kind=one_of(*kinds), whom=whom, which=NUMBERS, size=sizes)


FAULTS = st.one_of(
    _about(ABOUT_CALLS, CALL),
    _about(ABOUT_RUNS, TASK),
    _about(ABOUT_DELIVERIES, TASK),
    _about(ABOUT_EVENTS, WORKER),
    _about(ABOUT_RECEIVES, WORKER.map("receive by {}".format)),
    st.builds(
        Fault,
        kind=st.just(FaultClass.CLOCK_DRIFT),
        whom=WORKER,
        size=one_of(-DRIFT_PPM_MAX, -1.0, 1.0, DRIFT_PPM_MAX),
    ),
    st.builds(
        Fault,
        kind=one_of(*(kind for kind in TIMED if kind is not FaultClass.CLOG)),
        which=NUMBERS,
        at_s=MOMENTS,
        size=SECONDS,
    ),
    st.builds(
        Fault,
        kind=st.just(FaultClass.CLOG),
        which=NUMBERS,
        at_s=MOMENTS,
        size=SECONDS.filter(lambda size: size <= SLOW_S_MAX),
    ),
)
PLANS = st.builds(
    RunPlan,
    seed=st.integers(0, 1_000),
    workload=st.builds(
        Workload,
        tasks=st.integers(1, 6),
        over_s=one_of(0.0, 60.0),
        duration_s=one_of(0.1, 2.0, 20.0, 50.0),
        spread=one_of(0.0, 0.5),
        poison=one_of(0.0, 0.3),
        malformed=st.integers(0, 1),
    ),
    worker=st.builds(
        WorkerPlan,
        workers=st.integers(1, 3),
        num_simultaneous_tasks=st.integers(1, 3),
        max_runtime_s=one_of(3.0, 30.0, 60.0),
        shutdown_grace_period_s=one_of(0.5, 5.0, 30.0),
        retry_on_exit=st.booleans(),
        max_attempts=one_of(None, 1, 3),
        max_interruptions=one_of(None, 1, 2),
        retry_delay_s=one_of(0.0, 1.0, 20.0),
        retry_delay_max_s=one_of(0.0, 60.0),
        retry_strategy=one_of("exponential", "fixed"),
        keep_failed=st.booleans(),
        max_num_tasks=one_of(None, 1, 2),
        exit_when_empty_s=one_of(None, 0.0, 20.0),
    ),
    queue=st.builds(
        QueueOptions,
        lease_s=one_of(2.0, 10.0, 30.0, 60.0),
        lease_total_s_max=one_of(150.0, 43_200.0),
        batch_size_max=one_of(1, 10),
        max_receive_count=one_of(None, 3),
        retention_s=one_of(None, None, 200.0),
        counts_interruptions=st.booleans(),
        settles_after_expiry=st.booleans(),
        extend_renews_receipt=st.booleans(),
    ),
    faults=st.lists(FAULTS, max_size=8, unique_by=lambda fault: (fault.kind, fault.whom, fault.which)).map(
        tuple
    ),
    faults_s=st.just(FAULTS_S),
    policy=one_of("turn", "random", "pct"),
)


@settings(max_examples=40)
@given(PLANS)
def test_every_promise_is_kept_whatever_the_plan(plan: RunPlan) -> None:
    violations = run(plan).violations
    assert violations == (), case_text(case_of(plan, violations[0]), "found.yaml")
