"""`--backend`, as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulation.case_file import load_case, parse_case
from simulation.cases import case_of, case_text, write_case
from simulation.commands.app import main
from simulation.draws import PlanDraw
from simulation.run import run
from simulation.statuses import Status
from simulation.verdict import Violation
from tests.simulation.backends.plans import PUBSUB, plan_on

BROKEN = Violation("S1", 1.0, "settled", "task-1", "worker-1")


def typed(*arguments: str) -> int:
    try:
        return main(arguments)
    except SystemExit as end:  # how argparse tells of a mistake
        return int(end.code or 0)


@pytest.mark.parametrize("backend", ["pubsub", "conductor"])
def test_runs_say_what_they_were_on(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("--scenario", "calm", "--seeds", "0:2", "--jobs", "1", "--backend", backend) == Status.CLEAN
    assert f"calm on {backend}: 2 clean runs" in capsys.readouterr().out


def test_a_replay_is_the_run_of_the_swarm(capsys: pytest.CaptureFixture[str]) -> None:
    report = run(PlanDraw("calm", backend="pubsub")(3), trace=True)
    assert typed("replay", "calm:3", "--backend", "pubsub", "--until", "0") == Status.CLEAN
    assert f"trace {report.trace[:16]}" in capsys.readouterr().out


def test_the_backend_is_part_of_a_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = case_of(plan_on(PUBSUB, tasks=1), BROKEN)
    text = case_text(case, "x.yaml")
    assert "name: pubsub" in text
    assert parse_case(text.encode(), "x.yaml") == case
    path = tmp_path / "case.yaml"
    write_case(case, path)
    assert load_case(str(path)).plan.backend == PUBSUB
    traces = []
    for more in ([], ["--backend", "pubsub"], ["--backend", "model"]):
        assert typed("replay", str(path), "--until", "0", *more) == Status.CLEAN
        traces.append(capsys.readouterr().out.rpartition(" ")[2])
    assert traces[0] == traces[1] != traces[2]


def test_a_backend_that_is_none_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("replay", "3", "--backend", "kafka") == Status.USAGE
    assert "kafka" in capsys.readouterr().err


def test_two_runs_on_a_backend_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("diff", "calm:1", "calm:1", "--backend", "pubsub") == Status.CLEAN
    assert "the same" in capsys.readouterr().out
