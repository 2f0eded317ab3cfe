"""The unmodified worker on production adapters: what the swarm draws, and whether it is the same twice."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec import structs

from fakes.history import FactKind
from simulation.backends import legal, on_backend
from simulation.backends.ledger import Ledger
from simulation.backends.plans import BACKENDS, BackendName
from simulation.draws import PlanDraw
from simulation.faults import Fault, FaultClass
from simulation.happenings import CallAnswered, CallIssued, QueueChanged
from simulation.history import History
from simulation.loop import SimulationLoop
from simulation.plan import BackendPlan, RunPlan
from simulation.run import run
from simulation.scenario import Scenario
from simulation.scenario_file import load_scenario
from simulation.swarm import draw_plan
from simulation.tally import Tally
from simulation.vacuity import what_is_missing
from tests.simulation.backends.plans import ALL, FAKES, PUBSUB, PUBSUB_STRICT, broken, lived, plan_on

ROOT = Path(__file__).resolve().parents[3]
SEEDS = (1, 2, 3)
_TRACES = (
    "from simulation.run import run; from tests.simulation.backends.plans import ALL, plan_on\n"
    "often = dict(request_lost=0.1, reply_lost=0.1, slow_call=0.1, throttled=0.1, child_exits=0.2)\n"
    "for backend in ALL.values():\n"
    "    print(run(plan_on(backend, workers=3, policy='random', **often), trace=True).trace)\n"
)


@pytest.mark.parametrize("backend", ALL.values(), ids=ALL)
def test_every_invariant_is_looked_at_and_kept(backend: BackendPlan) -> None:
    plan = plan_on(backend, workers=2, duration_s=20.0, request_lost=0.05, reply_lost=0.05, slow_call=0.05)
    report = run(plan)
    assert report.violations == ()
    assert report.attempts >= plan.workload.tasks
    always = {"L1", "L2", "L6", "L7", *(f"S{number}" for number in range(1, 21))}
    assert always - set(report.checks) == set()


@pytest.mark.parametrize("name", ["sqs", "pubsub", "conductor"])
@pytest.mark.parametrize("seed", SEEDS)
def test_seeds_of_the_swarm_are_clean(name: BackendName, seed: int) -> None:
    assert broken(on_backend(draw_plan(seed), name)) == set()


def test_pulls_in_a_row_do_not_keep_step_with_leases_for_ever() -> None:
    """A message that came back just before each fifth deadline was never taken (seed 49 on Pub/Sub)."""
    late = Fault(kind=FaultClass.SIGTERM, at_s=280.0)
    plan = structs.replace(plan_on(PUBSUB, late, tasks=1), faults_s=300.0)
    _, seen = lived(plan)
    asked = [one.at for one in seen if isinstance(one, CallIssued) and one.operation == "receive"]
    waits = [later - earlier for earlier, later in pairwise(asked)]
    empty = [wait_s for wait_s in waits if wait_s > 10.0]
    assert len(empty) > 5
    assert len({round(wait_s, 6) for wait_s in empty}) == len(empty)


def test_a_seed_gives_the_same_run_whatever_ran_before_it() -> None:
    plan = PlanDraw(backend="sqs")(39)  # a worker ends with several acks under way
    assert len({run(plan, trace=True).trace for _ in range(5)}) == 1


def test_a_seed_gives_the_same_run_in_other_processes() -> None:
    traces = [_traces(hash_seed) for hash_seed in ("0", "4711")]
    assert traces[0] == traces[1]
    assert len(traces[0]) == len(ALL)


def _traces(hash_seed: str) -> list[str]:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _TRACES],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=100,
    )
    return done.stdout.split()


# -- what a plan may ask of a backend ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_what_is_drawn_is_fitted_to_the_backend_and_stays_so(seed: int) -> None:
    for name in BACKENDS:
        plan = on_backend(draw_plan(seed), name)
        assert legal(plan) is plan
        assert plan.backend.name == name
        assert plan.workload == draw_plan(seed).workload
        if name != "model":
            least, most = (10, 600) if name == "pubsub" else (1, 43_200)
            assert least <= plan.queue.lease_s <= most
            assert plan.queue.lease_s.is_integer()
            assert not plan.queue.counts_interruptions


def test_both_services_and_both_kinds_of_queue_are_drawn() -> None:
    drawn = {on_backend(RunPlan(seed=seed), "sqs").backend for seed in range(40)}
    assert len(drawn) == 4


def test_the_adapter_tells_the_worker_what_the_judges_are_told() -> None:
    plan = structs.replace(plan_on(PUBSUB), queue=structs.replace(plan_on(PUBSUB).queue, lease_s=2.5))
    assert run(plan).plan.queue.lease_s == 10.0


def test_no_situation_is_wanted_that_a_backend_cannot_show() -> None:
    scenario: Scenario = load_scenario("shutdown_in_long_poll")
    assert any("arrived_after_the_end" in line for line in what_is_missing(scenario, Tally()))
    for name in ("sqs", "pubsub", "conductor"):
        missing = what_is_missing(scenario, Tally(), PlanDraw(backend=name).backend)
        assert not any("arrived_after_the_end" in line for line in missing)
        assert missing


# -- what the broker does by itself --------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ALL.values(), ids=ALL)
def test_a_killed_worker_loses_its_leases_and_nothing_else(backend: BackendPlan) -> None:
    crash = Fault(kind=FaultClass.WORKER_CRASH, at_s=1.0)
    report, seen = lived(plan_on(backend, crash))
    assert report.violations == ()
    expired = [one for one in seen if isinstance(one, QueueChanged) and one.fact.kind is FactKind.EXPIRED]
    assert [round(one.at) for one in expired] == [30] * 4


@pytest.mark.parametrize("backend", [FAKES, PUBSUB], ids=["sqs", "pubsub"])
def test_a_message_may_be_shown_to_others_during_its_lease(backend: BackendPlan) -> None:
    report, seen = lived(plan_on(backend, workers=2, duplicate=0.9, child_hangs=0.5))
    assert report.violations == ()
    assert any(isinstance(one, QueueChanged) and one.fact.reason == "duplicate" for one in seen)


@pytest.mark.parametrize("backend", [FAKES, PUBSUB], ids=["sqs", "pubsub"])
def test_an_ack_may_be_forgotten(backend: BackendPlan) -> None:
    report, seen = lived(plan_on(backend, ack_forgotten=0.5))
    assert report.violations == ()
    assert any(isinstance(one, QueueChanged) and one.fact.reason == "forgotten" for one in seen)


def test_pubsub_says_of_each_ack_id_whether_it_counts() -> None:
    """With exactly-once delivery one ack of a request may fail, and the others not."""
    fault = Fault(kind=FaultClass.REQUEST_LOST, whom="ack of task-2")
    report, seen = lived(plan_on(PUBSUB_STRICT, fault))
    assert report.violations == ()
    failed = [one.task_id for one in seen if isinstance(one, CallAnswered) and one.error and one.task_id]
    assert failed == ["task-2"]
    assert report.effective == {FaultClass.REQUEST_LOST: 1}


@pytest.mark.parametrize("backend", [FAKES, PUBSUB], ids=["sqs", "pubsub"])
def test_a_service_buries_what_comes_back_too_often(backend: BackendPlan) -> None:
    plan = plan_on(backend, tasks=2, child_exits=1.0)
    plan = structs.replace(plan, queue=structs.replace(plan.queue, max_receive_count=5))
    report, seen = lived(plan)
    assert report.violations == ()
    dead = [one for one in seen if isinstance(one, QueueChanged) and one.fact.kind is FactKind.DEAD_LETTERED]
    assert [one.fact.reason for one in dead] == ["max_receive_count"] * 2


def test_a_dead_letter_whose_message_was_done_after_all_stands_for_none() -> None:
    """It is put there and deleted in two steps, of which the second may fail."""
    ledger = Ledger(SimulationLoop(), History(), lambda: None)
    for key, body in (("1", b"done"), ("2", b"dead"), ("3", b"alive")):
        ledger.sent(key, body)
        entry = ledger.delivered("worker-1", key, f"{key}#1", 10.0)
        assert entry is not None
        if body != b"alive":
            ledger.settled("worker-1", entry, None if body == b"done" else "hopeless")
    assert ledger.dead_among([b"done", b"dead", b"dead", b"alive"]) == 2


def test_the_model_stays_what_the_plan_says() -> None:
    plans = [draw_plan(seed) for seed in range(40)]
    assert {plan.backend.gathers_acks for plan in plans} == {True, False}
    assert [on_backend(plan, "model") for plan in plans] == plans
    assert on_backend(RunPlan(backend=BackendPlan(name="sqs")), "model").backend == BackendPlan()
