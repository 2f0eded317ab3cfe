"""The simulation beside the stock event loop, and beside itself with more processes."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import selectors
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from benchmarks.measuring import Finding, at_least, at_most, figure, interleaved, python
from fakes.queue_options import QueueOptions
from simulation.garbage import look_for_garbage_rarely
from simulation.loop import SimulationLoop
from simulation.many import Span, run_many
from simulation.plan import BackendPlan, RunPlan, WorkerPlan, Workload
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
    backend=BackendPlan(gathers_acks=True),
    faults_s=1.0,
    policy="turn",
)
IN_STEP = replace(
    STEADY,
    workload=replace(STEADY.workload, spread=0.0),
    worker=replace(STEADY.worker, num_simultaneous_tasks=40),
)
"""Tasks of one length begin and end together: a receive brings ten of them."""
FLEET = Path(__file__).with_name("fleet.yaml")
FLEET_S_MAX = 300.0
FLEET_GIB_MAX = 4.0
SWARM_S = 15.0
_DAY_S = 86_400


class JumpingSelector(selectors.BaseSelector):
    """Where it would wait, the clock jumps.

    Args:
        inner: What looks after the loop's own socket.
        looks: Whether it looks there each time, before the clock jumps, so that other threads can wake the
            loop; the quickest never looks.
    """

    def __init__(self, inner: selectors.BaseSelector, *, looks: bool) -> None:
        self.now_s = 0.0
        self._inner = inner
        self._looks = looks

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
        """Let the time go by, unless something is there."""
        found = self._inner.select(0.0) if self._looks else []
        if not found:
            self.now_s += max(timeout or 0.0, 0.0)
        return found


class StockLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop under such a selector.

    Args:
        inner: See `JumpingSelector`.
        looks: Likewise.
    """

    def __init__(
        self, inner: type[selectors.BaseSelector] = selectors.SelectSelector, *, looks: bool = False
    ) -> None:
        self._jumping = JumpingSelector(inner(), looks=looks)
        super().__init__(self._jumping)

    def time(self) -> float:
        """The selector's."""
        return self._jumping.now_s


def simulation(_scratch: Path) -> Iterator[Finding]:
    """Attempts through the real worker, with every judge on, beside bare awaits."""
    look_for_garbage_rarely()
    seen = interleaved(
        {
            "worker": lambda: _rate(lambda: run(STEADY).attempts),
            "in step": lambda: _rate(lambda: run(IN_STEP).attempts),
            "stock": lambda: _rate(lambda: _awaits(StockLoop())),
            "select": lambda: _rate(lambda: _awaits(StockLoop(looks=True))),
            "default": lambda: _rate(lambda: _awaits(StockLoop(selectors.DefaultSelector, looks=True))),
            "ours": lambda: _rate(lambda: _awaits(SimulationLoop())),
        }
    )
    detail = f"stock {seen['stock']:,.0f}/s, our loop {seen['ours']:,.0f}/s"
    for name, kind in (("worker", "that end one by one"), ("in step", "of one length")):
        yield at_least(f"attempts of tasks {kind}, a second and core", seen[name], 10_000, "/s")
        yield at_least(
            f"attempts of tasks {kind} / six awaits, stock loop",
            seen[name] / seen["stock"],
            0.5,
            "ratio",
            detail,
        )
    for name, kind in (("select", "selectors.SelectSelector"), ("default", "selectors.DefaultSelector")):
        shares = [f"{seen[load] / seen[name]:.3f}" for load in ("worker", "in step")]
        beside = f"attempts one by one {shares[0]} of that, of one length {shares[1]}"
        yield figure(f"six awaits, stock loop that looks at its socket ({kind})", seen[name], "/s", beside)


def fleet(_scratch: Path) -> Iterator[Finding]:
    """A thousand workers and a million tasks, on one core."""
    told = json.loads(python("-m", "benchmarks.programs.fleet", str(FLEET), timeout_s=1_800.0))
    if told["violations"]:
        raise RuntimeError(f"{told['violations']} violations in {FLEET}")
    detail = f"{told['attempts']:,} attempts, {told['attempts'] / told['wall_s']:,.0f}/s"
    yield at_most("1,000 workers, 1,000,000 tasks, one core", told["wall_s"], FLEET_S_MAX, "s", detail)
    yield at_most("peak memory of that", told["peak_bytes"] / 2**30, FLEET_GIB_MAX, "GiB")


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
