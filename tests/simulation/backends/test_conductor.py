"""The production adapter for Conductor in virtual time: its disks, and the bugs that it might have."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from msgspec import structs

from cloud_tasks.core.task import Lease, Task
from cloud_tasks.queues.conductor.courier import Courier
from cloud_tasks.queues.conductor.delivery import Delivery
from cloud_tasks.queues.conductor.keeper import Keeper
from cloud_tasks.queues.conductor.letters import Letter
from cloud_tasks.queues.conductor.task_queue import ConductorQueue
from fakes.conductor import ConductorService
from fakes.conductor.values import ResultStatus, TaskResult
from fakes.history import FactKind
from simulation.backends.backend import Site
from simulation.backends.conductor.happenings import DiskGone, ResultKept, ResultRemoved, ResultTold
from simulation.backends.conductor.register import Register
from simulation.clocks import HostClock
from simulation.fault_source import FaultSource
from simulation.faults import Chances, Fault, FaultClass
from simulation.happenings import CallAnswered, Happening, QueueChanged, WorkerBegan
from simulation.history import History
from simulation.loop import SimulationLoop
from simulation.mutants.patching import swapped
from simulation.plan import RunPlan, WorkerPlan
from simulation.weather import Weather
from tests.simulation.backends.plans import CONDUCTOR, broken, lived, plan_on

Bug = Callable[[], AbstractContextManager[None]]
OUTAGE = Fault(kind=FaultClass.OUTAGE, at_s=1.0, size=20.0)


def facts(seen: list[Happening], kind: FactKind) -> list[QueueChanged]:
    return [one for one in seen if isinstance(one, QueueChanged) and one.fact.kind is kind]


def long_plan(*faults: Fault, tasks: int = 4, workers: int = 1) -> RunPlan:
    """Tasks that outlast a lease, and nothing that fails by itself."""
    plan = plan_on(CONDUCTOR, *faults, tasks=tasks, workers=workers, duration_s=60.0)
    worker = WorkerPlan(workers=workers, num_simultaneous_tasks=4, max_runtime_s=120.0)
    return structs.replace(plan, worker=worker)


# -- results that wait ---------------------------------------------------------------------------------------


def test_results_of_an_outage_wait_on_disk_and_are_told_soon_after() -> None:
    report, seen = lived(plan_on(CONDUCTOR, OUTAGE))
    assert report.violations == ()
    kept = [one for one in seen if isinstance(one, ResultKept)]
    removed = [one for one in seen if isinstance(one, ResultRemoved)]
    assert kept
    assert {one.receipt for one in removed} == {one.receipt for one in kept}
    assert all(1.0 < one.at < 21.0 for one in kept)
    assert all(21.0 < one.at < 60.0 for one in removed)
    acked = [one for one in seen if isinstance(one, CallAnswered) and one.operation == "ack"]
    assert [one.error for one in acked] == [""] * len(acked)


def test_the_next_worker_of_a_machine_tells_what_it_finds() -> None:
    crash = Fault(kind=FaultClass.WORKER_CRASH, at_s=15.0)
    report, seen = lived(plan_on(CONDUCTOR, OUTAGE, crash))
    assert report.violations == ()
    assert [one.worker for one in seen if isinstance(one, WorkerBegan)] == ["worker-1", "worker-2"]
    assert {one.worker for one in seen if isinstance(one, ResultKept)} == {"worker-1"}
    assert {one.worker for one in seen if isinstance(one, ResultRemoved)} == {"worker-2"}
    assert len(facts(seen, FactKind.SENT)) == len(facts(seen, FactKind.ACKED))


def test_what_was_on_a_machine_that_is_gone_runs_again() -> None:
    notice = Fault(kind=FaultClass.NOTICE, at_s=10.0, size=5.0)
    report, seen = lived(plan_on(CONDUCTOR, OUTAGE, notice))
    assert report.violations == ()
    lost = {one.receipt for one in seen if isinstance(one, ResultKept)}
    assert [one.worker for one in seen if isinstance(one, DiskGone)] == ["worker-1"]
    assert lost
    assert lost <= {one.fact.receipt for one in facts(seen, FactKind.EXPIRED)}
    assert not lost & {one.receipt for one in seen if isinstance(one, ResultTold)}


# -- what the server decides ---------------------------------------------------------------------------------


def test_a_last_attempt_that_times_out_is_buried_by_the_server() -> None:
    plan = plan_on(CONDUCTOR, Fault(kind=FaultClass.WORKER_CRASH, at_s=1.0), tasks=2)
    report, seen = lived(structs.replace(plan, worker=structs.replace(plan.worker, max_attempts=1)))
    assert report.violations == ()
    assert [round(one.at) for one in facts(seen, FactKind.EXPIRED)] == [30] * 2
    assert [one.fact.reason for one in facts(seen, FactKind.DEAD_LETTERED)] == ["max_receive_count"] * 2


@pytest.mark.parametrize("attempts", [1, 3])
def test_the_server_gives_up_after_the_last_attempt(attempts: int) -> None:
    plan = plan_on(CONDUCTOR, tasks=2, child_exits=1.0)
    report, seen = lived(structs.replace(plan, worker=structs.replace(plan.worker, max_attempts=attempts)))
    assert report.violations == ()
    assert report.attempts == 2 * attempts
    assert [one.fact.reason for one in facts(seen, FactKind.DEAD_LETTERED)] == ["FAILED"] * 2
    assert {one.fact.reason for one in facts(seen, FactKind.NACKED)} <= {"retry"}


def test_what_is_interrupted_is_handed_back_and_does_not_count() -> None:
    sigterm = Fault(kind=FaultClass.SIGTERM, at_s=10.0)
    report, seen = lived(long_plan(sigterm))
    assert report.violations == ()
    assert {one.fact.reason for one in facts(seen, FactKind.NACKED)} == {"interrupted"}
    assert report.sometimes["unfinished_handed_back"] == 4


class Counter:
    """A register of one task, whose service is called as the test says."""

    def __init__(self) -> None:
        plan = plan_on(CONDUCTOR)
        self.loop, history = SimulationLoop(), History()
        self.told: list[tuple[FactKind, str, str]] = []
        faults = FaultSource(Chances(plan.seed, {}), ())
        history.on(QueueChanged, lambda one: self.told.append((one.fact.kind, one.worker, one.fact.reason)))
        self.register = Register(Site(plan, self.loop, faults, history, Weather()), 30.0)
        self.service = ConductorService(HostClock(self.loop), observe=self.register.observe)
        self.service.define_task("jobs", response_timeout_seconds=30)
        self.register.coming = Task("task-1", {})
        self.task = self.service.start_task("jobs", {})
        self.told.clear()

    def poll(self, worker: str) -> None:
        self.register.polls(worker)
        self.service.polling.take("jobs", worker)

    def hand_back(self, worker: str, sent_at: float) -> None:
        task = self.task
        back = TaskResult(task.workflow_instance_id, task.task_id, ResultStatus.IN_PROGRESS, worker_id=worker)
        self.register.updates(back, sent_at)
        self.service.update_task(back)

    def at(self, moment: float) -> Counter:
        self.loop.run_until(moment)
        return self


@pytest.mark.parametrize(
    ("sent_at", "looked_at", "excused"),
    [(2.5, None, True), (3.5, None, False), (3.5, 2.5, True), (3.5, 3.2, False)],
)
def test_a_hand_back_takes_a_task_from_another_with_an_excuse_or_none(
    sent_at: float, looked_at: float | None, *, excused: bool
) -> None:
    """It was sent before the other got the task; or its sender made sure, and only then the other got it."""
    counter = Counter()
    counter.at(1.0).poll("a")
    counter.at(2.0).hand_back("a", 2.0)
    for moment in sorted(filter(None, (looked_at, 3.0))):
        counter.at(moment)
        if moment == looked_at:
            counter.register.looks("a", counter.task.task_id)
        else:
            counter.poll("b")
    counter.at(4.0).hand_back("a", sent_at)
    last = (FactKind.EXPIRED, "a", "unfenced") if excused else (FactKind.NACKED, "a", "interrupted")
    assert [one for one in counter.told if one[0] is not FactKind.DELIVERED] == [
        (FactKind.NACKED, "a", "interrupted"),
        last,
    ]


# -- bugs ----------------------------------------------------------------------------------------------------


def drops_results_in_an_outage() -> AbstractContextManager[None]:
    """What the server could not be told is forgotten."""

    async def forget(self: Delivery, task_type: str, letter: Letter) -> None:
        await self._is_told(task_type, letter)

    return swapped(Delivery, "deliver", forget)


def removes_results_untold() -> AbstractContextManager[None]:
    """What is on disk is taken for told."""

    async def well(self: Keeper, letter: Letter) -> bool:
        return True

    return swapped(Keeper, "_told", well)


def never_looks_what_is_on_disk() -> AbstractContextManager[None]:
    """What is on disk stays there."""

    async def nothing(self: Keeper) -> None:
        """Nothing."""

    return swapped(Keeper, "_look_after", nothing)


def completes_what_is_interrupted() -> AbstractContextManager[None]:
    """A hand-back says that the task is done."""

    async def complete(self: ConductorQueue, lease: Lease) -> None:
        await self._settle(lease, {"status": "COMPLETED"})

    return swapped(ConductorQueue, "_hand_back", complete)


def extends_nothing() -> AbstractContextManager[None]:
    """An extension is confirmed without a call."""

    async def confirm(self: ConductorQueue, lease: Lease, _: float) -> Lease:
        return structs.replace(lease, duration_s=30.0)

    return swapped(ConductorQueue, "extend", confirm)


def repeats_hand_backs_blindly() -> AbstractContextManager[None]:
    """Nobody asks whether the one that was not confirmed took effect."""

    async def never(self: Courier, letter: Letter) -> bool:
        return False

    return swapped(Courier, "has_gone", never)


FOR_MINUTES = plan_on(CONDUCTOR, structs.replace(OUTAGE, at_s=10.0), tasks=60, over_s=300.0)
"""Tasks come for so long that what waits on disk should have been told."""
SIGTERM = Fault(kind=FaultClass.SIGTERM, at_s=10.0, which=2)
DEAF = Fault(kind=FaultClass.ONE_WAY, at_s=27.9, size=0.3, which=2)


@pytest.mark.parametrize(
    ("bug", "plan", "found"),
    [
        (drops_results_in_an_outage, plan_on(CONDUCTOR, OUTAGE), "S21"),
        (removes_results_untold, plan_on(CONDUCTOR, OUTAGE), "S21"),
        (never_looks_what_is_on_disk, structs.replace(FOR_MINUTES, faults_s=30.0), "S21"),
        (completes_what_is_interrupted, long_plan(SIGTERM), "S4"),
        (extends_nothing, long_plan(), "S6"),
        (repeats_hand_backs_blindly, long_plan(SIGTERM, DEAF, workers=3), "S20"),
    ],
    ids=lambda one: getattr(one, "__name__", one if isinstance(one, str) else ""),
)
def test_a_bug_of_the_adapter_is_found_out(bug: Bug, plan: RunPlan, found: str) -> None:
    with bug():
        assert found in broken(plan)
    assert broken(plan) == set()
