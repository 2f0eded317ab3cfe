"""Shrinking: what is left of a failure is what matters, and still fails."""

from __future__ import annotations

from functools import cache

import pytest
from msgspec import structs

from fakes.queue_options import QueueOptions
from simulation.broken import BreaksNothingError
from simulation.case_file import parse_case
from simulation.cases import case_of, case_text
from simulation.faults import Fault, FaultClass
from simulation.mutants import hunt, mutant_of, mutated, shrink_found
from simulation.plan import MonitorPlan, ProducerPlan, RunPlan, WorkerPlan, Workload
from simulation.run import run
from simulation.shrinking import LONG_RUNS_MAX, Shrunk, shrink
from simulation.simpler import PASSES, fewer_tasks, more_defaults, rounder_times, without_classes, without_job
from simulation.swarm import draw_plan
from simulation.verdict import Violation

BROKEN = Violation("S1", 12.34, "", "task-7", "worker-2")


@cache
def failing(mutant: str, invariant: str, seeds: range) -> RunPlan:
    """The first plan of the swarm, without a job, where something struck and the invariant is broken."""
    for seed in seeds:
        plan = structs.replace(draw_plan(seed, tasks=4), monitor=None, producer=None)
        report = run(plan, until=lambda one: one.invariant == invariant)
        if report.injected and any(one.invariant == invariant for one in report.violations):
            return report.plan
    raise AssertionError(f"no seed shows {mutant}")


@cache
def shrunk(mutant: str, invariant: str = "S1") -> tuple[RunPlan, Shrunk]:
    with mutated(mutant):
        plan = failing(mutant, invariant, range(200))
        return plan, shrink(plan, invariant)


def test_what_needs_no_fault_is_left_with_one_task_one_worker_and_no_fault() -> None:
    _, small = shrunk("acks_on_receive")
    assert small.complete
    assert small.plan.faults == ()
    assert small.plan.odds == {}
    assert small.plan.workload == Workload(tasks=1)
    assert small.plan.worker == WorkerPlan(workers=1, num_simultaneous_tasks=1)
    assert small.plan.queue == QueueOptions()
    assert small.plan.policy == "turn"
    assert small.size == "0 faults, 1 task, 1 worker"


def test_what_needs_a_fault_is_left_with_that_fault() -> None:
    _, small = shrunk("swallows_sink_failures")
    assert [fault.kind for fault in small.plan.faults] in (
        [FaultClass.SINK_FAILS],
        [FaultClass.SINK_REPLY_LOST],
    )
    assert small.plan.faults[0].whom == "worker-1"
    assert small.plan.workload.tasks <= 2
    assert small.plan.worker.workers == 1


def test_a_shrunk_case_breaks_the_same_when_it_is_read_from_its_file_and_nothing_without_the_bug() -> None:
    _, small = shrunk("swallows_sink_failures")
    text = case_text(case_of(small.plan, small.violation), "small.yaml")
    case = parse_case(text.encode(), "small.yaml")
    with mutated("swallows_sink_failures"):
        assert small.violation in run(case.plan).violations
    assert run(case.plan).violations == ()


def test_to_shrink_is_the_same_twice_and_tells_how_far_it_is() -> None:
    told: list[tuple[str, int]] = []
    with mutated("records_after_ack"):
        plan = failing("records_after_ack", "S1", range(50))
        first = shrink(plan, "S1", progress=lambda what, runs, _: told.append((what, runs)))
        assert shrink(plan, "S1") == first
    assert [runs for _, runs in told] == sorted(runs for _, runs in told)
    assert {what for what, _ in told} <= {"chance", *(what for what, _ in PASSES)}
    assert told[0][0] == "chance"


def test_runs_are_bounded_and_what_was_found_until_then_still_fails() -> None:
    with mutated("swallows_sink_failures"):
        plan = failing("swallows_sink_failures", "S1", range(200))
        some = shrink(plan, "S1", runs_max=4)
        assert some.runs == 4
        assert not some.complete
        assert some.violation in run(some.plan, until=lambda one: one.invariant == "S1").violations


def test_what_does_not_fail_cannot_be_shrunk() -> None:
    with pytest.raises(BreaksNothingError, match="does not break S1"):
        shrink(RunPlan(workload=Workload(tasks=1), faults_s=5.0), "S1")


def test_what_is_seen_only_late_in_a_long_run_is_left_as_it_was_found() -> None:
    with mutated("acks_on_receive"):
        plan = failing("acks_on_receive", "S1", range(200))
        small = shrink(plan, "S1", happenings_max=1)
        assert small.plan == plan
        assert not small.complete
        assert small.runs <= 1 + LONG_RUNS_MAX
        assert small.violation in run(plan).violations


def test_what_was_not_found_cannot_be_shrunk() -> None:
    with pytest.raises(ValueError, match="acks_killed was not found"):
        shrink_found(hunt(mutant_of("acks_killed"), [], budget_s=1.0))


def test_the_plan_that_found_a_mutant_is_shrunk_with_the_mutant_on() -> None:
    small = shrink_found(hunt(mutant_of("settles_twice"), range(50), budget_s=10.0))
    assert small.violation.invariant == "S12"
    assert small.size == "0 faults, 1 task, 1 worker"


def test_tasks_that_something_is_said_about_get_the_first_names() -> None:
    faults = (
        Fault(kind=FaultClass.REPLY_LOST, whom="ack of task-12", which=2),
        Fault(kind=FaultClass.CHILD_EXITS, whom="task-7"),
    )
    plans = list(fewer_tasks(RunPlan(workload=Workload(tasks=20), faults=faults), BROKEN))
    assert [fault.whom for fault in plans[0].faults] == ["ack of task-12", "task-1"]
    assert plans[0].workload.tasks == 1
    assert [fault.whom for fault in plans[1].faults] == ["ack of task-2", "task-1"]
    assert plans[1].workload.tasks == 2


def test_settings_become_usual_and_times_round_but_no_plan_is_impossible() -> None:
    plan = RunPlan(queue=QueueOptions(lease_s=12.3456, lease_s_max=12.4), faults_s=123.456)
    assert QueueOptions(lease_s=12.3456) in [each.queue for each in more_defaults(plan, BROKEN)]
    rounded = list(rounder_times(plan, BROKEN))
    assert {each.queue.lease_s for each in rounded} == {12.3456, 10.0, 12.0, 12.3}
    assert structs.replace(plan, faults_s=100.0) in rounded
    assert plan not in rounded


def test_the_monitor_and_the_producer_are_the_first_to_go() -> None:
    passes = [simplify for _, simplify in PASSES]
    assert passes.index(without_job) < passes.index(without_classes)
    plan = RunPlan(monitor=MonitorPlan(batch_max=3), producer=ProducerPlan())
    left = [(one.monitor is not None, one.producer is not None) for one in without_job(plan, BROKEN)]
    assert left == [(False, False), (False, True), (True, False)]
    assert [*without_job(RunPlan(), BROKEN)] == []
    plainer = [one.monitor for one in more_defaults(plan, BROKEN)]
    assert MonitorPlan() in plainer
