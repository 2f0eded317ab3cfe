"""Supervisors in virtual time: workers that fail are put together again, and nothing is lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

import pytest
from msgspec import structs

from cloud_tasks.compose.fleet import Fleet
from cloud_tasks.shell import WorkerShell
from fakes.queue_options import QueueOptions
from simulation.commands.app import main
from simulation.faults import Fault, FaultClass
from simulation.mutants.patching import swapped
from simulation.plan import RunPlan, WorkerPlan, Workload
from simulation.statuses import Status
from simulation.supervised import (
    OF_THE_SERVICE,
    SupervisedPlan,
    SupervisedReport,
    SupervisedRun,
    draw_supervised,
)

Bug = Callable[[], AbstractContextManager[None]]
ODDS = {
    FaultClass.CHILD_KILLED: 0.1,
    FaultClass.CHILD_HANGS: 0.02,
    FaultClass.CHILD_LINGERS: 0.05,
    FaultClass.REQUEST_LOST: 0.03,
    FaultClass.REPLY_LOST: 0.03,
    FaultClass.SINK_FAILS: 0.03,
}


OUTAGE = Fault(kind=FaultClass.OUTAGE, at_s=20.0, size=40.0)


def plan_of(seed: int, *faults: Fault, **more: int) -> SupervisedPlan:
    """Three queues with a few tasks each, two processes, and workers that fail three times in a while."""
    queue = RunPlan(
        seed=seed,
        workload=Workload(tasks=20, over_s=100.0, duration_s=5.0),
        worker=WorkerPlan(workers=2, num_simultaneous_tasks=2),
        queue=QueueOptions(lease_s=30.0),
        odds=ODDS,
        faults=faults,
        faults_s=150.0,
    )
    return SupervisedPlan(queue=queue, queues=3, **more)


def lived(plan: SupervisedPlan) -> SupervisedReport:
    return SupervisedRun(plan).run()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_fails_every_promise_is_kept(seed: int) -> None:
    report = lived(plan_of(seed))
    assert report.violations == ()
    assert report.attempts >= 60
    assert report.restarts >= 10
    assert report.crashes == 1


def test_without_failures_nobody_is_put_together_again() -> None:
    report = lived(plan_of(1, failures=0, crashes=0))
    assert (report.violations, report.restarts, report.crashes) == ((), 0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_machines_that_go_after_a_notice_take_nothing_with_them(seed: int) -> None:
    report = lived(plan_of(seed, notices=2, failures=1, crashes=0))
    assert (report.violations, report.notices) == ((), 2)


def test_an_outage_of_the_service_is_ridden_out_by_all_queues() -> None:
    report = lived(plan_of(4, OUTAGE))
    assert (report.violations, report.strikes) == ((), 3)


def test_the_same_plan_gives_the_same_run() -> None:
    assert lived(plan_of(2)) == lived(plan_of(2))
    assert lived(plan_of(2)) != lived(plan_of(3))


def test_any_seed_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["supervised", "--seeds", "0:5"]) == Status.CLEAN
    assert "5 clean runs" in capsys.readouterr().out


def test_a_broken_promise_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with tells_nobody_of_the_end():
        assert main(["supervised", "--seeds", "7:9"]) == Status.STUCK
    assert "L6 broken" in capsys.readouterr().out


def test_what_a_seed_gives_is_drawn_from_it() -> None:
    drawn = [draw_supervised(seed) for seed in range(30)]
    assert {one.queues for one in drawn} == {2, 3}
    assert {one.processes for one in drawn} == {1, 2, 3}
    assert {one.notices for one in drawn} == {0, 1, 2}
    assert {fault.kind for one in drawn for fault in one.queue.faults} == set(OF_THE_SERVICE)
    assert drawn[7] == draw_supervised(7)


# -- bugs ----------------------------------------------------------------------------------------------------


def leaves_who_failed() -> AbstractContextManager[None]:
    """A worker that has failed is not put together again."""

    async def once(self: Fleet, name: str, make: Callable[[], Awaitable[WorkerShell]]) -> None:
        try:
            await self._run_once(name, make)
        except Exception as error:  # noqa: BLE001 - as the supervisor has it
            self._on_failure(name, error)

    return swapped(Fleet, "_keep", once)


def begins_again_at_once() -> AbstractContextManager[None]:
    """There is no pause after a failure."""

    async def keep(self: Fleet, name: str, make: Callable[[], Awaitable[WorkerShell]]) -> None:
        while not self._signals:
            try:
                await self._run_once(name, make)
            except Exception as error:  # noqa: BLE001 - as the supervisor has it
                self._on_failure(name, error)
            else:
                return

    return swapped(Fleet, "_keep", keep)


def tells_nobody_of_the_end() -> AbstractContextManager[None]:
    """Who is at work does not hear that all are to end."""

    def note(self: Fleet, signal_name: str) -> None:
        self._signals.append(signal_name)

    return swapped(Fleet, "request_shutdown", note)


def forgets_the_doubling() -> AbstractContextManager[None]:
    """The pause after a failure is a minute, always."""
    keep = Fleet._keep

    async def slowly(self: Fleet, name: str, make: Callable[[], Awaitable[WorkerShell]]) -> None:
        async def later() -> WorkerShell:
            await asyncio.sleep(60.0)
            return await make()

        await keep(self, name, later)

    return swapped(Fleet, "_keep", slowly)


@pytest.mark.parametrize(
    ("bug", "found"),
    [
        (leaves_who_failed, "L1"),
        (begins_again_at_once, "L4"),
        (forgets_the_doubling, "L4"),
        (tells_nobody_of_the_end, "L6"),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_a_bug_of_the_supervisor_is_found_out(bug: Bug, found: str) -> None:
    plan = structs.replace(plan_of(5), failures=4, crashes=0)
    assert lived(plan).violations == ()
    with bug():
        assert found in {violation.invariant for violation in lived(plan).violations}
