"""`python -m simulation`, as a user types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from simulation.bounds import failure_bound
from simulation.many import Span, run_many
from simulation.source_hash import source_hash
from simulation.statuses import Status
from simulation.swarm import draw_plan
from simulation.tally import Tally

ROOT = Path(__file__).resolve().parents[2]


def simulation(*arguments: str, status: Status = Status.CLEAN) -> str:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "simulation", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_run_tells_faults_invariants_and_what_the_clean_runs_say() -> None:
    told = simulation("run", "--seeds", "0:12", "--jobs", "2")
    assert "12 seeds in" in told
    assert "L1" in told
    assert "swarm: 12 clean runs; with 95 % confidence fewer than one run in" in told


def test_seeds_and_a_time_end_with_whichever_is_over_first() -> None:
    assert "1 seeds in" in simulation("--seeds", "3", "--time", "60s", "--jobs", "1")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "--seeds", "x"], "expected A:B such as 0:1000, got 'x'"),
        (["run", "--seeds", "5:5"], "expected A:B with 0 <= A < B, got '5:5'"),
        (["run", "--jobs", "0"], "expected at least 1, got '0'"),
        (["run", "--time", "soon"], "soon"),
        (["replay", "seven"], "expected a seed such as 4711 or spot_storm:4711, got 'seven'"),
        (["dance"], "invalid choice"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(arguments: list[str], told: str) -> None:
    said = simulation(*arguments, status=Status.USAGE)
    assert told in said
    assert "Traceback" not in said


def test_replay_tells_what_can_be_seen_up_to_a_moment() -> None:
    told = simulation("replay", "3", "--until", "0.5").splitlines()
    assert "worker-1    began" in told[0]
    assert all(float(line.split(" s  ")[0]) <= 0.5 for line in told[:-1])
    assert told[-1].startswith("seed 3: ")


def test_replay_draws_a_page_that_needs_nothing_beside_itself(tmp_path: Path) -> None:
    page = tmp_path / "run.html"
    simulation("replay", "3", "--until", "0", "--html", str(page))
    html = page.read_text(encoding="utf-8")
    assert "Every promise was kept." in html
    assert ">worker-1<" in html
    assert ">task-1, message<" in html
    assert ">task-1, runs<" in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    told = simulation("replay", "3", "--html", str(tmp_path / "none" / "x.html"), status=Status.USAGE)
    assert "cannot write" in told


def test_scenarios_are_listed_and_told_of() -> None:
    assert "spot_storm  " in simulation("scenarios")
    assert "To be reached:" in simulation("scenarios", "spot_storm")
    assert "there is no" in simulation("scenarios", "tea_party", status=Status.USAGE).lower()


def test_a_scenario_is_run_and_its_seeds_replayed() -> None:
    assert "calm: 3 clean runs" in simulation("--scenario", "calm", "--seeds", "0:3", "--jobs", "1")
    assert "seed 1: " in simulation("replay", "calm:1", "--until", "0")


def test_runs_that_have_shown_nothing_say_so(tmp_path: Path) -> None:
    path = tmp_path / "in_vain.yaml"
    path.write_text(
        "description: Nothing goes wrong, and something is to.\n"
        "faults_for: 10\nreaches: [two_ran_at_once]\nworkload: {tasks: 2}\n",
        encoding="utf-8",
    )
    told = simulation("--scenario", str(path), "--seeds", "0:2", "--jobs", "1", status=Status.VACUOUS)
    assert "these runs have shown nothing:" in told
    assert "never reached: two_ran_at_once" in told


def test_mutants_are_found_out_and_the_one_that_changes_nothing_survives() -> None:
    told = simulation("mutants", "acks_on_receive", "says_the_same", "--seeds", "5")
    assert "1 found out, 1 that changes nothing survived" in told


def test_diff_shows_where_two_seeds_part_and_that_one_is_like_itself() -> None:
    assert simulation("diff", "3", "3").startswith("the same ")
    parted = simulation("diff", "3", "6")
    assert "\n- " in parted
    assert "\n+ " in parted


def test_selfcheck_compares_processes() -> None:
    assert "the same 2 traces" in simulation("selfcheck", "--seeds", "2")


def test_h1_sums_do_not_depend_on_the_number_of_processes() -> None:
    def sums(jobs: int) -> tuple[int, float, int]:
        tally = Tally()
        for part in run_many(draw_plan, Span(0, 10), jobs=jobs, time_s=None):
            tally.add(part)
        return tally.attempts, round(tally.virtual_s, 6), tally.steps

    assert sums(1) == sums(2)


def test_the_bound_is_about_three_divided_by_the_runs() -> None:
    assert failure_bound(0) == 1.0
    assert failure_bound(1) == pytest.approx(0.95)
    assert failure_bound(100_000) == pytest.approx(3.0e-5, rel=0.01)


def test_the_hash_of_the_code_is_the_same_twice() -> None:
    assert source_hash() == source_hash()
    assert len(source_hash()) == 12
