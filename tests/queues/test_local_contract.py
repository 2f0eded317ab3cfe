"""The local source under the contract of every queue."""

from __future__ import annotations

import queue as threads_queue
from collections.abc import Iterator

import pytest

from cloud_tasks.core.message import decode_task, encode_task
from cloud_tasks.core.task import MalformedTask, Task
from cloud_tasks.interfaces import TaskQueue
from cloud_tasks.queues.local import LocalQueue
from tests.contracts.harness import QueueHarness, RealTime
from tests.contracts.task_queue import TaskQueueContract


class LocalHarness(RealTime):
    """Feeds a source that blocks until the test sends something."""

    lease_s = 0.05
    patience_s = 10.0
    strict_receipts = True
    keeps_order = True
    delays_sends = True
    text_only = False

    def __init__(self, read_ahead_max: int) -> None:
        super().__init__()
        self.arrivals: threads_queue.SimpleQueue[bytes | None] = threads_queue.SimpleQueue()
        self.queue = LocalQueue(self.source, convert=self.convert, read_ahead_max=read_ahead_max)

    def source(self) -> Iterator[bytes]:
        return iter(self.arrivals.get, None)

    def convert(self, item: object) -> Task | MalformedTask:
        assert isinstance(item, bytes)
        return decode_task(item)

    async def open(self) -> TaskQueue:
        return self.queue

    async def send(self, *tasks: Task) -> None:
        for task in tasks:
            self.arrivals.put(encode_task(task))

    async def send_raw(self, body: bytes) -> None:
        self.arrivals.put(body)

    async def end(self) -> None:
        self.arrivals.put(None)

    async def dead_letters(self) -> list[tuple[bytes, str]]:
        raise AssertionError("a local source keeps none")

    async def aclose(self) -> None:
        await self.queue.aclose()
        self.arrivals.put(None)


@pytest.mark.parametrize("read_ahead_max", [1, 1000])
class TestLocalQueue(TaskQueueContract):
    @pytest.fixture
    def harness(self, read_ahead_max: int) -> QueueHarness:
        return LocalHarness(read_ahead_max)
