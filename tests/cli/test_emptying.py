from __future__ import annotations

import asyncio

from cloud_tasks.cli.emptying import EMPTY_S_MAX, empty
from cloud_tasks.core.task import Task
from fakes.clock import VirtualClock
from fakes.queue_model import InMemoryQueue


class PurgedOnceAMinute:
    """A queue whose purges are without effect for a minute after one that had some, as SQS has it."""

    def __init__(self, clock: VirtualClock, every_s: float = 60.0) -> None:
        self.queue = InMemoryQueue(clock)
        self.peek, self.depth = self.queue.peek, self.queue.depth
        self.create, self.delete = self.queue.create, self.queue.delete
        self._clock = clock
        self._every_s = every_s
        self._purged_at = float("-inf")

    async def purge(self) -> None:
        if self._clock.monotonic() >= self._purged_at + self._every_s:
            self._purged_at = self._clock.monotonic()
            await self.queue.purge()


async def emptied(inspector: PurgedOnceAMinute, clock: VirtualClock) -> int:
    call = asyncio.ensure_future(empty(inspector, clock))
    while not call.done():
        await clock.run_for(1.0)
    return await call


async def test_f38_a_purge_that_had_no_effect_is_noticed_and_repeated() -> None:
    clock = VirtualClock()
    inspector = PurgedOnceAMinute(clock)
    await inspector.queue.send(Task("a", {}))
    assert await emptied(inspector, clock) == 0
    await inspector.queue.send(Task("b", {}))
    assert await emptied(inspector, clock) == 0
    assert (await inspector.depth())["visible"] == 0
    assert clock.monotonic() >= 60


async def test_a_queue_that_cannot_be_emptied_is_told() -> None:
    clock = VirtualClock()
    inspector = PurgedOnceAMinute(clock, every_s=float("inf"))
    await inspector.purge()
    await inspector.queue.send(Task("stays", {}))
    assert await emptied(inspector, clock) == 1
    assert EMPTY_S_MAX <= clock.monotonic() <= EMPTY_S_MAX + 5
