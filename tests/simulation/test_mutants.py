"""Mutants: some that are found fast, the one that cannot be found, and that each is taken off again."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec import structs

from cloud_tasks.core import actions, ending, intake, machine
from cloud_tasks.core.actions import ACTIONS
from cloud_tasks.core.book import Runs
from cloud_tasks.core.intake import Intake
from cloud_tasks.core.policy import Backoff, RetryPolicy
from cloud_tasks.loading import Loader
from cloud_tasks.monitor import EventMonitor, OutputFile
from cloud_tasks.shell.calls import QueueCalls
from cloud_tasks.shell.recorder import Recorder
from cloud_tasks.task_db import EventBook, book
from simulation.cases import Case, case_of, case_text, pytest_of, write_case
from simulation.clocks import HostClock
from simulation.commands.app import main
from simulation.mutants import (
    MUTANTS,
    Mutant,
    MutantResult,
    SmallCase,
    hunt,
    mutant_of,
    mutated,
    replays,
    shrink_found,
    small_case,
)
from simulation.plan import RunPlan, Workload
from simulation.queue import SimulatedQueue
from simulation.run import run
from simulation.statuses import Status
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
    RetryPolicy,
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


@pytest.fixture(scope="module")
def found() -> MutantResult:
    """What finds a worker that acks tasks as they come."""
    return hunt(mutant_of("acks_on_receive"), range(5), budget_s=60.0)


@pytest.fixture(scope="module")
def small(found: MutantResult) -> Case:
    """What is left of it."""
    shrunk = shrink_found(found)
    return case_of(shrunk.plan, shrunk.violation, found.mutant)


def test_what_is_left_of_a_run_shows_the_bug_again(found: MutantResult) -> None:
    left = small_case(found)
    assert left == SmallCase(size="0 faults, 1 task, 1 worker", replays=True)
    assert structs.replace(found, small=left).as_expected


def test_a_case_that_cannot_be_read_or_shows_nothing_is_not_as_expected(
    found: MutantResult, small: Case
) -> None:
    violation = shrink_found(found).violation
    assert replays(case_text(small, "x.yaml"), violation)
    assert not replays(case_text(structs.replace(small, mutant="says_the_same"), "x.yaml"), violation)
    assert not replays("plan: {", violation)
    calm = structs.replace(found, mutant="says_the_same", plan=RunPlan(workload=Workload(tasks=1)))
    assert small_case(calm) == SmallCase(size="", replays=False)
    assert found.as_expected
    assert not structs.replace(found, small=SmallCase(size="", replays=False)).as_expected


def test_the_test_that_is_written_for_a_case_of_a_mutant_fails(small: Case, tmp_path: Path) -> None:
    write_case(small, tmp_path / "small.yaml")
    (tmp_path / "test_small.py").write_text(pytest_of(small, "small.yaml"), encoding="utf-8")
    test = runpy.run_path(str(tmp_path / "test_small.py"))["test_small"]
    with pytest.raises(AssertionError):
        test()


def test_the_command_shows_how_small_a_case_can_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("mutants", "acks_on_receive", "--seeds", "2", "--jobs", "1")) is Status.CLEAN
    assert "0 faults, 1 task, 1 worker" in capsys.readouterr().out


def test_the_command_says_which_was_not_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("mutants", "acks_killed", "--seeds", "1", "--jobs", "1")) is Status.SURVIVED
    assert "not as expected: acks_killed" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--jobs", "--seeds"])
def test_none_of_something_is_a_mistake(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(("mutants", "says_the_same", option, "0"))
    assert end.value.code == Status.USAGE
    assert f"{option}: expected at least 1, got '0'" in capsys.readouterr().err
