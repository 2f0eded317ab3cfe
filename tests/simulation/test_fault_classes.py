"""Classes of faults: what each does to the world, by itself."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

import pytest
from msgspec import structs

from fakes.history import FactKind
from fakes.queue_options import QueueOptions
from simulation.fault_words import words_of
from simulation.faults import Fault, FaultClass
from simulation.happenings import (
    CallAnswered,
    CallIssued,
    EventStored,
    Happening,
    QueueChanged,
    RunBegan,
    RunOver,
    WorkerContinued,
    WorkerStopped,
)
from simulation.link import SLOW_S_MAX
from simulation.plan import RunPlan, WorkerPlan, Workload
from simulation.run import RunReport, run
from simulation.swarm import draw_plan

T = TypeVar("T", bound=Happening)

ONE = RunPlan(
    seed=1,
    workload=Workload(tasks=4, duration_s=5.0, spread=0.0),
    worker=WorkerPlan(workers=1, num_simultaneous_tasks=1),
    queue=QueueOptions(lease_s=20.0),
    faults_s=120.0,
    policy="turn",
)


class Seen:
    """A run with these faults, which keeps every promise, and what could be seen of it."""

    def __init__(self, *faults: Fault, plan: RunPlan = ONE) -> None:
        self._all: list[Happening] = []
        self.report: RunReport = run(structs.replace(plan, faults=faults), watch=self._all.append)
        assert self.report.violations == ()
        assert all(words_of(fault) for fault in faults)

    def of(self, kind: type[T], **fields: object) -> list[T]:
        """What is of that type, and has these values."""
        return [
            one
            for one in self._all
            if isinstance(one, kind) and all(getattr(one, name) == value for name, value in fields.items())
        ]

    def facts(self, kind: FactKind) -> list[QueueChanged]:
        """What happened to messages."""
        return [one for one in self.of(QueueChanged) if one.fact.kind is kind]


def test_a_receive_may_bring_nothing_although_there_is_something() -> None:
    seen = Seen(Fault(kind=FaultClass.EMPTY_RECEIVE, whom="receive by worker-1"))
    first, second = seen.of(CallAnswered, operation="receive")[:2]
    assert (first.count, second.count) == (0, 1)
    assert first.at < 1.0
    assert seen.report.effective == {FaultClass.EMPTY_RECEIVE: 1}


def test_an_empty_receive_from_an_empty_queue_makes_no_difference() -> None:
    plan = structs.replace(ONE, workload=structs.replace(ONE.workload, over_s=60.0))
    faults = [
        Fault(kind=FaultClass.EMPTY_RECEIVE, whom="receive by worker-1"),
        Fault(kind=FaultClass.SIGTERM, at_s=100.0),
    ]
    assert FaultClass.EMPTY_RECEIVE not in Seen(*faults, plan=plan).report.effective


def test_a_receive_may_bring_the_last_first() -> None:
    seen = Seen(Fault(kind=FaultClass.REORDERED, whom="receive by worker-1", size=0.99))
    assert [one.task_id for one in seen.of(RunBegan)] == ["task-4", "task-1", "task-2", "task-3"]


def test_what_was_acked_may_come_again() -> None:
    seen = Seen(Fault(kind=FaultClass.ACK_FORGOTTEN, whom="task-2"))
    assert [one.task_id for one in seen.of(RunBegan)].count("task-2") == 2
    assert [one.fact.reason for one in seen.facts(FactKind.EXPIRED)] == ["forgotten"]
    assert [one.error for one in seen.of(CallAnswered, operation="ack", task_id="task-2")] == ["", ""]


def test_a_burst_of_refusals_lets_some_calls_through() -> None:
    plan = structs.replace(ONE, workload=structs.replace(ONE.workload, tasks=40, duration_s=0.1))
    seen = Seen(Fault(kind=FaultClass.THROTTLE_BURST, at_s=0.5, size=60.0), plan=plan)
    answers = [one for one in seen.of(CallAnswered) if 0.58 < one.at < 60.0]
    assert 0 < sum(not one.error for one in answers) < sum(bool(one.error) for one in answers)


def test_one_way_lets_calls_have_their_effect_and_answers_get_lost() -> None:
    seen = Seen(Fault(kind=FaultClass.ONE_WAY, at_s=1.0, size=10.0))
    acked = seen.facts(FactKind.ACKED)[0]
    told = seen.of(CallAnswered, operation="ack")
    assert acked.task_id == told[0].task_id == "task-1"
    assert acked.at < told[0].at < 11.0
    assert told[0].error == "QueueUnavailableError"


def test_what_is_held_arrives_all_at_once() -> None:
    seen = Seen(Fault(kind=FaultClass.CLOG, at_s=1.0, size=15.0))
    acked, ack = seen.facts(FactKind.ACKED)[0], seen.of(CallIssued, operation="ack")[0]
    assert ack.at < 6.0
    assert 16.0 <= acked.at < 16.1


def test_a_machine_that_is_suspended_stands_still_with_its_tasks_and_its_clock() -> None:
    seen = Seen(Fault(kind=FaultClass.SUSPEND, at_s=2.0, size=12.0))
    first = seen.of(RunOver)[0]
    assert 14.0 <= first.at < 14.1, "what was due meanwhile comes when it goes on"
    assert [one.at for one in seen.of(WorkerStopped)] == [2.0]
    assert [one.at for one in seen.of(WorkerContinued)] == [14.0]
    assert not seen.facts(FactKind.EXPIRED)


def test_a_task_does_not_reach_its_deadline_while_its_machine_is_suspended() -> None:
    plan = structs.replace(
        ONE,
        worker=structs.replace(ONE.worker, max_runtime_s=10.0),
        queue=QueueOptions(lease_s=300.0),
    )
    hang = Fault(kind=FaultClass.CHILD_HANGS, whom="task-1")
    seen = Seen(hang, Fault(kind=FaultClass.SUSPEND, at_s=5.0, size=30.0), plan=plan)
    assert 40.0 <= seen.of(RunOver, task_id="task-1")[0].at < 40.1


def test_a_starved_worker_goes_on_now_and_then() -> None:
    seen = Seen(Fault(kind=FaultClass.STARVED, at_s=1.0, size=5.0))
    stops = [one.at for one in seen.of(WorkerStopped)]
    assert len(stops) == 10
    assert all(0.54 < later - earlier < 0.56 for earlier, later in pairwise(stops))
    assert len(seen.of(WorkerContinued)) == 10


def test_one_slow_call_in_five_comes_back_when_something_else_is_due() -> None:
    """The four others take between 13 and 61 seconds longer."""
    plan = structs.replace(
        ONE,
        workload=structs.replace(ONE.workload, tasks=60),
        odds={FaultClass.SLOW_CALL: 0.5},
        faults_s=1_000.0,
    )
    slow = [fault.size for fault in Seen(plan=plan).report.injected]
    assert len(slow) > 50
    assert 0.1 < sum(size < 13.0 for size in slow) / len(slow) < 0.3


def test_a_clock_that_runs_fast_ends_a_run_too_early() -> None:
    plan = structs.replace(ONE, worker=structs.replace(ONE.worker, max_runtime_s=15.0))
    hang = Fault(kind=FaultClass.CHILD_HANGS, whom="task-1")
    began, over = (
        Seen(hang, Fault(kind=FaultClass.CLOCK_DRIFT, whom="worker-1", size=500.0), plan=plan).of(kind)[0].at
        for kind in (RunBegan, RunOver)
    )
    assert abs(over - began - 15.0 / 1.0005) < 1e-4


@pytest.mark.parametrize("kind", [FaultClass.OUTAGE, FaultClass.PARTITION, FaultClass.ONE_WAY])
def test_a_short_fault_does_not_end_a_long_one(kind: FaultClass) -> None:
    long, short = Fault(kind=kind, at_s=0.5, size=60.0), Fault(kind=kind, at_s=1.0, size=0.5)

    def heard(*faults: Fault) -> list[tuple[float, str]]:
        answers = Seen(*faults).of(CallAnswered)
        return [(one.at, one.operation) for one in answers if one.at < 60.0 and not one.error]

    assert heard(long, short) == heard(long)


def test_a_short_clog_does_not_end_a_long_one() -> None:
    seen = Seen(
        Fault(kind=FaultClass.CLOG, at_s=1.0, size=15.0), Fault(kind=FaultClass.CLOG, at_s=2.0, size=0.5)
    )
    assert 16.0 <= seen.facts(FactKind.ACKED)[0].at < 16.1


def test_a_disk_that_is_full_for_long_is_not_emptied_by_being_full_for_a_moment() -> None:
    long = Fault(kind=FaultClass.DISK_FULL, at_s=1.0, size=30.0)
    short = Fault(kind=FaultClass.DISK_FULL, at_s=2.0, size=0.5)
    stored = Seen(long, short).of(EventStored)
    assert all(not 1.1 < one.at < 31.0 for one in stored)


def test_calls_are_held_for_as_long_as_the_fault_says() -> None:
    drawn = (fault for seed in range(400) for fault in draw_plan(seed).faults)
    assert max(fault.size for fault in drawn if fault.kind is FaultClass.CLOG) == SLOW_S_MAX


@pytest.mark.parametrize("kind", [FaultClass.OUTAGE, FaultClass.PARTITION])
def test_an_outage_makes_a_difference_where_a_call_is_refused(kind: FaultClass) -> None:
    between = Fault(kind=kind, at_s=2.0, size=0.5)
    assert not Seen(between).of(CallIssued, operation="ack")[0].at < 2.5
    assert kind not in Seen(between).report.effective, "nobody calls then"
    assert Seen(Fault(kind=kind, at_s=4.9, size=10.0)).report.effective[kind] > 0


def test_a_partition_during_an_outage_counts_where_it_alone_is_in_the_way() -> None:
    outage = Fault(kind=FaultClass.OUTAGE, at_s=4.9, size=10.0)
    effective = Seen(outage, Fault(kind=FaultClass.PARTITION, at_s=5.0, size=5.0)).report.effective
    assert FaultClass.PARTITION not in effective


def test_a_step_of_the_time_of_day_makes_a_difference_to_who_looks() -> None:
    step = Fault(kind=FaultClass.WALL_STEP, at_s=2.0, size=3600.0)
    assert Seen(step).report.effective == {FaultClass.WALL_STEP: 1}
    steps = step, structs.replace(step, at_s=2.1)
    assert Seen(*steps).report.effective == {FaultClass.WALL_STEP: 1}, "nobody looked between them"
