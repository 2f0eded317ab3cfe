"""Databases under the contract of every queue."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloud_tasks.interfaces import TaskQueue, TaskSender
from cloud_tasks.queues.sql import SqlSettings
from tests.contracts.any_order import AnyOrderContract
from tests.contracts.harness import QueueHarness
from tests.contracts.task_queue import TaskQueueContract
from tests.contracts.task_sender import TaskSenderContract
from tests.queues.sql.conftest import KINDS
from tests.queues.sql.harness import SqlHarness


@pytest.mark.parametrize("kind", KINDS)
class TestQueue(TaskQueueContract):
    @pytest.fixture
    def harness(self, settings: SqlSettings) -> QueueHarness:
        return SqlHarness(settings)


@pytest.mark.parametrize("kind", KINDS)
class TestSender(TaskSenderContract):
    @pytest.fixture
    def harness(self, settings: SqlSettings) -> SqlHarness:
        return SqlHarness(settings)

    @pytest.fixture
    def sender(self, queue: TaskQueue, harness: SqlHarness) -> TaskSender:
        return harness.sender()


@pytest.mark.parametrize("kind", KINDS)
class TestAnyOrder(AnyOrderContract):
    examples = 5

    @pytest.fixture
    def make_harness(self, settings: SqlSettings) -> Callable[[], QueueHarness]:
        return lambda: SqlHarness(settings, lease_s=10.0, patience_s=0.01)
