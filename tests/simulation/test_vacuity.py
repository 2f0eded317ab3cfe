"""What is on in plans and never strikes is named, and shows nothing once that is no chance."""

from __future__ import annotations

from collections import Counter

from msgspec import structs

from simulation.draws import PlanDraw
from simulation.faults import Fault, FaultClass
from simulation.plan import RunPlan, Workload
from simulation.run import run
from simulation.tally import Tally
from simulation.vacuity import NOT_PLAYED, PLANS_LEAST, never_struck, what_is_missing

HANGS, CRASH = FaultClass.CHILD_HANGS, FaultClass.WORKER_CRASH
PLAN = RunPlan(
    workload=Workload(tasks=1),
    odds={HANGS: 1e-9, FaultClass.THROTTLED: 0.0},
    faults=(Fault(kind=CRASH, at_s=1.0), Fault(kind=CRASH, at_s=2.0)),
    faults_s=5.0,
)


def test_a_class_that_is_on_and_never_strikes_is_named() -> None:
    tally, all_of_them = Tally(), Tally()
    for seed in (1, 2):
        tally.add_run(run(structs.replace(PLAN, seed=seed)), 0.0)
    all_of_them.add(tally)
    assert all_of_them.on == {HANGS.value: 2, CRASH.value: 2}
    assert never_struck(all_of_them) == {HANGS.value: 2}
    assert what_is_missing(None, all_of_them) == []


def test_it_shows_nothing_once_that_is_no_chance() -> None:
    rare = Tally(on=Counter({HANGS.value: PLANS_LEAST - 1, CRASH.value: PLANS_LEAST}))
    rare.injected[CRASH.value] = 1
    assert what_is_missing(None, rare) == []
    rare.on[HANGS.value] += 1
    assert what_is_missing(None, rare) == ["the fault child_hangs was on in 300 plans, and never struck"]


def test_what_cannot_strike_on_a_backend_is_not_missed_there() -> None:
    tally = Tally(on=Counter({kind.value: PLANS_LEAST for kind in NOT_PLAYED["conductor"]}))
    assert what_is_missing(None, tally, PlanDraw(backend="conductor").backend) == []
    assert len(what_is_missing(None, tally, "sqs")) == 2
    assert len(what_is_missing(None, tally)) == 6
