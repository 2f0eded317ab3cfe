"""Pub/Sub under the contract of every queue, through the real client."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cloud_tasks.interfaces import TaskQueue, TaskSender
from tests.contracts.harness import QueueHarness
from tests.contracts.task_queue import TaskQueueContract
from tests.contracts.task_sender import TaskSenderContract
from tests.queues.pubsub.harness import Cloud, PubSubHarness
from tests.queues.pubsub.service import StandIn

CLOUD_PROJECT = "CLOUD_TASKS_TEST_PUBSUB_PROJECT"
"""Names a project of Google Cloud in which the tests may create and delete queues; costs money."""


class TestExactlyOnce(TaskQueueContract):
    @pytest.fixture
    def harness(self) -> QueueHarness:
        return PubSubHarness(StandIn(), exactly_once=True, patience_s=1.0)


class TestPlain(TaskQueueContract):
    @pytest.fixture
    def harness(self) -> QueueHarness:
        return PubSubHarness(StandIn(), exactly_once=False, patience_s=1.0)


class TestSender(TaskSenderContract):
    @pytest.fixture
    def harness(self) -> PubSubHarness:
        return PubSubHarness(StandIn(), exactly_once=False, patience_s=1.0)

    @pytest_asyncio.fixture
    async def sender(self, queue: TaskQueue, harness: PubSubHarness) -> AsyncIterator[TaskSender]:
        yield await harness.sender()


if os.environ.get(CLOUD_PROJECT):

    class TestGoogle(TaskQueueContract):
        @pytest.fixture(params=[True, False], ids=["exactly-once", "plain"])
        def harness(self, request: pytest.FixtureRequest) -> QueueHarness:
            cloud = Cloud(os.environ[CLOUD_PROJECT])
            return PubSubHarness(cloud, exactly_once=request.param, patience_s=5.0)
