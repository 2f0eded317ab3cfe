"""What a job has around its workers: the event queue, the real monitor, the real load, and their judges."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from msgspec import structs

from cloud_tasks.task_db import read_report
from simulation.backends import on_backend
from simulation.backends.plans import BackendName
from simulation.faults import Fault, FaultClass
from simulation.happenings import EventStored, Happening, StoreFailed
from simulation.job import happenings
from simulation.job.happenings import (
    EventAccepted,
    MonitorBegan,
    MonitorContinued,
    MonitorEnded,
    MonitorKilled,
    MonitorStopped,
    ProducerBegan,
    ProducerKilled,
    SendAnswered,
    ServiceCalled,
    TaskSent,
)
from simulation.job.words import JOB_WORDS
from simulation.judges.judge import Bench
from simulation.judges.panel import all_judges
from simulation.mutants import mutated
from simulation.plan import MonitorPlan, ProducerPlan, RunPlan, Workload
from simulation.report.lanes import Lanes
from simulation.run import run
from simulation.swarm import draw_plan
from simulation.swarm_job import JOB_ODDS
from simulation.wording import line_of
from simulation.world import World

TASKS = 12
FOLLOWED = RunPlan(seed=1, workload=Workload(tasks=TASKS), faults_s=60.0, monitor=MonitorPlan())
LOADED = RunPlan(seed=1, workload=Workload(tasks=TASKS), faults_s=60.0, producer=ProducerPlan())
BOTH = structs.replace(FOLLOWED, producer=LOADED.producer)
ROOT = Path(__file__).resolve().parents[2]
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only looked at


class Lived:
    """A run, and what could be seen of it."""

    def __init__(self, plan: RunPlan) -> None:
        world = World(plan, keep=True)
        bench = Bench(plan, world.loop.time)
        judges = all_judges(bench, world)
        for judge in judges:
            judge.listen(world.history)
        try:
            self.came_right = world.run()
            for judge in judges:
                judge.finish()
            assert world.job is not None
            self.followed = world.job.followed
            self.report = read_report(world.job.setting.database)
            output = world.job.setting.output
            self.lines = output.read_text().splitlines() if output.exists() else []
        finally:
            world.close()
        self.happenings: list[Happening] = world.history.kept or []
        self.broken = [violation.invariant for violation in bench.violations]
        self.excuses = bench.excuses
        self.effective = world.faults.effective

    def of(self, kind: type[Happening]) -> list[Happening]:
        return [one for one in self.happenings if type(one) is kind]


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def with_fault(plan: RunPlan, kind: FaultClass, whom: str = "", which: int = 1, **more: float) -> RunPlan:
    return structs.replace(plan, faults=(*plan.faults, Fault(kind=kind, whom=whom, which=which, **more)))


# -- without faults ------------------------------------------------------------------------------------------


def test_a_job_is_loaded_followed_and_told_of_in_the_database_and_the_file() -> None:
    lived = Lived(BOTH)
    assert lived.came_right
    assert lived.followed
    assert lived.broken == []
    assert lived.report.snapshot.statuses == {"completed": TASKS}
    assert lived.report.snapshot.effects["applied"] == TASKS
    assert len(lived.lines) == len(lived.of(EventAccepted)) == len(lived.of(EventStored))
    assert [type(one) for one in lived.happenings if isinstance(one, ProducerBegan | MonitorBegan)] == [
        ProducerBegan,
        MonitorBegan,
        MonitorBegan,
    ]


def test_a_plan_without_a_monitor_has_no_event_queue_and_one_without_both_no_job() -> None:
    assert Lived(LOADED).of(EventAccepted) == []
    world = World(structs.replace(LOADED, producer=None))
    assert world.job is None
    world.close()


def test_a_run_leaves_no_file_behind() -> None:
    if not SHARED_MEMORY.is_dir():
        pytest.skip("there is no /dev/shm here")
    world = World(BOTH)
    assert world.job is not None
    directory = world.job.setting.database.parent
    assert directory.is_dir()
    world.run()
    descriptors = open_files()
    world.close()
    assert not directory.exists()
    assert open_files() <= descriptors


def test_what_a_process_that_was_killed_has_left_is_removed_by_the_next() -> None:
    if not SHARED_MEMORY.is_dir():
        pytest.skip("there is no /dev/shm here")
    ours = SHARED_MEMORY / f"cloud-tasks-simulation-{os.getpid()}-ours"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    theirs = SHARED_MEMORY / f"cloud-tasks-simulation-{dead.pid}-theirs"
    try:
        for directory in (ours, theirs):
            directory.mkdir()
        subprocess.run(
            [sys.executable, "-c", "from simulation.job.setting import place; place()"],
            check=True,
            cwd=ROOT,
        )
        assert ours.is_dir()
        assert not theirs.exists()
    finally:
        for directory in (ours, theirs):
            shutil.rmtree(directory, ignore_errors=True)


# -- events --------------------------------------------------------------------------------------------------


def test_an_event_that_comes_twice_is_applied_once() -> None:
    lived = Lived(with_fault(FOLLOWED, FaultClass.EVENT_TWICE, "event of task-3", size=5.0))
    assert lived.broken == []
    assert lived.report.snapshot.effects == {"applied": TASKS, "noted": 4, "duplicate": 1}
    assert lived.report.snapshot.statuses == {"completed": TASKS}


def test_events_whose_reply_is_lost_are_sent_again_and_counted_once() -> None:
    lived = Lived(with_fault(FOLLOWED, FaultClass.EVENTS_REPLY_LOST, "send_events of worker-1", 2))
    assert lived.broken == []
    assert lived.report.snapshot.effects["duplicate"] >= 1
    assert lived.report.snapshot.effects["applied"] == TASKS
    assert len(lived.of(StoreFailed)) == 1
    assert len(lived.of(EventStored)) == len(lived.lines)


def test_a_task_is_not_settled_before_its_event_is_in_the_queue() -> None:
    late = with_fault(FOLLOWED, FaultClass.EVENTS_SLOW, "send_events of worker-1", 2, size=15.0)
    lived = Lived(late)
    assert lived.broken == []
    assert lived.effective[FaultClass.EVENTS_SLOW] == 1


def test_a_late_event_is_waited_for_and_all_are_in_the_file_in_the_order_of_the_database() -> None:
    plan = with_fault(FOLLOWED, FaultClass.EVENT_LATE, "event of task-1", size=500.0)
    lived = Lived(plan)
    assert lived.broken == []
    assert lived.report.snapshot.statuses == {"completed": TASKS}
    assert '"task_id":"task-1"' in lived.lines[-1]


# -- the monitor ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0.0, 0.49, 0.6, 0.75, 0.85, 0.95])
@pytest.mark.parametrize("storing", [1, 3])
def test_a_monitor_may_be_killed_anywhere_while_it_stores_events(place: float, storing: int) -> None:
    lived = Lived(with_fault(FOLLOWED, FaultClass.MONITOR_DIES, "monitor", storing, size=place))
    killed = lived.of(MonitorKilled)
    assert [bool(one.where) for one in killed if isinstance(one, MonitorKilled)] == [True]
    assert lived.broken == []
    assert lived.report.snapshot.statuses == {"completed": TASKS}


def test_a_monitor_is_killed_stopped_and_ended_between_steps_and_followed_by_another() -> None:
    plan = with_fault(FOLLOWED, FaultClass.MONITOR_CRASH, at_s=1.0)
    plan = with_fault(plan, FaultClass.MONITOR_STOP, at_s=7.0, size=70.0)
    plan = with_fault(plan, FaultClass.MONITOR_SIGTERM, at_s=20.0)
    lived = Lived(plan)
    assert lived.broken == []
    kinds = Counter(type(one) for one in lived.happenings)
    assert (kinds[MonitorKilled], kinds[MonitorStopped], kinds[MonitorContinued]) == (1, 1, 1)
    assert kinds[MonitorBegan] == kinds[MonitorKilled] + kinds[MonitorEnded]
    assert lived.effective[FaultClass.MONITOR_STOP] == 1


def test_an_outage_of_the_event_queue_leaves_nothing_untold() -> None:
    lived = Lived(with_fault(FOLLOWED, FaultClass.EVENTS_OUTAGE, at_s=0.5, size=40.0))
    assert lived.broken == []
    assert lived.of(StoreFailed)
    assert lived.report.snapshot.statuses == {"completed": TASKS}


def test_a_monitor_that_ends_and_leaves_something_behind_is_found_out() -> None:
    with mutated("leaves_calls_behind"):
        assert set(Lived(FOLLOWED).broken) == {"S19"}


# -- the load ------------------------------------------------------------------------------------------------


def test_tasks_whose_sending_nobody_confirmed_are_found_or_sent_twice_with_an_excuse() -> None:
    plan = with_fault(BOTH, FaultClass.REPLY_LOST, "send of producer-1")
    lived = Lived(plan)
    assert lived.broken == []
    sent = Counter(one.task_id for one in lived.of(TaskSent) if isinstance(one, TaskSent))
    assert set(sent) == {f"task-{number}" for number in range(1, TASKS + 1)}
    assert sum(sent.values()) > TASKS
    assert sum(lived.excuses[excuse] for excuse in lived.excuses if "producer" in excuse) == (
        sum(sent.values()) - TASKS
    )
    errors = [one.error for one in lived.of(SendAnswered) if isinstance(one, SendAnswered)]
    assert [error for error in errors if error] == ["QueueUnavailableError"]


def test_what_was_not_accepted_is_sent_again_and_only_that() -> None:
    lived = Lived(with_fault(LOADED, FaultClass.SEND_REFUSED, "send of task-5"))
    assert lived.broken == []
    assert len(lived.of(TaskSent)) == TASKS


@pytest.mark.parametrize("place", [0.2, 0.8])
@pytest.mark.parametrize("writing", [1, 2, 3])
def test_a_load_may_be_killed_wherever_it_writes_and_is_gone_on_with(place: float, writing: int) -> None:
    lived = Lived(with_fault(LOADED, FaultClass.PRODUCER_DIES, "producer", writing, size=place))
    assert lived.came_right
    assert lived.broken == []
    assert len(lived.of(ProducerKilled)) == 1
    assert len(lived.of(ProducerBegan)) == 2


# -- as a whole ----------------------------------------------------------------------------------------------


def test_the_same_plan_gives_the_same_run() -> None:
    odds = dict.fromkeys(JOB_ODDS, 0.1)
    plan = structs.replace(BOTH, odds=odds, policy="random")
    first, second = run(plan, trace=True), run(plan, trace=True)
    assert first.injected
    assert first.trace == second.trace
    named = structs.replace(plan, odds={}, faults=tuple(dict.fromkeys(first.injected)))
    assert run(named, trace=True).trace == first.trace


def test_a_share_of_the_seeds_has_a_job_and_the_others_are_drawn_as_if_there_were_none() -> None:
    plans = [draw_plan(seed) for seed in range(300)]
    with_monitor = sum(plan.monitor is not None for plan in plans)
    with_producer = sum(plan.producer is not None for plan in plans)
    neither = [plan for plan in plans if plan.monitor is None and plan.producer is None]
    assert 20 <= with_monitor <= 60
    assert 20 <= with_producer <= 60
    assert 220 <= len(neither) <= 270
    assert not any(kind in plan.odds for plan in neither for kind in JOB_ODDS)


def test_everything_that_can_be_seen_of_a_job_has_its_words_and_its_lanes() -> None:
    plan = with_fault(BOTH, FaultClass.MONITOR_DIES, "monitor", 1, size=0.3)
    plan = with_fault(plan, FaultClass.PRODUCER_DIES, "producer", 1, size=0.8)
    lived = Lived(plan)
    kinds = [
        kind
        for kind in vars(happenings).values()
        if isinstance(kind, type) and kind.__module__ == happenings.__name__
    ]
    assert set(kinds) == set(JOB_WORDS)
    lines = [line_of(one) for one in lived.happenings]
    assert any("monitor-1   was killed in the middle of a transaction" in line for line in lines)
    assert any("producer-1  was killed after tasks are noted" in line for line in lines)
    lanes = Lanes(lived.happenings).workers
    assert {"monitor-1", "monitor-2", "producer-1", "producer-2"} <= set(lanes)
    assert [bar.kind for bar in lanes["producer-1"].bars] == ["killed"]


@pytest.mark.parametrize(
    ("backend", "library", "send", "remove"),
    [
        ("sqs", "moto", "send_message_batch", "delete_message_batch"),
        ("pubsub", "google.pubsub_v1", "Publish", "Acknowledge"),
    ],
)
def test_events_go_through_the_production_adapter_where_that_stands_behind_the_queue(
    backend: BackendName, library: str, send: str, remove: str
) -> None:
    pytest.importorskip(library)
    plan = with_fault(FOLLOWED, FaultClass.EVENT_REFUSED, "event of task-2")
    plan = with_fault(plan, FaultClass.EVENTS_REPLY_LOST, f"{send} of worker-1", 2)
    plan = with_fault(plan, FaultClass.EVENTS_REPLY_LOST, f"{remove} of monitor-1", 1)
    plan = with_fault(plan, FaultClass.EVENT_LATE, "event of task-3", size=30.0)
    lived = Lived(on_backend(plan, backend))
    assert lived.broken == []
    assert lived.report.snapshot.statuses == {"completed": TASKS}
    assert lived.effective[FaultClass.EVENT_REFUSED] == 1
    assert lived.effective[FaultClass.EVENTS_REPLY_LOST] == 2
    assert lived.of(ServiceCalled) == []
