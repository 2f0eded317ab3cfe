"""What is told of a failure: what is demanded, what happened, and the options that matter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulation.commands.app import main
from simulation.commands.failure import told_failure
from simulation.draws import PlanDraw
from simulation.faults import Fault, FaultClass
from simulation.judges.panel import INVARIANTS
from simulation.mutants import mutated
from simulation.plan import BackendPlan, MonitorPlan, RunPlan, WorkerPlan, Workload
from simulation.plan_words import options_of
from simulation.statuses import Status
from simulation.swarm import draw_plan
from simulation.tally import Failure
from simulation.verdict import Violation

ROOT = Path(__file__).resolve().parents[2]
BROKEN = (
    Violation("S10", 263.9891, "the lease ended while it ran", "task-11", "worker-1"),
    Violation("L1", 300.0, "the queue has 3 messages"),
    Violation("S10", 301.0, "again"),
)


def test_a_failure_is_told_with_what_is_demanded_and_the_options() -> None:
    draw = PlanDraw(policy="pct", backend="sqs")
    told = told_failure(Failure("swarm", 3, BROKEN), draw)
    assert told[:2] == [
        f"S10 demands: {INVARIANTS['S10'].says}.",
        "S10 broken at 263.989 s (task-11, worker-1): the lease ended while it ran",
    ]
    assert told.count(told[0]) == 1
    assert f"L1 demands: {INVARIANTS['L1'].says}." in told
    assert set(options_of(draw(3))) < {*told}


def test_options_are_what_a_reader_asks_for() -> None:
    plan = RunPlan(
        scenario="spot_storm",
        workload=Workload(tasks=1, duration_s=12.3456),
        worker=WorkerPlan(workers=3, num_simultaneous_tasks=1, max_attempts=5),
        backend=BackendPlan(name="sqs", exactly_once=True, server="fakes"),
        odds={FaultClass.REQUEST_LOST: 0.1234, FaultClass.REPLY_LOST: 0.0},
        faults=tuple(Fault(kind=FaultClass.WORKER_CRASH, at_s=at_s) for at_s in (1.0, 2.0)),
        policy="pct",
        monitor=MonitorPlan(),
    )
    assert options_of(plan) == [
        "Options: scenario spot_storm, policy pct, backend sqs exactly once on fakes, a monitor",
        (
            "  1 task of about 12.35 s; 3 workers with 1 slot, leases of 30 s, runs of 30 s at most, "
            "20 s of grace; tried again: exits, 5 attempts at most"
        ),
        "  faults for 300 s: request_lost (0.12), worker_crash (2 times)",
    ]


@pytest.mark.parametrize("seed", range(20))
def test_the_options_of_any_plan_name_each_class_that_is_on(seed: int) -> None:
    plan = draw_plan(seed)
    assert {kind.value for kind in plan.classes} <= {*re.findall(r"\w+", options_of(plan)[-1])}


def test_replay_tells_what_is_demanded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario = tmp_path / "work.yaml"
    scenario.write_text("description: A little work.\nfaults_for: 10\nworkload: {tasks: 6}\n")
    with mutated("acks_on_receive"):
        assert main(["replay", f"{scenario}:3", "--break", "S1"]) == Status.UNSAFE
    told = capsys.readouterr().out
    assert told.count(f"S1 demands: {INVARIANTS['S1'].says}.\nS1 broken at") == 1
    assert "Options: scenario work" in told


def test_the_page_has_every_invariant_with_its_sentence() -> None:
    page = (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([SLH]\d+) \| (.+) \|$", page, re.MULTILINE))
    assert {name: rows.get(name) for name in INVARIANTS} == {
        name: row.says for name, row in INVARIANTS.items()
    }
    assert {*rows} == {*INVARIANTS, "H1", "H2", "H3"}
