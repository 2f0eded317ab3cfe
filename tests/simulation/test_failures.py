"""What is told and written of a failure, and what is said where there is none after all."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from simulation.commands.app import main
from simulation.commands.coverage import conclude
from simulation.commands.failure import concluded, told_failure
from simulation.draws import PlanDraw
from simulation.mutants import mutated
from simulation.run import run
from simulation.statuses import Status
from simulation.tally import Failure, Tally
from simulation.verdict import Violation

SCENARIO = "description: A little work.\nfaults_for: 10\nworkload: {tasks: 6}\nworker: {workers: 2}\n"
BROKEN = (Violation("S1", 1.0, "something"),)


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "my scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return str(path)


def test_the_line_to_paste_gives_the_same_run(scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    draws = (
        PlanDraw(scenario),
        PlanDraw(scenario, "random"),
        PlanDraw(scenario, "pct"),
        PlanDraw(scenario, "pct", "pubsub"),
    )
    traces = [run(draw(3), trace=True).trace[:16] for draw in draws]
    assert len({*traces}) == 3  # the first is one of the next two
    for draw, trace in zip(draws, traces, strict=True):
        line = told_failure(Failure("my scenario", 3, BROKEN), draw)[-1]
        main(shlex.split(line)[3:])
        assert f"trace {trace}" in capsys.readouterr().out


def test_what_the_pasted_line_replays_is_broken_again(
    scenario: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with mutated("acks_on_receive"):
        line = told_failure(Failure("my scenario", 3, BROKEN), PlanDraw(scenario, "pct"))[-1]
        assert main(shlex.split(line)[3:]) == Status.UNSAFE
    assert "S1 broken at" in capsys.readouterr().out


def test_a_seed_of_the_swarm_needs_no_name() -> None:
    said = told_failure(Failure("swarm", 7, BROKEN), PlanDraw())
    assert said[-1].endswith("replay 7 --break S1")
    assert f", Python {sys.version_info.major}.{sys.version_info.minor}; to see it again:" in said[-2]


def test_what_fails_in_one_process_alone_is_not_determinate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = concluded(Failure("calm", 1, BROKEN), PlanDraw("calm"), tmp_path / "failures")
    assert status == Status.NOT_DETERMINISTIC
    assert "seed 1 broke S1 in one process, and keeps it in another" in capsys.readouterr().out
    assert not (tmp_path / "failures").exists()


def test_what_cannot_be_written_has_failed_all_the_same(
    scenario: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    with mutated("acks_on_receive"):
        status = concluded(Failure("my scenario", 3, BROKEN), PlanDraw(scenario), tmp_path / "file")
    assert status == Status.UNSAFE
    told = capsys.readouterr()
    assert "The smallest run that breaks it" in told.out
    assert "cannot write to" in told.err


def test_coverage_tells_the_lowest_seed_that_failed_and_how_to_see_it_again(
    scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    failures = [Failure(scenario, seed, BROKEN) for seed in (5, 3, 4)]
    with mutated("acks_on_receive"):
        assert conclude(Tally(failures=failures)) == Status.UNSAFE
    told = capsys.readouterr().out
    assert f"python -m simulation replay {shlex.quote(scenario + ':3')} --break S1" in told
    assert "The smallest run that breaks it" in told
    assert list((tmp_path / "simulation-failures").glob("s1_my_scenario_seed_3.yaml"))


@pytest.mark.parametrize("command", ["shrink", "explain"])
def test_a_case_that_is_mended_is_no_failure(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "mended.yaml"
    case.write_text("invariant: S1\nplan: {seed: 1, workload: {tasks: 1}}\n")
    assert main([command, str(case)]) == Status.USAGE
    assert "seed 1 of swarm does not break S1: in this code it is no failure" in capsys.readouterr().err
