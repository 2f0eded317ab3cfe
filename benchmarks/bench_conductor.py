"""Conductor workers, ours and those of the published clients, on one stand-in; see `draining.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.draining import drain
from benchmarks.measuring import ROOT, Finding, at_least, figure, interleaved, missing
from benchmarks.peers.installed import PYTHON, versions

COUNT = int(os.environ.get("BENCH_CONDUCTOR_TASKS", "5000"))
FEW = 100
"""For those that run ten a second."""
RUNS = int(os.environ.get("BENCH_RUNS", "3"))
CONCURRENCY = 20
SWIFT, OSS = "swift-conductor-client", "conductor-python"


def conductor(_scratch: Path) -> Iterator[Finding]:
    """One worker of each; then as many tasks at a time as another."""
    found = versions()
    why = "left out: not in .venv-peers, see `make bench-peers`"
    yield from (missing(name, why) for name in (SWIFT, OSS) if name not in found)
    alone: dict[str, Callable[[], float]] = {"ours, one at a time": _ours("async", 1)}
    many = {
        f"ours, {runner}": _ours(runner, CONCURRENCY) for runner in ("async", "thread", "pool", "process")
    }
    if SWIFT in found:
        alone[SWIFT] = _peer("on_swift_conductor", "work", 1, FEW)
        alone[f"{SWIFT}, without pauses"] = _peer("on_swift_conductor", "work", 1, BENCH_INTERVAL_MS="0.01")
    if OSS in found:
        many[OSS] = _peer("on_conductor_python", "work", CONCURRENCY)
        many[f"{OSS}, async"] = _peer("on_conductor_python", "work_on_loop", CONCURRENCY)
    rates = interleaved({**alone, **many}, RUNS)
    detail = f"{COUNT:,} no-op tasks, medians of {RUNS}, {CONCURRENCY} at a time unless it says otherwise"
    for name, rate in sorted(rates.items(), key=lambda item: -item[1]):
        version = found.get(name.partition(",")[0], "")
        yield figure(f"Conductor: {name}", rate, "tasks/s", version or detail)
    if SWIFT in found:
        slow, ours = rates[SWIFT], rates["ours, one at a time"]
        yield at_least(f"Conductor: one at a time / {SWIFT}", ours / slow, 5, "ratio")
        fast = rates[f"{SWIFT}, without pauses"]
        yield figure("Conductor: the same, its pauses taken away", ours / fast, "ratio")
    if OSS in found:
        best = max(rates[OSS], rates[f"{OSS}, async"])
        yield at_least(f"Conductor: threads / {OSS}", rates["ours, thread"] / rates[OSS], 1.2, "ratio")
        yield at_least(f"Conductor: async / {OSS}, its best", rates["ours, async"] / best, 1.2, "ratio")


def _ours(runner: str, concurrency: int) -> Callable[[], float]:
    command = [sys.executable, "-m", "benchmarks.programs.conductor_workers", runner]
    return partial(_rate, command, concurrency, COUNT, {})


def _peer(
    module: str, function: str, concurrency: int, count: int = COUNT, **env: str
) -> Callable[[], float]:
    command = [str(PYTHON), "-m", "benchmarks.peers.run", module, function]
    return partial(_rate, command, concurrency, count, env)


def _rate(command: list[str], concurrency: int, count: int, env: dict[str, str]) -> float:
    with _server(count) as url:
        told = {"BENCH_CONDUCTOR_URL": url, "BENCH_CONCURRENCY": str(concurrency), **env}
        seen = drain([command], told, count)
    return count / seen.took_s


@contextmanager
def _server(count: int) -> Iterator[str]:
    """The stand-in, with so many tasks; its address."""
    with subprocess.Popen(  # noqa: S603 - our own program
        [
            *(sys.executable, "-m", "fakes.conductor", "--port", "0"),
            *("--task-type", "noop", "--tasks", str(count)),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().removeprefix("listening on ").strip()
        finally:
            process.terminate()
