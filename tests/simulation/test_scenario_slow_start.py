"""Runs that take long to start: what comes of them in the world, and what judges say to it."""

from __future__ import annotations

from simulation.faults import Fault, FaultClass
from simulation.happenings import EventStored, RunAsked, RunBegan, RunNotStarted
from simulation.plan import RunPlan, WorkerPlan, Workload
from simulation.scripts import SLOW_START_S_MAX
from simulation.world import World
from tests.simulation.judges.story import SETTINGS, Story


def lived(slow_s: float) -> World:
    slow = Fault(kind=FaultClass.CHILD_SLOW_START, whom="task-1", size=slow_s)
    plan = RunPlan(workload=Workload(tasks=1), worker=WorkerPlan(workers=1), faults=(slow,), faults_s=900.0)
    world = World(plan, keep=True)
    world.run()
    world.close()
    assert world.settled
    return world


def seen(world: World, kind: type) -> list[float]:
    return [one.at for one in world.history.kept or [] if isinstance(one, kind)]


def test_a_run_that_is_slow_to_start_begins_later() -> None:
    world = lived(50.0)
    assert [at > 50.0 for at in seen(world, RunBegan)] == [True]
    assert not seen(world, RunNotStarted)


def test_a_run_that_is_too_slow_is_ended_before_it_begins_and_another_takes_its_place() -> None:
    world = lived(SLOW_START_S_MAX)
    (ended_at,) = seen(world, RunNotStarted)
    assert seen(world, RunAsked)[0] <= ended_at < SLOW_START_S_MAX
    assert [at > ended_at for at in seen(world, RunBegan)] == [True]
    events = [one.event for one in world.history.kept or [] if isinstance(one, EventStored)]
    assert [event.event_type for event in events][1:3] == ["task_interrupted", "task_completed"]


def test_s16_a_run_may_be_asked_to_end_when_it_has_taken_too_long_to_start_and_not_before() -> None:
    for waited_s, broken in ((SETTINGS.start_s_max, False), (SETTINGS.start_s_max - 1, True)):
        story = Story()
        story.worker().send().deliver().request()
        for _ in range(int(waited_s)):
            story.wait(1.0)
            if story.now % 10 == 0:
                story.extend()
        story.wait(waited_s % 1).term()
        assert ("S16" in story.broken) is broken
