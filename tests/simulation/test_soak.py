"""`soak`: what was done outlives the process, and no seed is run twice or left out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from simulation.commands.app import main
from simulation.draws import PlanDraw
from simulation.many import Span
from simulation.mutants.hunting import mutated
from simulation.scenario_file import LIBRARY, scenario_names
from simulation.soaking import STATE, Soak, code_of, load_soak, merged, sole_use
from simulation.source_hash import source_files
from simulation.statuses import Status
from simulation.tally import Failure, Tally
from simulation.verdict import Violation

ROOT = Path(__file__).resolve().parents[2]
SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 10)).map(lambda pair: Span(pair[0], pair[0] + pair[1]))
)


def seeds_of(spans: list[Span]) -> set[int]:
    return {seed for span in spans for seed in range(span.first, span.last or 0)}


@given(SPANS)
def test_spans_are_merged_without_a_seed_more_or_less(spans: list[Span]) -> None:
    found = merged(spans)
    assert seeds_of(found) == seeds_of(spans)
    assert all(earlier.last < later.first for earlier, later in pairwise(found))  # type: ignore[operator] # all end


@given(SPANS)
def test_what_is_left_is_what_was_not_done(spans: list[Span]) -> None:
    soak = Soak("code", PlanDraw())
    for span in spans:
        soak.add(span, Tally())
    *gaps, rest = soak.left()
    assert rest.last is None
    assert seeds_of(gaps) | seeds_of(soak.done) == set(range(rest.first))
    assert not seeds_of(gaps) & seeds_of(soak.done)


def test_it_goes_on_after_sigkill_where_it_was(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simulation", "soak", "--jobs", "1", "--directory", str(tmp_path / "d")]
    first = subprocess.Popen(  # noqa: S603 - our own code
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        state = wait_for_state(tmp_path / "d")
    finally:
        first.kill()
        first.wait()
    wait_until_gone(first.pid)
    before = state.tally.total
    assert len(seeds_of(state.done)) == before > 0
    assert main([*command[3:], "--resume", "--time", "1s"]) == Status.CLEAN
    after = load_soak(tmp_path / "d")
    assert after is not None
    assert len(seeds_of(after.done)) == after.tally.total > before
    assert after.elapsed_s > state.elapsed_s


def wait_until_gone(group: int) -> None:
    for _ in range(300):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("something is left after half a minute")


def wait_for_state(directory: Path) -> Soak:
    for _ in range(600):
        state = load_soak(directory)
        if state is not None:
            return state
        time.sleep(0.1)
    raise AssertionError("nothing was saved in a minute")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_it_and_keep_what_was_done(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simulation", "soak", "--jobs", "1", "--directory", str(tmp_path / "d")]
    process = subprocess.Popen(  # noqa: S603 - our own code
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for_state(tmp_path / "d")
    if number is signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does it
    else:
        process.send_signal(number)
    told, errors = process.communicate(timeout=60)
    assert process.returncode == Status.INTERRUPTED, errors
    assert "`--resume` goes on" in told
    assert errors == ""


def test_it_goes_on_whatever_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soak = Soak("of other code", PlanDraw())
    soak.save(tmp_path)
    with mutated("acks_on_receive"):
        soak.tally.failures.append(failure_of(4))
        soak.save(tmp_path)
        status = main(["soak", "--directory", str(tmp_path), "--resume", "--time", "0.1s", "--jobs", "1"])
    told = capsys.readouterr().out
    assert "the code or the scenario is another" in told
    assert "seed 4 of swarm" in told
    assert status in {Status.UNSAFE, Status.STUCK}


def failure_of(seed: int) -> Failure:
    return Failure("swarm", seed, (Violation("S1", 1.0, "something"),))


def test_what_is_there_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Soak("code", PlanDraw()).save(tmp_path)
    before = (tmp_path / STATE).read_bytes()
    assert main(["soak", "--directory", str(tmp_path), "--time", "1s"]) == Status.USAGE
    assert "holds a soak of 0 seeds" in capsys.readouterr().err
    assert (tmp_path / STATE).read_bytes() == before


def test_there_must_be_something_to_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["soak", "--directory", str(tmp_path / "none"), "--resume"]) == Status.USAGE
    assert "there is no soak in" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_what_is_resumed_must_be_of_the_same_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Soak("code", structs.replace(PlanDraw(), scenario="crash_loop")).save(tmp_path)
    assert main(["soak", "--directory", str(tmp_path), "--resume"]) == Status.USAGE
    assert "is of crash_loop on model" in capsys.readouterr().err


def test_a_file_that_is_no_state_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / STATE).write_text("{}")
    assert main(["soak", "--directory", str(tmp_path), "--resume"]) == Status.USAGE
    assert "is no soak of ours" in capsys.readouterr().err


def test_a_scenario_that_was_changed_begins_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario = tmp_path / "mine.yaml"
    scenario.write_text("description: A little work.\nworkload: {tasks: 1}\nfaults_for: 5\n")
    draw = PlanDraw(str(scenario))
    soak = Soak(code_of(draw), draw)
    soak.add(Span(0, 7), Tally())
    soak.save(tmp_path)
    command = ["soak", "--directory", str(tmp_path), "--resume", "--jobs", "1", "--scenario", str(scenario)]
    main([*command, "--time", "0.01s"])
    assert "is another" not in capsys.readouterr().out
    scenario.write_text("description: A little more.\nworkload: {tasks: 2}\nfaults_for: 5\n")
    main([*command, "--time", "0.01s"])
    assert "the code or the scenario is another" in capsys.readouterr().out


def test_the_library_is_a_part_of_the_code() -> None:
    assert {LIBRARY / f"{name}.yaml" for name in scenario_names()} <= {*source_files()}
    assert code_of(PlanDraw("calm")) == code_of(PlanDraw())


def test_a_soak_without_a_seed_has_shown_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["soak", "--directory", str(tmp_path / "none"), "--jobs", "1", "--time", "0s"]
    assert main(command) == Status.VACUOUS
    assert "no seed was run" in capsys.readouterr().out


def test_a_soak_that_was_never_where_it_is_to_lead_has_shown_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "in_vain.yaml"
    scenario.write_text(
        "description: Calm.\nworkload: {tasks: 1}\nfaults_for: 5\nreaches: [two_ran_at_once]\n"
    )
    command = ["soak", "--directory", str(tmp_path / "d"), "--jobs", "1", "--time", "0.3s"]
    assert main([*command, "--scenario", str(scenario)]) == Status.VACUOUS
    assert "never reached: two_ran_at_once" in capsys.readouterr().out


def test_where_nothing_can_be_kept_nothing_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["soak", "--directory", str(tmp_path / "file" / "d"), "--time", "1h"]) == Status.USAGE
    told = capsys.readouterr()
    assert "cannot keep a soak in" in told.err
    assert told.out == ""


def test_a_disk_without_room_is_told_before_anything_is_run(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: it needs no privilege."""
    program = (
        "import resource, signal, sys; from simulation.commands.app import main;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", program, "soak", "--time", "1h", "--directory", str(tmp_path / "d")],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == Status.USAGE, done.stderr
    assert "cannot keep a soak in" in done.stderr
    assert not (tmp_path / "d" / "soak.new").exists()


def spoil_once_saved(directory: Path, code: str) -> threading.Thread:
    """Put a file where the directory is, as soon as a soak of that code was saved there."""

    def spoil() -> None:
        while (state := load_soak(directory)) is None or state.code != code:
            time.sleep(0.01)
        directory.rename(directory.with_name("away"))
        directory.write_text("in the way")

    thread = threading.Thread(target=spoil, daemon=True)
    thread.start()
    return thread


def test_what_was_found_is_told_although_it_cannot_be_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory, soak = tmp_path / "d", Soak("of other code", PlanDraw())
    soak.tally.failures.append(failure_of(4))
    soak.save(directory)
    spoiler = spoil_once_saved(directory, code_of(PlanDraw()))
    with mutated("acks_on_receive"):
        status = main(["soak", "--directory", str(directory), "--resume", "--time", "5s", "--jobs", "1"])
    spoiler.join()
    told = capsys.readouterr()
    assert status in {Status.UNSAFE, Status.STUCK}
    assert "Situations" in told.out
    assert told.out.count("seed 4 of swarm") == 2  # when it came, and at the end: nothing else keeps it
    assert told.err.count("File exists") == 1


def test_clean_runs_that_cannot_be_kept_are_told_with_a_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "d"
    spoiler = spoil_once_saved(directory, code_of(PlanDraw()))
    assert main(["soak", "--directory", str(directory), "--time", "5s", "--jobs", "1"]) == Status.USAGE
    spoiler.join()
    told = capsys.readouterr()
    assert "Situations" in told.out
    assert "goes on" not in told.out
    assert "this could not be kept in" in told.out
    assert "cannot write" in told.err


def test_a_second_soak_in_a_directory_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "d"
    with sole_use(directory):
        assert main(["soak", "--directory", str(directory), "--time", "1h"]) == Status.USAGE
        assert "another soak is at work in" in capsys.readouterr().err
    shutil.rmtree(directory)
    assert main(["soak", "--directory", str(directory), "--time", "0s"]) == Status.VACUOUS


def test_a_scenario_that_is_not_there_makes_no_directory(tmp_path: Path) -> None:
    command = ["soak", "--directory", str(tmp_path / "d"), "--scenario", "nowhere", "--time", "1h"]
    assert main(command) == Status.USAGE
    assert not (tmp_path / "d").exists()
