"""Redis under the contract of every queue, and any sequence of calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import pytest_asyncio

from cloud_tasks.interfaces import TaskQueue, TaskSender
from tests.contracts.any_order import AnyOrderContract
from tests.contracts.harness import QueueHarness
from tests.contracts.task_queue import TaskQueueContract
from tests.contracts.task_sender import TaskSenderContract
from tests.queues.redis_streams.harness import RedisHarness
from tests.services.redis import RedisServer


class TestQueue(TaskQueueContract):
    @pytest.fixture
    def harness(self, redis_server: RedisServer) -> QueueHarness:
        return RedisHarness(redis_server.url)


class TestSender(TaskSenderContract):
    @pytest.fixture
    def harness(self, redis_server: RedisServer) -> RedisHarness:
        return RedisHarness(redis_server.url)

    @pytest_asyncio.fixture
    async def sender(self, queue: TaskQueue, harness: RedisHarness) -> TaskSender:
        return harness.sender()


class TestAnyOrder(AnyOrderContract):
    @pytest.fixture
    def make_harness(self, redis_server: RedisServer) -> Callable[[], QueueHarness]:
        return partial(RedisHarness, redis_server.url, lease_s=10.0, patience_s=0.0)
