"""Attempts through the real worker in a second, with every judge on, beside bare awaits on event loops."""

from __future__ import annotations

import asyncio
import gc
import json
import selectors
import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from benchmarks.measuring import interleaved
from fakes.queue_options import QueueOptions
from simulation.garbage import look_for_garbage_rarely
from simulation.loop import SimulationLoop
from simulation.plan import BackendPlan, RunPlan, WorkerPlan, Workload
from simulation.run import run

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
        self, inner: type[selectors.BaseSelector] = selectors.SelectSelector, *, looks: bool = True
    ) -> None:
        self._jumping = JumpingSelector(inner(), looks=looks)
        super().__init__(self._jumping)

    def time(self) -> float:
        """The selector's."""
        return self._jumping.now_s


def main() -> None:
    """Print the median rates as JSON, each a second of one core."""
    look_for_garbage_rarely()
    rates = interleaved(
        {
            "one by one": lambda: _rate(lambda: run(STEADY).attempts),
            "of one length": lambda: _rate(lambda: run(IN_STEP).attempts),
            "select": lambda: _rate(lambda: _awaits(StockLoop())),
            "default": lambda: _rate(lambda: _awaits(StockLoop(selectors.DefaultSelector))),
            "never looks": lambda: _rate(lambda: _awaits(StockLoop(looks=False))),
            "ours": lambda: _rate(lambda: _awaits(SimulationLoop())),
        }
    )
    print(json.dumps(rates))


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


if __name__ == "__main__":
    main()
