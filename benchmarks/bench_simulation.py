"""The simulation beside the stock event loop, and beside itself with more processes."""

from __future__ import annotations

import asyncio
import gc
import os
import selectors
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measuring import Finding, at_least, figure, interleaved
from fakes.queue_options import QueueOptions
from simulation.loop import SimulationLoop
from simulation.many import Span, run_many
from simulation.plan import RunPlan, WorkerPlan, Workload
from simulation.run import run
from simulation.swarm import draw_plan
from simulation.tally import Tally

TASKS = 4_000
AWAITS = 6
STEADY = RunPlan(
    seed=1,
    workload=Workload(tasks=TASKS, duration_s=10.0),
    worker=WorkerPlan(workers=4, num_simultaneous_tasks=10, max_runtime_s=60.0),
    queue=QueueOptions(lease_s=120.0),
    faults_s=1.0,
    policy="turn",
)
SWARM_S = 15.0
_DAY_S = 86_400


class JumpingSelector(selectors.BaseSelector):
    """Has no sockets: where it would wait, the clock jumps."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._inner = selectors.SelectSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As the inner one."""
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """As the inner one."""
        return self._inner.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """As the inner one."""
        return self._inner.get_map()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time go by."""
        self.now_s += max(timeout or 0.0, 0.0)
        return []


class StockLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop under such a selector."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The selector's."""
        return self._jumping.now_s


def simulation(_scratch: Path) -> Iterator[Finding]:
    """Attempts through the real worker, with every judge on, beside bare awaits."""
    seen = interleaved(
        {
            "worker": lambda: _rate(lambda: run(STEADY).attempts),
            "stock": lambda: _rate(lambda: _awaits(StockLoop())),
            "ours": lambda: _rate(lambda: _awaits(SimulationLoop())),
        }
    )
    detail = f"worker {seen['worker']:,.0f}/s, stock {seen['stock']:,.0f}/s, our loop {seen['ours']:,.0f}/s"
    yield at_least("attempts through the worker, a second and core", seen["worker"], 10_000, "/s")
    yield at_least(
        "attempts through the worker / tasks of six awaits, stock loop",
        seen["worker"] / seen["stock"],
        0.5,
        "ratio",
        detail,
    )


def swarm(_scratch: Path) -> Iterator[Finding]:
    """Seeds of the swarm, on one core and on two."""
    seen = interleaved({"1": lambda: _seeds_per_s(1), "2": lambda: _seeds_per_s(2)}, 3)
    detail = f"{seen['1']:,.1f} and {seen['2']:,.1f} seeds/s, {os.cpu_count()} cores"
    yield at_least("seeds with two processes / with one", seen["2"] / seen["1"], 1.7, "ratio", detail)
    tally = _swarm(os.cpu_count() or 1)
    yield at_least(
        "virtual days in a minute, all cores", tally.virtual_s / _DAY_S * 60 / SWARM_S, 100, "days"
    )
    yield figure("attempts in the swarm, a second and core", tally.attempts / tally.cpu_s, "/s")


def _rate(work: Callable[[], int]) -> float:
    gc.collect()
    began = time.process_time()
    count = work()
    return count / (time.process_time() - began)


def _awaits(loop: Any) -> int:
    async def tasks() -> None:
        for _ in range(TASKS):
            for _ in range(AWAITS):
                await asyncio.sleep(0.001)

    try:
        loop.run_until_complete(tasks())
    finally:
        loop.close()
    return TASKS


def _swarm(jobs: int) -> Tally:
    tally = Tally()
    for part in run_many(draw_plan, Span(), jobs=jobs, time_s=SWARM_S):
        tally.add(part)
    return tally


def _seeds_per_s(jobs: int) -> float:
    return _swarm(jobs).total / SWARM_S
