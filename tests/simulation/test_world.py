"""The world: the real worker lives in it, and everything in it follows from the plan."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from cloud_tasks.core.events import EventRecord, NonFatalException
from cloud_tasks.shell.recorder import Recorder
from fakes.history import FactKind
from simulation.fault_source import FaultSource
from simulation.faults import Chances, Fault, FaultClass
from simulation.happenings import CallAnswered, EventStored, QueueChanged, RunBegan, WorkerKilled
from simulation.job.happenings import EventAccepted
from simulation.mutants.patching import swapped
from simulation.plan import BackendPlan, RunPlan, WorkerPlan, Workload
from simulation.run import run
from simulation.shares import share_of
from simulation.swarm import draw_plan
from simulation.tracing import full_text
from simulation.world import World

CALM = RunPlan(seed=1, workload=Workload(tasks=12), faults_s=60.0)
ROOT = Path(__file__).resolve().parents[2]


def lived(plan: RunPlan) -> World:
    world = World(plan, keep=True)
    world.run()
    world.close()
    return world


def test_without_faults_each_task_runs_once_and_is_acked() -> None:
    world = lived(CALM)
    assert world.settled
    assert world.ended
    happenings = world.history.kept or []
    began = [one.task_id for one in happenings if isinstance(one, RunBegan)]
    acked = [
        one.task_id for one in happenings if isinstance(one, QueueChanged) and one.fact.kind is FactKind.ACKED
    ]
    assert sorted(began) == sorted(acked) == sorted(f"task-{number}" for number in range(1, 13))
    assert world.loop.faults == []


def test_acks_are_handed_over_where_the_plan_says_so_and_otherwise_they_are_calls() -> None:
    calls, handed_over = (
        run(structs.replace(CALM, backend=BackendPlan(gathers_acks=gathers_acks)))
        for gathers_acks in (False, True)
    )
    assert calls.violations == handed_over.violations == ()
    assert calls.checks["S1"] == handed_over.checks["S1"] == 12
    assert handed_over.steps == calls.steps - 2 * 12, (
        "no task of the loop for each of them, and none that is over"
    )


def test_a_worker_that_is_killed_is_followed_by_another_and_nothing_is_lost() -> None:
    crash = Fault(kind=FaultClass.WORKER_CRASH, at_s=1.0)
    world = lived(structs.replace(CALM, faults=(crash,)))
    assert world.settled
    assert [one.worker for one in world.history.kept or [] if isinstance(one, WorkerKilled)]
    assert len(world.fleet.workers) == 3


def test_a_fault_by_name_strikes_where_its_name_says() -> None:
    fault = Fault(kind=FaultClass.REPLY_LOST, whom="ack of task-7", which=1)
    world = lived(structs.replace(CALM, faults=(fault,)))
    failed = [
        (one.operation, one.task_id)
        for one in world.history.kept or []
        if isinstance(one, CallAnswered) and one.error == "QueueUnavailableError"
    ]
    assert failed == [("ack", "task-7")]
    assert world.faults.injected == [fault]
    assert world.settled


def test_what_struck_by_chance_strikes_again_by_name() -> None:
    plan = structs.replace(CALM, odds={FaultClass.REQUEST_LOST: 0.2, FaultClass.CHILD_EXITS: 0.2})
    first = run(plan, trace=True)
    assert first.injected
    again = run(structs.replace(plan, odds={}, faults=first.injected), trace=True)
    assert again.trace == first.trace


def test_to_switch_a_class_on_leaves_what_strikes_of_the_others() -> None:
    one = FaultSource(Chances(3, {FaultClass.CHILD_EXITS: 0.5}))
    both = FaultSource(Chances(3, {FaultClass.CHILD_EXITS: 0.5, FaultClass.CHILD_RAISES: 0.5}))
    for number in range(50):
        both.strikes(FaultClass.CHILD_RAISES, f"task-{number}", 1)
        assert one.strikes(FaultClass.CHILD_EXITS, f"task-{number}", 1) == both.strikes(
            FaultClass.CHILD_EXITS, f"task-{number}", 1
        )


def test_shares_are_spread_evenly() -> None:
    shares = [share_of(7, "x", f"task-{number}", 1) for number in range(4_000)]
    for tenth in range(10):
        assert 300 < sum(tenth / 10 <= share < (tenth + 1) / 10 for share in shares) < 500


@pytest.mark.parametrize("seed", range(12))
def test_seeds_keep_every_promise(seed: int) -> None:
    assert run(draw_plan(seed, tasks=15)).violations == ()


def test_h1_the_same_plan_gives_the_same_run_whatever_the_seed_of_hashes() -> None:
    code = (
        "from simulation.swarm import draw_plan; from simulation.run import run;"
        "print(*[run(draw_plan(seed, tasks=10), trace=True).trace for seed in (2, 5)])"
    )
    traces = {
        subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("0", "1", "random")
    }
    assert len(traces) == 1
    assert len(traces.pop().split()) == 2


def test_a_worker_that_spins_is_stopped_and_told_of() -> None:
    async def spin(_recorder: Recorder) -> None:
        for _ in itertools.count():
            await asyncio.sleep(0)

    with swapped(Recorder, "run", spin):
        report = run(RunPlan(workload=Workload(tasks=1), worker=WorkerPlan(workers=1)))
    (violation,) = report.violations
    assert (violation.invariant, violation.worker) == ("L3", "worker-1")
    assert "time stands still" in violation.what


@pytest.mark.parametrize(
    ("tasks_max", "rounds"),
    [(None, 10), (1, 100), (5, 20), (10, 10), (11, 20), (20, 10), (100, 10)],
)
def test_a_worker_with_a_number_may_run_its_last_tasks_alone(tasks_max: int | None, rounds: int) -> None:
    """A bound of ten rounds for workers of ten slots and eleven tasks broke L1, without a fault."""
    worker = WorkerPlan(workers=1, num_simultaneous_tasks=10, max_num_tasks=tasks_max)
    assert worker.rounds_of(100) == rounds


def test_a_trace_does_not_tell_where_the_code_lies() -> None:
    event = NonFatalException(exception="no route", stack_trace="at here, line 7")
    record = EventRecord("2026-01-01T00:00:00+00:00", "worker-1", event)
    for told in (
        EventStored(at=1.0, event=event),
        EventAccepted(at=1.0, key="1", record=record, body=record.encode()),
    ):
        text = full_text(told)
        assert "no route" in text
        assert "line 7" not in text
