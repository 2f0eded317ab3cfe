"""RabbitMQ under the contract of every queue, and any sequence of calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
import pytest_asyncio
from hypothesis import Phase

from cloud_tasks.interfaces import TaskQueue, TaskSender
from tests.contracts.any_order import AnyOrderContract
from tests.contracts.harness import QueueHarness
from tests.contracts.task_queue import TaskQueueContract
from tests.contracts.task_sender import TaskSenderContract
from tests.queues.rabbitmq.harness import FastHarness, RabbitHarness
from tests.runners.driving import until
from tests.services.rabbitmq import RabbitmqServer


class TestQueue(TaskQueueContract):
    @pytest.fixture
    def harness(self, rabbitmq_server: RabbitmqServer) -> QueueHarness:
        return RabbitHarness(rabbitmq_server.url)

    async def test_aclose_leaves_no_task_behind(self, harness: QueueHarness, queue: TaskQueue) -> None:
        """The connection has tasks of its own, and belongs to the driver."""
        assert isinstance(harness, RabbitHarness)
        await self.assert_nothing(queue)
        poll = asyncio.create_task(queue.receive(1, 20.0))
        await harness.advance(0.0)
        await queue.aclose()
        await asyncio.gather(poll, return_exceptions=True)
        await harness.driver.disconnect()
        # The library lets go of its sockets.
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})


class TestSender(TaskSenderContract):
    @pytest.fixture
    def harness(self, rabbitmq_server: RabbitmqServer) -> RabbitHarness:
        return RabbitHarness(rabbitmq_server.url)

    @pytest_asyncio.fixture
    async def sender(self, queue: TaskQueue, harness: RabbitHarness) -> TaskSender:
        return harness.sender()


class TestAnyOrder(AnyOrderContract):
    """In real time: few examples."""

    examples = 2
    phases = (Phase.generate,)

    @pytest.fixture
    def make_harness(self, rabbitmq_server: RabbitmqServer) -> Callable[[], QueueHarness]:
        return partial(FastHarness, rabbitmq_server.url)
