"""Running programs, taking medians, and the table of results."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
RUNS = 5


class Finding(Struct, frozen=True):
    """One measured ratio or figure.

    Attributes:
        name: What was measured.
        value: The figure; not a number where there is none.
        unit: What it counts.
        target: What it is to be, in words; "" where it is told for information.
        good: Whether it is; None where there is no target.
        detail: Where it comes from.
    """

    name: str
    value: float
    unit: str
    target: str = ""
    good: bool | None = None
    detail: str = ""


def at_least(name: str, value: float, bound: float, unit: str, detail: str = "") -> Finding:
    """A figure that must not be smaller than `bound`."""
    return Finding(name, value, unit, f">= {bound:g}", value >= bound, detail)


def at_most(name: str, value: float, bound: float, unit: str, detail: str = "") -> Finding:
    """A figure that must not be larger than `bound`."""
    return Finding(name, value, unit, f"<= {bound:g}", value <= bound, detail)


def figure(name: str, value: float, unit: str, detail: str = "") -> Finding:
    """A figure for information."""
    return Finding(name, value, unit, detail=detail)


def missing(name: str, why: str) -> Finding:
    """No figure, as what it takes is not on this machine."""
    return Finding(name, math.nan, "", detail=why)


def interleaved(contenders: dict[str, Callable[[], float]], runs: int = RUNS) -> dict[str, float]:
    """The median of each contender; they take turns, so that a slow spell of the machine meets all."""
    seen: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, run in contenders.items():
            seen[name].append(run())
    return {name: statistics.median(values) for name, values in seen.items()}


def python(*arguments: str, env: dict[str, str] | None = None, timeout_s: float = 600.0) -> str:
    """Run a program of this project with this interpreter, in an empty directory; returns what it printed."""
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(  # noqa: S603 - our own programs
            [sys.executable, *arguments],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def rate(*arguments: str, env: dict[str, str] | None = None) -> float:
    """Tasks a second, as a bare program prints it."""
    return float(python("-m", *arguments, env=env).strip().splitlines()[-1])


@contextmanager
def stand_in(module: str) -> Iterator[str]:
    """A stand-in as a process of its own, on a free port; where it listens."""
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", module, "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # some tell of every request
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().removeprefix("listening on ").strip()
        finally:
            process.terminate()


def worker(task_file: Path, *options: str, env: dict[str, str] | None = None) -> dict[str, float]:
    """Run the worker on a task file; returns its summary."""
    program = str(ROOT / "benchmarks" / "programs" / "noop.py")
    printed = python(program, "--task-file", str(task_file), "--json", *options, env=env)
    summary: dict[str, float] = json.loads(printed.strip().splitlines()[-1])
    return summary


def tasks_file(directory: Path, count: int, **data: int) -> Path:
    """Write a task file."""
    path = directory / f"tasks-{count}-{'-'.join(map(str, data.values()))}.json"
    if not path.exists():
        with path.open("w") as file:
            file.write("[\n")
            for number in range(count):
                task = {"task_id": f"task-{number:07d}", "data": {"n": number, **data}}
                file.write(("" if number == 0 else ",\n") + json.dumps(task))
            file.write("\n]\n")
    return path


def table(findings: Sequence[Finding]) -> str:
    """The findings as aligned text."""
    rows = [
        (
            finding.name,
            _shown(finding.value),
            finding.unit,
            finding.target,
            {True: "ok", False: "MISSED", None: ""}[finding.good],
            finding.detail,
        )
        for finding in findings
    ]
    heads = ("what", "figure", "unit", "target", "", "detail")
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [heads, *rows]
    )


def _shown(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
