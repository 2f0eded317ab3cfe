"""Ctrl-C ends whatever runs in many processes, at once and with all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulation.statuses import Status

ROOT = Path(__file__).resolve().parents[2]
BEGINS_S = 60.0
ENDS_S = 10.0
LONG = "description: A run that takes minutes.\nworkload: {tasks: 200000, duration: 1}\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it finds processes by /proc")


def is_at_work(group: int) -> bool:
    """Whether a process that another has started has used two seconds of processor time."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks, child = int(fields[11]) + int(fields[12]), int(path.parent.name) != group
        if int(fields[2]) == group and child and ticks > 2 * os.sysconf("SC_CLK_TCK"):
            return True
    return False


def is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("command", ["mutants", "run"])
def test_ctrl_c_ends_all_at_once(command: str, tmp_path: Path) -> None:
    scenario = tmp_path / "long.yaml"
    scenario.write_text(LONG, encoding="utf-8")
    arguments = {
        "mutants": ["mutants", "says_the_same", "--jobs", "1"],
        "run": ["run", "--scenario", str(scenario), "--time", "5m", "--jobs", "1"],
    }[command]
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "simulation", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + BEGINS_S
        while not is_at_work(process.pid) and time.monotonic() < until:
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        told, complained = process.communicate(timeout=ENDS_S)
    finally:
        if not is_gone(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == Status.INTERRUPTED
    assert "Traceback" not in told + complained
    until = time.monotonic() + ENDS_S
    while not is_gone(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert is_gone(process.pid)
