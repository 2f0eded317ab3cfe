"""Mutants: some that are found fast, the one that cannot be found, and that each is taken off again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from cloud_tasks.core import actions, ending, intake, machine
from cloud_tasks.core.actions import ACTIONS
from cloud_tasks.core.book import Runs
from cloud_tasks.core.intake import Intake
from cloud_tasks.core.policy import Backoff
from cloud_tasks.loading import Loader
from cloud_tasks.monitor import EventMonitor, OutputFile
from cloud_tasks.shell.calls import QueueCalls
from cloud_tasks.shell.recorder import Recorder
from cloud_tasks.task_db import EventBook, book
from simulation.clocks import HostClock
from simulation.mutants import MUTANTS, Mutant, hunt, mutant_of, mutated
from simulation.plan import RunPlan, Workload
from simulation.queue import SimulatedQueue
from simulation.run import run
from simulation.swarm import draw_plan

FAST = (
    "acks_on_receive",
    "acks_killed",
    "records_after_ack",
    "extends_after_ack",
    "acks_with_first_receipt",
    "retries_at_once",
    "settles_twice",
    "reports_twice",
    "swallows_sink_failures",
    "mixes_tasks_up",
    "takes_one_too_many",
)
SEAMS = (
    actions,
    ending,
    ending.Ending,
    intake,
    Intake,
    Runs,
    Backoff,
    QueueCalls,
    Recorder,
    HostClock,
    SimulatedQueue,
    book,
    EventBook,
    EventMonitor,
    OutputFile,
    Loader,
)


def behaviour() -> list[object]:
    """Everything that a mutant may replace."""

    def parts() -> Iterator[object]:
        for seam in SEAMS:
            yield dict(vars(seam))
        yield dict(ACTIONS)
        yield {signal: dict(rows) for signal, rows in machine._TABLE.items()}

    return list(parts())


@pytest.mark.parametrize("name", FAST)
def test_a_mutant_is_found_by_the_invariant_that_is_meant_to(name: str) -> None:
    mutant = mutant_of(name)
    result = hunt(mutant, range(300), budget_s=15.0)
    assert result.as_expected
    assert result.found in mutant.breaks
    assert result.plan is not None
    assert result.violation is not None
    assert result.seeds == result.plan.seed + 1


def test_the_one_that_changes_nothing_is_not_found() -> None:
    result = hunt(MUTANTS[0], range(20), budget_s=30.0, draw=partial(draw_plan, tasks=4))
    assert result.seeds == 20
    assert result.found == ""
    assert result.as_expected


def test_a_hunt_ends_when_its_time_is_over() -> None:
    result = hunt(MUTANTS[0], range(10_000), budget_s=0.2)
    assert 0 < result.seeds < 10_000
    assert result.plan is None


def test_what_was_to_be_found_and_was_not_is_not_as_expected() -> None:
    assert not hunt(mutant_of("acks_on_receive"), [], budget_s=1.0).as_expected


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mutant_replaces_something_and_leaves_no_trace(mutant: Mutant) -> None:
    before = behaviour()
    with mutated(mutant):
        assert behaviour() != before
    assert behaviour() == before


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mutant_can_live(mutant: Mutant) -> None:
    plan = RunPlan(workload=Workload(tasks=2), faults_s=5.0)
    with mutated(mutant):
        assert run(plan, happenings_max=5_000).attempts >= 1


def test_a_bug_is_taken_off_again_when_something_goes_wrong_meanwhile() -> None:
    before = behaviour()
    with pytest.raises(RuntimeError), mutated("settles_twice"):
        raise RuntimeError
    assert behaviour() == before


def test_the_table_is_in_order_and_says_what_each_does() -> None:
    assert [mutant.number for mutant in MUTANTS] == list(range(len(MUTANTS)))
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({mutant.what for mutant in MUTANTS}) == len(MUTANTS)
    assert [mutant.name for mutant in MUTANTS if mutant.survives] == ["says_the_same"]
    assert sum(not mutant.survives for mutant in MUTANTS) >= 20


def test_a_mutant_is_known_by_name_and_number() -> None:
    assert mutant_of("7") is mutant_of("ignores_failed_entries")
    with pytest.raises(KeyError):
        mutant_of("4711")
