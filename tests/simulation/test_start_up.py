"""Signals while it begins, and processes that cannot be had or are lost: words and a status, no traceback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulation.commands.at_work import at_work
from simulation.many import pool
from simulation.soaking import load_soak
from simulation.statuses import Status

ROOT = Path(__file__).resolve().parents[2]
STRUCK = "import os, signal, time; os.kill(os.getpid(), {}); time.sleep(60)\n"
"""A module that is struck by a signal while it is imported."""
WITHOUT_SERVER = (
    "import multiprocessing, sys; from simulation.commands.app import main;"
    "multiprocessing.set_executable('/nonexistent/python'); sys.exit(main(sys.argv[1:]))"
)
LIBRARYS_END = re.compile(
    r"Exception ignored .*"
    r"|Traceback [^\n]*\n  File \"[^\"]*/multiprocessing/util\.py\".*?BrokenPipeError[^\n]*\n",
    re.DOTALL,
)
"""What the library says at the interpreter's end now and then, of helper processes that are not there."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["msgspec", "rich"])
def test_a_signal_while_it_begins_is_heard_as_later(
    number: signal.Signals, module: str, tmp_path: Path
) -> None:
    (tmp_path / f"{module}.py").write_text(STRUCK.format(int(number)))
    done = subprocess.run(
        [sys.executable, "-m", "simulation", "scenarios"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (Status.INTERRUPTED, "", "")


@pytest.mark.parametrize(
    "command",
    [
        ["run", "--seeds", "0:4"],
        ["coverage", "--seeds", "1"],
        ["mutants", "says_the_same", "--seeds", "1"],
        ["soak", "--directory", "{directory}", "--time", "9s"],
    ],
)
def test_processes_that_cannot_be_had_are_told(command: list[str], tmp_path: Path) -> None:
    """It was taken for the pipe of standard output: status 141, without a word."""
    words = [word.format(directory=tmp_path / "d") for word in command]
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", WITHOUT_SERVER, *words, "--jobs", "1"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == Status.USAGE, done.stderr
    ours = LIBRARYS_END.split(done.stderr)
    assert any("error: cannot start processes for runs" in text for text in ours), done.stderr
    assert not any("Traceback" in text for text in ours), done.stderr


def test_an_error_in_a_run_is_no_lack_of_processes() -> None:
    with pytest.raises(FileNotFoundError), at_work(), pool(1) as processes:
        processes.submit(os.stat, "/nonexistent/file").result()


def busy_one(group: int) -> int | None:
    """A process of a group that runs seeds: one that is not in charge and has worked for a second."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        worked_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if int(fields[2]) == group and int(path.parent.name) != group and worked_s > 1:
            return int(path.parent.name)
    return None


@pytest.mark.skipif(sys.platform != "linux", reason="it finds processes by /proc")
@pytest.mark.parametrize("command", ["run", "soak"])
def test_a_process_that_is_killed_is_told(command: str, tmp_path: Path) -> None:
    directory = ["--directory", str(tmp_path / "d")] if command == "soak" else []
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "simulation", command, "--time", "5m", "--jobs", "1", *directory],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while (pid := busy_one(process.pid)) is None:
            assert time.monotonic() < until
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        told, complained = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == Status.USAGE
    assert "error: a process that runs seeds was killed" in complained
    assert "Traceback" not in complained
    if command == "soak":
        assert "Situations" in told
        state = load_soak(tmp_path / "d")
        assert state is not None
        assert state.tally.total > 0


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.1, 0.3, 0.6])
def test_ctrl_c_while_processes_are_started_is_without_a_traceback(delay_s: float) -> None:
    """Ctrl-C goes to all of them, and they hear it before they can say that it is none of theirs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulation", "run", "--time", "5m", "--jobs", "2"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 30
        while others(process.pid) < SERVER_AND_TRACKER:
            assert time.monotonic() < until
            time.sleep(0.005)
        time.sleep(delay_s)
        os.killpg(process.pid, signal.SIGINT)
        _, complained = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == Status.INTERRUPTED
    assert complained == ""


SERVER_AND_TRACKER = 2


def others(group: int) -> int:
    """How many processes there are in a group besides the one in charge."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found += int(fields[2]) == group and int(path.parent.name) != group
    return found
