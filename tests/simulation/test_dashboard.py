"""What is shown while runs go on: some of everything in any terminal, and nothing of it is left behind."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from simulation.commands.dashboard import dashboard, short
from simulation.commands.telling import PlainConsole
from simulation.commands.view import speed
from simulation.draws import PlanDraw
from simulation.faults import FaultClass
from simulation.judges.panel import INVARIANTS
from simulation.many import Span, run_block
from simulation.sometimes import POINTS
from simulation.statuses import Status
from simulation.tally import Failure, Tally
from simulation.verdict import Violation

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tally() -> Tally:
    """Of a long soak: everything was seen, most of it often."""
    found = Tally()
    for number, kind in enumerate(FaultClass):
        found.on[kind.value] = 5
        found.injected[kind.value] = 1_000_000 + number
        found.effective[kind.value] = number
    for number, name in enumerate(INVARIANTS):
        found.checks[name] = 10**number % 987_654_321
    for number, name in enumerate(POINTS):
        found.sometimes[name] = number
    found.runs["swarm"] = 1_234_567
    return found


def shown(tally: Tally, width: int, height: int) -> list[str]:
    console = PlainConsole(file=io.StringIO(), width=width, height=height, force_terminal=True)
    with console.capture() as capture:
        console.print(dashboard(tally, speed(tally, 1_234.5, 2), console))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [30, 60, 80, 200])
@pytest.mark.parametrize("height", [5, 10, 24, 50, 100])
def test_it_has_room_in_any_terminal_and_the_speed_is_there(tally: Tally, width: int, height: int) -> None:
    lines = shown(tally, width, height)
    assert len(lines) < height or lines[0].startswith("1,234,567 seeds")
    assert len(lines) < max(height, 12)
    assert lines[0].startswith("1,234,567 seeds")


def test_in_a_common_terminal_there_is_some_of_everything(tally: Tally) -> None:
    lines = shown(tally, 80, 24)
    told = "\n".join(lines)
    assert "(1,000.1/s)" in told
    assert f"Faults: {len(FaultClass) - 1} of {len(FaultClass)} had an effect" in told
    assert "0 broken" in told
    assert f"Situations: {len(POINTS) - 1} of {len(POINTS)} reached" in told
    assert next(iter(FaultClass)).value in told  # the one without an effect
    assert next(iter(POINTS)) in told
    assert "S1 " in told
    assert len(re.findall(r"and \d+ more", told)) == 3
    assert "..." not in told


def test_where_there_is_room_all_is_there_in_order(tally: Tally) -> None:
    told = "\n".join(shown(tally, 200, 100))
    assert all(name in told for name in (*INVARIANTS, *POINTS, *(kind.value for kind in FaultClass)))
    assert "more" not in told


def test_what_is_broken_comes_first(tally: Tally) -> None:
    broken = Tally(failures=[Failure("swarm", 1, (Violation("L6", 1.0, "something"),))])
    broken.add(tally)
    lines = shown(broken, 80, 12)
    assert any("1 broken" in line for line in lines)
    assert any("L6" in line for line in lines)


def test_what_a_run_came_to_has_room(tally: Tally) -> None:
    found, _ = run_block(PlanDraw(), Span(0, 5), time.monotonic() + 20)
    assert len(shown(found, 80, 24)) < 24
    assert len(shown(Tally(), 80, 24)) < 24
    assert shown(tally, 80, 24)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (9_999, "9999"), (12_345, "12k"), (7_654_321, "8M"), (10**13, "10000G")]
)
def test_numbers_are_short(number: int, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize("when", [b"reached", b"[1-9][0-9]* seeds in"])
def test_ctrl_c_leaves_the_summary_alone(when: bytes) -> None:
    """Whatever was drawn before is erased line by line, with none that had no room and scrolled away."""
    keys, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "simulation", "run", "--time", "5m", "--jobs", "1"],
        cwd=ROOT, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(terminal)
    try:
        drawn = read(keys, until=when, timeout_s=60)
        os.killpg(process.pid, signal.SIGINT)
        drawn += read(keys, until=None, timeout_s=30)
        assert process.wait(timeout=30) == Status.INTERRUPTED
    finally:
        process.kill()
        os.close(keys)
    assert b"0 broken" in drawn
    assert b"..." not in drawn
    erased, summary = drawn.rsplit(b"\x1b[2K", 1)
    assert b"seeds in" in summary
    assert b"sometimes" in summary  # the head of the full table
    assert b"sometimes" not in erased
    assert drawn.rindex(b"\x1b[?25h") > drawn.rindex(b"\x1b[?25l")  # the cursor is there again


def read(descriptor: int, *, until: bytes | None, timeout_s: float) -> bytes:
    found, ends = b"", time.monotonic() + timeout_s
    while time.monotonic() < ends and (until is None or re.search(until, found) is None):
        if select.select([descriptor], [], [], 0.2)[0]:
            try:
                block = os.read(descriptor, 65_536)
            except OSError:  # nobody has the other end any more
                break
            found += block
    return found
