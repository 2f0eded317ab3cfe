"""Explaining: where a failure was decided."""

from __future__ import annotations

import pytest
from msgspec import structs

from simulation.broken import BreaksNothingError
from simulation.explain import Explanation, explain
from simulation.explain_redraws import Point, redrawn
from simulation.faults import Fault, FaultClass
from simulation.happenings import Happening
from simulation.mutants import mutated
from simulation.plan import RunPlan, WorkerPlan, Workload
from simulation.run import run
from simulation.wording import line_of

LOST = Fault(kind=FaultClass.SINK_FAILS, whom="worker-1", which=3)
PLAN = RunPlan(
    seed=5,
    workload=Workload(tasks=4, duration_s=5.0),
    worker=WorkerPlan(workers=1, num_simultaneous_tasks=1),
    faults=(LOST,),
    faults_s=60.0,
)


def explained(plan: RunPlan, redraws: int = 20) -> Explanation:
    with mutated("swallows_sink_failures"):
        return explain(plan, "S1", redraws=redraws)


def seen(plan: RunPlan, until_s: float) -> list[str]:
    found: list[Happening] = []
    run(plan, watch=found.append)
    return [line_of(one) for one in found if one.at < until_s]


def test_a_run_that_is_drawn_anew_is_the_same_up_to_that_moment_and_another_after_it() -> None:
    plan = structs.replace(PLAN, odds={FaultClass.CHILD_EXITS: 0.3, FaultClass.REQUEST_LOST: 0.2})
    one, other = redrawn(plan, 12.0, 1), redrawn(plan, 12.0, 2)
    assert seen(one, 12.0) == seen(other, 12.0) == seen(plan, 12.0)
    assert len({tuple(seen(each, 1e9)) for each in (plan, one, other)}) == 3


def test_faults_that_strike_later_are_moved_and_those_before_are_not() -> None:
    faults = tuple(Fault(kind=FaultClass.WORKER_CRASH, at_s=at_s) for at_s in (5.0, 30.0))
    moved = redrawn(structs.replace(PLAN, faults=faults), 12.0, 1).faults
    assert moved[0] == faults[0]
    assert 12.0 <= moved[1].at_s < 60.0
    assert moved[1].at_s != 30.0


def test_of_the_faults_that_are_played_by_name_about_half_are_left() -> None:
    def injected(number: int) -> int:
        return len(run(redrawn(PLAN, 0.0, number)).injected)

    assert 5 < sum(injected(number) for number in range(1, 31)) < 25


def test_the_moment_is_that_of_the_fault_that_decides() -> None:
    found = explained(PLAN)
    assert found.points[0].share < 0.9
    assert found.points[-1].share == 1.0
    assert [point.at_s for point in found.points] == sorted(point.at_s for point in found.points)
    assert found.after.share - found.before.share >= 0.1
    # The outcome of the second task is what the third storing, after that of the worker's start, is about.
    assert found.before.at_s <= found.violation.at_s
    assert "task-" in found.decided_by
    assert found.decided_by in [line.strip() for line in found.around]
    assert f"S1; of those that are drawn anew from {found.after.at_s:.3f} s on" in found.summary


def test_what_is_bound_to_fail_fails_from_the_beginning() -> None:
    with mutated("acks_on_receive"):
        found = explain(structs.replace(PLAN, faults=()), "S1", redraws=5)
    assert found.points[0] == Point(0.0, 5, 5)


def test_what_does_not_fail_cannot_be_explained() -> None:
    with pytest.raises(BreaksNothingError, match="does not break S1"):
        explain(PLAN, "S1")


def test_an_explanation_is_the_same_twice() -> None:
    assert explained(PLAN, redraws=5) == explained(PLAN, redraws=5)
