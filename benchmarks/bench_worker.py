"""The whole worker against raw limits and peers in the same run."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import (
    ROOT,
    RUNS,
    Finding,
    at_least,
    at_most,
    figure,
    interleaved,
    python,
    rate,
    tasks_file,
    worker,
)

_MIB = 1024**2
SIZES = ((1_000, 400), (60_000, 400), (70_000, 400), (1_000_000, 100), (10_000_000, 20), (50_000_000, 6))
"""Bytes of a result, and how many tasks return one."""


def process_runner(scratch: Path) -> Iterator[Finding]:
    """No-op tasks, two at a time, events on, a process each."""
    tasks = tasks_file(scratch, 2000)
    seen = interleaved(
        {
            "worker": lambda: _throughput(tasks, "--runner", "process"),
            "bare": lambda: rate("benchmarks.programs.bare_fork", "2000", "2"),
            "spawn": lambda: rate("benchmarks.programs.peers", "spawn", "40", "2"),
            "forkserver": lambda: rate("benchmarks.programs.peers", "forkserver", "300", "2"),
        }
    )
    detail = ", ".join(f"{name} {value:,.0f}/s" for name, value in seen.items())
    yield at_least("process runner / bare fork loop", seen["worker"] / seen["bare"], 0.75, "ratio", detail)
    yield at_least("process runner / multiprocessing spawn", seen["worker"] / seen["spawn"], 5, "ratio")
    yield at_least("process runner / preloaded forkserver", seen["worker"] / seen["forkserver"], 2, "ratio")


def pool_runner(scratch: Path) -> Iterator[Finding]:
    """No-op tasks, two warm processes."""
    tasks = tasks_file(scratch, 40_000)
    seen = interleaved(
        {
            "worker": lambda: _throughput(tasks, "--runner", "pool"),
            "bare": lambda: rate("benchmarks.programs.bare_pool", "40000", "2"),
            "executor": lambda: rate("benchmarks.programs.peers", "executor", "20000", "2"),
        }
    )
    detail = ", ".join(f"{name} {value:,.0f}/s" for name, value in seen.items())
    yield at_least("pool runner / bare epoll loop", seen["worker"] / seen["bare"], 0.3, "ratio", detail)
    yield at_least("pool runner / ProcessPoolExecutor.submit", seen["worker"] / seen["executor"], 1, "ratio")


def results(scratch: Path) -> Iterator[Finding]:
    """Results of 1 kB to 50 MB through the process runner: no cliff at the pipe's capacity."""
    before = 0.0
    for size, count in SIZES:
        tasks = tasks_file(scratch, count, size=size)
        seen = statistics.median(_throughput(tasks, "--runner", "process") for _ in range(RUNS))
        speed = seen * size / 1e6
        detail = f"{seen:,.1f} tasks/s"
        # Rising, then level: a tenth of play for the noise of the machine.
        good = at_least(f"results of {size:,} bytes", speed, 0.7 * before, "MB/s", detail)
        yield Finding(good.name, speed, "MB/s", "no cliff", good.good, detail)
        before = speed


def settling(_scratch: Path) -> Iterator[Finding]:
    """From the end of a task's function to its settlement."""
    import json

    medians, worst = [], []
    for _ in range(RUNS):
        printed = python(
            str(ROOT / "benchmarks" / "programs" / "settling.py"), "500", "--num-simultaneous-tasks", "2"
        )
        delays: list[float] = json.loads(printed.strip().splitlines()[-1])
        medians.append(statistics.median(delays))
        worst.append(max(delays))
    yield at_most("end to settlement, median", statistics.median(medians), 5, "ms")
    yield at_most(
        "end to settlement, worst of 500", statistics.median(worst), 50, "ms", "median of five runs"
    )


def size(scratch: Path) -> Iterator[Finding]:
    """What a million tasks cost, beside what few do."""
    peak: dict[int, float] = {}
    cost: dict[int, float] = {}
    for count, runs in ((1_000, 1), (10_000, 3), (1_000_000, 1)):
        tasks = tasks_file(scratch, count)
        seen = [_costs(tasks, count) for _ in range(runs)]
        cost[count] = statistics.median(each[0] for each in seen)
        peak[count] = statistics.median(each[1] for each in seen)
    yield at_most(
        "cost per task, 1,000,000 / 10,000 tasks",
        cost[1_000_000] / cost[10_000],
        1.1,
        "ratio",
        f"{cost[1_000_000] * 1e6:.0f} and {cost[10_000] * 1e6:.0f} us of CPU and wait, pool runner",
    )
    yield at_most("peak memory, 1,000,000 - 1,000 tasks", (peak[1_000_000] - peak[1_000]) / _MIB, 40, "MiB")
    yield figure("peak memory, 1,000 tasks", peak[1_000] / _MIB, "MiB")


def start_up(_scratch: Path) -> Iterator[Finding]:
    """Importing the package, in a new interpreter."""
    code = (
        "import time; began = time.perf_counter(); import cloud_tasks;"
        "from cloud_tasks.worker import Worker, WorkerData;"
        "print((time.perf_counter() - began) * 1000)"
    )
    seen = statistics.median(float(python("-c", code)) for _ in range(2 * RUNS + 1))
    yield at_most("import cloud_tasks and its public API", seen, 100, "ms")


def _throughput(tasks: Path, *options: str) -> float:
    return worker(tasks, "--num-simultaneous-tasks", "2", *options)["throughput_per_s"]


def _costs(tasks: Path, count: int) -> tuple[float, float]:
    """Seconds per task and peak memory in bytes, the file's check included."""
    program = str(ROOT / "benchmarks" / "programs" / "measured_noop.py")
    printed = python(program, "--task-file", str(tasks), "--runner", "pool", "--num-simultaneous-tasks", "2")
    seconds, peak_bytes = map(float, printed.strip().splitlines()[-1].split())
    return seconds / count, peak_bytes
