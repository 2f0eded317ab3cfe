"""The queue model under the contract of every queue."""

from __future__ import annotations

import pytest

from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import TaskQueue, TaskSender
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions
from tests.contracts.harness import QueueHarness, VirtualTime
from tests.contracts.task_queue import TaskQueueContract
from tests.contracts.task_sender import TaskSenderContract


class InMemoryHarness(VirtualTime):
    keeps_order = True
    delays_sends = True
    text_only = False

    def __init__(self, options: QueueOptions) -> None:
        super().__init__()
        self.lease_s = options.lease_s
        self.patience_s = options.lease_s / 10
        self.strict_receipts = not options.settles_after_expiry
        self.model = InMemoryQueue(self.clock, options)

    async def open(self) -> TaskQueue:
        return self.model

    async def send(self, *tasks: Task) -> None:
        await self.model.send_many(tasks)

    async def send_raw(self, body: bytes) -> None:
        await self.model.send_raw(body)

    async def end(self) -> None:
        raise AssertionError("the queue has no end")

    async def dead_letters(self) -> list[tuple[bytes, str]]:
        return [(letter.body, letter.reason) for letter in self.model.dead_letters]

    async def aclose(self) -> None:
        await self.model.aclose()


class TestStrict(TaskQueueContract):
    @pytest.fixture
    def harness(self) -> QueueHarness:
        return InMemoryHarness(QueueOptions())


class TestAsForgivingAsSqs(TaskQueueContract):
    @pytest.fixture
    def harness(self) -> QueueHarness:
        return InMemoryHarness(QueueOptions(settles_after_expiry=True, counts_interruptions=False))


class TestWithOtherLimits(TaskQueueContract):
    @pytest.fixture
    def harness(self) -> QueueHarness:
        return InMemoryHarness(
            QueueOptions(
                lease_s=2.0, lease_s_max=600.0, lease_total_s_max=900.0, delay_s_max=0.0, batch_size_max=1
            )
        )


class TestSender(TaskSenderContract):
    @pytest.fixture
    def harness(self) -> QueueHarness:
        return InMemoryHarness(QueueOptions())

    @pytest.fixture
    def sender(self, queue: TaskQueue) -> TaskSender:
        assert isinstance(queue, InMemoryQueue)
        return queue
