"""Words that people read: of happenings, of mistakes on the command line, of ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import simulation.world  # noqa: F401 - whatever can happen is defined once this is imported
from simulation.commands.app import main
from simulation.commands.coverage import conclude
from simulation.explain import explain
from simulation.faults import FaultClass
from simulation.happenings import EndHeard, Happening, RunNotStarted, RunRequested
from simulation.mutants import mutated
from simulation.plan import RunPlan, WorkerPlan, Workload
from simulation.sometimes import POINTS
from simulation.statuses import Status
from simulation.tally import Tally
from simulation.wording import WORDS, line_of


def kinds(above: type[Happening] = Happening) -> Iterator[type[Happening]]:
    for kind in above.__subclasses__():
        if kind.__module__.startswith("simulation."):
            yield kind
        yield from kinds(kind)


def test_each_kind_of_happening_has_words() -> None:
    assert sorted(kind.__name__ for kind in {*kinds()} - WORDS.keys()) == []


@pytest.mark.parametrize(
    ("happening", "words"),
    [
        (RunRequested(at=1.0, worker="w", task_id="task-1", attempt=2, run=7), "wants task-1 to be run, "),
        (RunNotStarted(at=1.0, worker="w", task_id="task-1", run=7), "no process for run 7 of task-1"),
        (EndHeard(at=1.0, worker="w", why="sigterm", within_s=20.0), "(sigterm) within 20 s"),
    ],
)
def test_lines_say_what_it_is_about(happening: Happening, words: str) -> None:
    assert words in line_of(happening)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["mutants", "nope"], "there is no mutant 'nope'"),
        (["mutants", "2"], "there is no mutant '2'"),
        (["mutants", "ack_on_receive"], "did you mean acks_on_receive?"),
        (["replya", "3"], "there is no command 'replya': did you mean replay?"),
        (["xyz"], "there is no command 'xyz': choose from run, replay,"),
        (["replay", "3", "--until", "nan"], "argument --until: not a duration: 'nan'"),
        (["replay", "3", "--until", "-5"], "argument --until: "),
        (["replay", "3", "--until", "inf"], "argument --until: "),
        (["run", "--time", "-5"], "argument --time: expected 0 or more, got '-5'"),
    ],
)
def test_mistakes_are_told_in_words(
    command: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == Status.USAGE
    complained = capsys.readouterr().err
    assert told in complained
    assert "[]" not in complained


def test_until_is_a_moment_as_durations_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    ends = []
    for until in ("30.5", "30.5s"):
        main(["replay", "3", "--until", until])
        ends.append(capsys.readouterr().out)
    assert ends[0] == ends[1]
    assert 3 < ends[0].count("\n") < 2_000


def test_what_was_inevitable_from_the_beginning_is_said_so() -> None:
    plan = RunPlan(
        seed=5,
        workload=Workload(tasks=4, duration_s=5.0),
        worker=WorkerPlan(workers=1, num_simultaneous_tasks=1),
        faults_s=60.0,
    )
    with mutated("acks_on_receive"):
        found = explain(plan, "S1", redraws=3)
    assert found.summary == (
        "All 3 runs that are drawn anew from the beginning break S1: with this workload and these options it "
        "was inevitable from the beginning, and no later moment has decided it."
    )
    assert found.around == ()


def test_coverage_says_why_it_ends_as_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert conclude(Tally()) == Status.VACUOUS
    told = capsys.readouterr().out
    assert f"status 5: of {len(POINTS) + len(FaultClass)} situations and faults" in told
    assert "more `--seeds`" in told
