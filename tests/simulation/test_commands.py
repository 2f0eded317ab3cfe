"""`python -m simulation`, as a user types it."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from cloud_tasks.errors import ConfigurationError
from simulation.bounds import failure_bound
from simulation.cases import case_of, write_case
from simulation.commands.app import main
from simulation.commands.traces import output_under
from simulation.many import Span, run_many
from simulation.mutants.catalogue import mutant_of
from simulation.mutants.hunting import hunt
from simulation.source_hash import PACKAGES, source_hash
from simulation.statuses import Status
from simulation.swarm import draw_plan
from simulation.tally import Tally

ROOT = Path(__file__).resolve().parents[2]


class Simulation(Protocol):
    """Types a command, expects a status, and returns what was told."""

    def __call__(self, *arguments: str, status: Status = Status.CLEAN) -> str: ...


@pytest.fixture
def simulation(capsys: pytest.CaptureFixture[str]) -> Simulation:
    def typed(*arguments: str, status: Status = Status.CLEAN) -> str:
        try:
            ended = main(arguments)
        except SystemExit as end:  # how argparse tells of a mistake
            ended = Status(int(end.code or 0))
        told = capsys.readouterr()
        assert ended == status, told.err
        return told.out + told.err

    return typed


def test_it_is_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulation", "replay", "3", "--until", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert "seed 3: " in done.stdout


def test_run_tells_faults_invariants_and_what_the_clean_runs_say(simulation: Simulation) -> None:
    told = simulation("run", "--seeds", "0:5", "--jobs", "2")
    assert "5 seeds in" in told
    assert "L1" in told
    assert "swarm: 5 clean runs; with 95 % confidence fewer than one run in" in told


def test_seeds_and_a_time_end_with_whichever_is_over_first(simulation: Simulation) -> None:
    assert "1 seeds in" in simulation("--seeds", "3", "--time", "60s", "--jobs", "1")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "--seeds", "x"], "expected A:B such as 0:1000, got 'x'"),
        (["run", "--seeds", "5:5"], "expected A:B with 0 <= A < B, got '5:5'"),
        (["run", "--jobs", "0"], "expected at least 1, got '0'"),
        (["run", "--time", "soon"], "soon"),
        (["replay", "seven"], "expected a seed such as 4711 or spot_storm:4711, or the file of a case, got"),
        (["dance"], "there is no command 'dance'"),
        (["explain", "3", "--redraws", "0"], "expected at least 1, got '0'"),
        (["shrink", "3", "--runs", "0"], "expected at least 1, got '0'"),
        (["coverage", "--jobs", "0"], "expected at least 1, got '0'"),
        (["coverage", "--seeds", "0"], "expected at least 1, got '0'"),
        (["selfcheck", "--seeds", "0"], "expected at least 1, got '0'"),
        (["selfcheck", "--seeds", "-3"], "expected at least 1, got '-3'"),
        (["real", "--time", "0"], "expected more than 0, got '0'"),
        (["replay", "3", "--break", "s1"], "invalid choice: 's1'"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(
    simulation: Simulation, arguments: list[str], told: str
) -> None:
    said = simulation(*arguments, status=Status.USAGE)
    assert told in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "line",
    [
        "--scenario spot_storm --seeds 0:5 run",
        "--backend sqs replay 7",
        "--backend sqs selfcheck --seeds 1",
        "--time 2m real --workers 1",
        "--jobs 1 coverage",
        "--runs 5 shrink 7",
    ],
)
def test_options_before_a_command_are_refused(simulation: Simulation, line: str) -> None:
    (command,) = {"run", "replay", "selfcheck", "real", "coverage", "shrink"} & {*line.split()}
    told = simulation(*line.split(), status=Status.USAGE)
    assert f"options come after their command: python -m simulation {command} ..." in told


def test_help_tells_of_the_commands_and_where_the_options_are(simulation: Simulation) -> None:
    told = simulation("--help")
    assert "selfcheck" in told
    assert "`run --help`" in " ".join(told.split())
    assert "unrecognized arguments: --fast" in simulation("--fast", status=Status.USAGE)


def test_replay_tells_what_can_be_seen_up_to_a_moment(simulation: Simulation) -> None:
    told = simulation("replay", "3", "--until", "0.5").splitlines()
    assert "worker-1    began" in told[0]
    assert all(float(line.split(" s  ")[0]) <= 0.5 for line in told[:-1])
    assert told[-1].startswith("seed 3: ")


def test_replay_says_when_it_is_another_promise_that_is_broken(simulation: Simulation, case: Path) -> None:
    told = simulation("replay", str(case), "--break", "L7", status=Status.UNSAFE)
    assert told.startswith("L7 is not broken here\n")
    assert "S1 broken at" in told
    assert "S1 is not broken here" in simulation("replay", "3", "--break", "S1")


def test_a_case_of_a_mutant_that_is_none(simulation: Simulation, tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text("invariant: S1\nmutant: nosuch\n", encoding="utf-8")
    for command in ("replay", "shrink", "explain"):
        told = simulation(command, str(path), status=Status.USAGE)
        assert "the case is of the mutant 'nosuch'" in told


def test_replay_draws_a_page_that_needs_nothing_beside_itself(simulation: Simulation, tmp_path: Path) -> None:
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


def test_scenarios_are_listed_and_told_of(simulation: Simulation) -> None:
    assert "spot_storm  " in simulation("scenarios")
    assert "To be reached:" in simulation("scenarios", "spot_storm")
    assert "there is no" in simulation("scenarios", "tea_party", status=Status.USAGE).lower()


def test_a_scenario_is_run_and_its_seeds_replayed(simulation: Simulation) -> None:
    assert "calm: 3 clean runs" in simulation("--scenario", "calm", "--seeds", "0:3", "--jobs", "1")
    assert "seed 1: " in simulation("replay", "calm:1", "--until", "0")


def test_runs_that_have_shown_nothing_say_so(simulation: Simulation, tmp_path: Path) -> None:
    path = tmp_path / "in_vain.yaml"
    path.write_text(
        "description: Nothing goes wrong, and something is to.\n"
        "faults_for: 10\nreaches: [two_ran_at_once]\nworkload: {tasks: 2}\n",
        encoding="utf-8",
    )
    told = simulation("--scenario", str(path), "--seeds", "0:2", "--jobs", "1", status=Status.VACUOUS)
    assert "these runs have shown nothing:" in told
    assert "never reached: two_ran_at_once" in told


def test_a_scenario_with_a_producer_is_for_the_model(simulation: Simulation) -> None:
    for command in ("run", "soak"):
        told = simulation(
            command, "--scenario", "producer_killed", "--backend", "sqs", "--time", "1s", status=Status.USAGE
        )
        assert "the scenario producer_killed has a producer" in told
        assert "leave `--backend` out" in told


@pytest.mark.parametrize(
    ("scenario", "backend", "told"),
    [
        ("duplicate_storm", "conductor", "faults that never strike on conductor: duplicate"),
        ("producer_killed", "sqs", "the scenario producer_killed has a producer"),
    ],
)
def test_a_scenario_that_a_backend_cannot_play_is_refused(
    simulation: Simulation, scenario: str, backend: str, told: str
) -> None:
    chosen = ["--backend", backend]
    for line in (
        ["run", "--scenario", scenario, "--seeds", "0:2"],
        ["soak", "--scenario", scenario, "--time", "1s"],
        ["replay", f"{scenario}:3"],
        ["diff", f"{scenario}:3", f"{scenario}:3"],
    ):
        assert told in simulation(*line, *chosen, status=Status.USAGE)


def test_a_scenario_of_the_user_and_a_case_that_a_backend_cannot_play_are_refused(
    simulation: Simulation, tmp_path: Path
) -> None:
    mine, case = tmp_path / "mine.scenario", tmp_path / "case.yaml"
    mine.write_text("description: x\nworkload: {tasks: 2}\nodds: {reordered: 0.5}\n", encoding="utf-8")
    chosen = ["--scenario", str(mine), "--seeds", "0:2", "--backend", "sqs"]
    told = simulation("run", *chosen, status=Status.USAGE)
    assert "the scenario mine has faults that never strike on sqs: reordered" in told
    case.write_text("invariant: S1\nplan: {producer: {}}\n", encoding="utf-8")
    told = simulation("replay", str(case), "--backend", "sqs", status=Status.USAGE)
    assert "the case has a producer" in told
    fault = "{kind: reordered, whom: receive by worker-1, size: 0.5}"
    case.write_text(f"invariant: S1\nplan: {{}}\nfaults: [{fault}]\n", encoding="utf-8")
    told = simulation("shrink", str(case), "--backend", "pubsub", status=Status.USAGE)
    assert "the case has faults that never strike on pubsub: reordered" in told


def test_of_a_seed_of_the_swarm_a_backend_plays_what_it_can(simulation: Simulation) -> None:
    seed = next(seed for seed in range(100) if draw_plan(seed).producer is not None)
    assert f"seed {seed}: " in simulation("replay", str(seed), "--until", "0", "--backend", "sqs")


def test_mutants_are_found_out_and_the_one_that_changes_nothing_survives(simulation: Simulation) -> None:
    told = simulation("mutants", "acks_on_receive", "says_the_same", "--seeds", "5")
    assert "1 found out, 1 that changes nothing survived" in told


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A failure of a worker that acks tasks as they come."""
    result = hunt(mutant_of("acks_on_receive"), range(5), budget_s=60.0)
    assert result.plan is not None
    assert result.violation is not None
    path = tmp_path_factory.mktemp("cases") / "found.yaml"
    write_case(case_of(result.plan, result.violation, "acks_on_receive"), path)
    return path


def test_a_failure_is_shrunk_told_in_words_and_kept_with_a_test_that_fails(
    simulation: Simulation, case: Path, tmp_path: Path
) -> None:
    told = simulation("shrink", str(case), "--runs", "60", "--directory", str(tmp_path))
    assert "The smallest run that breaks it" in told
    (smallest,) = tmp_path.glob("s1_*.yaml")
    (test,) = tmp_path.glob("test_s1_*.py")
    assert f"python -m simulation replay {smallest}" in told
    assert "S1 broken at" in simulation("replay", str(smallest), status=Status.UNSAFE)
    compile(test.read_text(encoding="utf-8"), test.name, "exec")
    chosen = ["--runs", "1", "--directory", str(case)]
    assert "cannot write to" in simulation("shrink", str(case), *chosen, status=Status.USAGE)


def test_a_failure_is_explained(simulation: Simulation, case: Path) -> None:
    told = simulation("explain", str(case), "--redraws", "3")
    assert "%  " in told
    assert "S1" in told


def test_a_seed_that_keeps_every_promise_is_not_shrunk(simulation: Simulation, tmp_path: Path) -> None:
    told = simulation("shrink", "3", "--directory", str(tmp_path), status=Status.USAGE)
    assert "seed 3 of swarm breaks nothing" in told


def test_diff_shows_where_two_seeds_part_and_that_one_is_like_itself(simulation: Simulation) -> None:
    assert simulation("diff", "3", "3").startswith("the same ")
    parted = simulation("diff", "3", "6")
    assert "\n- " in parted
    assert "\n+ " in parted


def test_diff_tells_apart_what_lines_leave_out(simulation: Simulation, tmp_path: Path) -> None:
    """Receipts are in no line; the trace is of everything all the same."""
    paths = [tmp_path / "one.yaml", tmp_path / "other.yaml"]
    for path, renews in zip(paths, ("false", "true"), strict=True):
        queue = f"queue: {{lease_s: 20.0, extend_renews_receipt: {renews}}}"
        worker = "worker: {max_runtime_s: 200.0}, workload: {tasks: 2, duration_s: 50.0}"
        path.write_text(f"invariant: S1\nplan: {{seed: 3, {worker}, {queue}}}\n", encoding="utf-8")
    one, other = map(str, paths)
    here = simulation("diff", one, other)
    assert here == simulation("diff", one, other, "--hash-seeds", "0,4711")
    signs = {sign: [line for line in here.splitlines() if line.startswith(sign)] for sign in "-+"}
    assert signs["-"][0][1:] == signs["+"][0][1:], "the lines are the same"
    assert "receipt='1#1'" in "".join(signs["-"])
    assert "receipt='1#2'" in "".join(signs["+"])


def test_selfcheck_compares_processes(simulation: Simulation) -> None:
    assert "the same 1 traces" in simulation("selfcheck", "--seeds", "1")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Our packages once more, as a wheel has them."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_selfcheck_compares_what_was_built(simulation: Simulation, built: Path) -> None:
    told = simulation("selfcheck", "--seeds", "1", "--built", str(built))
    assert f"and in one with what was built in {built} (0 compiled modules): the same 1 traces" in told


def test_selfcheck_sees_that_what_was_built_does_something_else(simulation: Simulation, built: Path) -> None:
    shares = built / "simulation" / "shares.py"
    other = built / "other.py"
    other.write_text(shares.read_text().replace("0x94D049BB133111EB", "0x94D049BB133111EA"))
    # What a compiler has made of something else, beside the source as it is.
    made = importlib.util.cache_from_source(str(shares))
    py_compile.compile(
        str(other), made, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    told = simulation("selfcheck", "--seeds", "1", "--built", str(built), status=Status.NOT_DETERMINISTIC)
    assert "seed 0: the trace of the sources is" in told
    assert f"and that of what was built in {built} is" in told


def test_selfcheck_refuses_what_was_built_of_other_sources(simulation: Simulation, built: Path) -> None:
    with (built / "simulation" / "shares.py").open("a") as file:
        file.write("# edited\n")
    told = simulation("selfcheck", "--seeds", "1", "--built", str(built), status=Status.USAGE)
    assert f"{built}: built of other sources" in told


def test_selfcheck_refuses_a_directory_in_which_nothing_was_built(
    simulation: Simulation, tmp_path: Path
) -> None:
    told = simulation("selfcheck", "--seeds", "1", "--built", str(tmp_path / "x"), status=Status.USAGE)
    assert f"{tmp_path / 'x'}: no package `simulation` there" in told


def test_diff_compares_processes_under_other_hash_seeds(simulation: Simulation) -> None:
    chosen = ["--hash-seeds", "0,4711", "--policy", "pct"]
    assert simulation("diff", "3", "6", *chosen) == simulation("diff", "3", "6", "--policy", "pct")
    assert "expected two numbers" in simulation("diff", "3", "3", "--hash-seeds", "0", status=Status.USAGE)


def test_a_process_under_a_hash_seed_has_it_and_may_not_fail_or_hang() -> None:
    tell = "print(hash(input()))"
    told = {output_under(name, tell, "x", timeout_s=60) for name in ("0", "1", "0")}
    assert len(told) == 2
    with pytest.raises(ConfigurationError, match="PYTHONHASHSEED=7 ended with status 3"):
        output_under("7", "raise SystemExit(3)", "", timeout_s=60)
    with pytest.raises(ConfigurationError, match=r"was not done in 0\.05 s"):
        output_under("7", "input()\nwhile True: pass", "x", timeout_s=0.05)


def test_h1_sums_do_not_depend_on_the_number_of_processes() -> None:
    def sums(jobs: int) -> tuple[int, float, int]:
        tally = Tally()
        for part in run_many(draw_plan, Span(0, 4), jobs=jobs, time_s=None):
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


SHORT = {
    "lines": ["scenarios"],
    "run": ["run", "--seeds", "0:2", "--jobs", "1"],
    "soak": ["soak", "--time", "1s", "--jobs", "1", "--directory"],
    "mutants": ["mutants", "acks_on_receive", "--seeds", "3", "--jobs", "1"],
}
"""Commands that tell lines, and those that draw tables."""


def written_to(stdout: int, arguments: list[str], tmp_path: Path) -> tuple[int, str]:
    """The status of a command whose standard output is that file, and what it says on standard error."""
    more = [str(tmp_path / "soak")] if arguments[-1] == "--directory" else []
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "simulation", *arguments, *more],
        stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=100, check=False, cwd=ROOT,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize("name", SHORT)
def test_that_nobody_reads_any_more_is_no_broken_promise(name: str, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    told = written_to(writer, SHORT[name], tmp_path)
    os.close(writer)
    assert told == (Status.UNHEARD, "")


@pytest.mark.parametrize("name", ["lines", "run"])
def test_that_nothing_can_be_written_is_told_in_a_line(name: str, tmp_path: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        told = written_to(full.fileno(), SHORT[name], tmp_path)
    assert told == (Status.USAGE, "error: cannot write to standard output: No space left on device\n")


def test_a_standard_output_that_is_closed_is_told_in_a_line() -> None:
    line = f"exec {sys.executable} -m simulation replay 3 >&-"
    done = subprocess.run(  # noqa: S603 - our own program
        ["/bin/sh", "-c", line], stderr=subprocess.PIPE, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert done.returncode == Status.USAGE
    assert done.stderr == "error: cannot write to standard output: it is closed\n"
