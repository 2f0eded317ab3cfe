"""Several runners side by side: each task goes its own way, and all hear of everything."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from cloud_tasks.core.task import EndKind, RunEnd, Task
from cloud_tasks.interfaces import RunSpec
from cloud_tasks.runners.inline import InlineRunner
from cloud_tasks.runners.pool import PoolRunner
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.routed import RoutedRunner
from cloud_tasks.runners.worker_data import WorkerData
from tests.runners.driving import Written


async def on_the_loop(
    task_id: str, task_data: dict[str, object], worker_data: WorkerData
) -> tuple[bool, int]:
    while task_data.get("until_told") and not worker_data.received_shutdown_request:  # noqa: ASYNC110 - a flag
        await asyncio.sleep(0.01)
    return False, os.getpid()


def in_a_process(task_id: str, task_data: dict[str, object], worker_data: WorkerData) -> tuple[bool, int]:
    return False, os.getpid()


class Ends:
    """Remembers how runs ended."""

    def __init__(self) -> None:
        self.ends: dict[str, RunEnd] = {}
        self.changed = asyncio.Event()

    def of(self, task_id: str) -> Listener:
        return Listener(lambda end: self._end(task_id, end))

    def _end(self, task_id: str, end: RunEnd) -> None:
        self.ends[task_id] = end
        self.changed.set()

    async def wait_for(self, count: int) -> None:
        while len(self.ends) < count:
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 30)


class Listener:
    def __init__(self, over: Callable[[RunEnd], None]) -> None:
        self.ended = self.finished = over

    def started(self, pid: int | None) -> None: ...
    def start_failed(self, reason: str) -> None:
        raise AssertionError(reason)

    def progress(self, done: float, total: float | None) -> None: ...
    def gone(self) -> None: ...


async def test_each_task_goes_its_own_way() -> None:
    runner = RoutedRunner(
        {
            "pool": PoolRunner(Program(in_a_process, WorkerData()), members=1, output=Written()),
            "loop": InlineRunner(Program(on_the_loop, WorkerData()), concurrency=2),
        },
        lambda task: task.task_id.partition("-")[0],
    )
    ends = Ends()
    await runner.open()
    try:
        for name, data in (("pool-1", {}), ("loop-1", {}), ("loop-2", {"until_told": True})):
            runner.start(RunSpec(Task(name, data), 1), ends.of(name))
        await ends.wait_for(2)
        assert "loop-2" not in ends.ends
        runner.notify(shutdown=True)
        await ends.wait_for(3)
    finally:
        await runner.aclose()
    assert {end.kind for end in ends.ends.values()} == {EndKind.RETURNED}
    pids = {name: int(bytes(end.result)) for name, end in ends.ends.items()}  # type: ignore[arg-type] # bytes in a Raw
    assert pids["loop-1"] == pids["loop-2"] == os.getpid() != pids["pool-1"]
