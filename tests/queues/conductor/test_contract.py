"""Conductor under the contract of every queue, and any sequence of calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from cloud_tasks.interfaces import TaskQueue
from tests.contracts.any_order import AnyOrderContract
from tests.contracts.harness import QueueHarness
from tests.contracts.task_queue import TaskQueueContract
from tests.queues.conductor.harness import ConductorHarness, WireHarness


class TestQueue(TaskQueueContract):
    @pytest.fixture
    def harness(self) -> QueueHarness:
        return ConductorHarness()


class TestWire(TaskQueueContract):
    @pytest.fixture
    def harness(self) -> QueueHarness:
        return WireHarness()

    async def test_aclose_leaves_no_task_behind(self, harness: QueueHarness, queue: TaskQueue) -> None:
        """The server is on the same loop, and ends before the tasks are counted."""
        assert isinstance(harness, WireHarness)
        poll = asyncio.create_task(queue.receive(1, 20.0))
        await harness.advance(0.0)
        await harness.drive(queue.aclose())
        await asyncio.gather(poll, return_exceptions=True)
        await harness.stop_serving()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}


class TestAnyOrder(AnyOrderContract):
    @pytest.fixture
    def make_harness(self) -> Callable[[], QueueHarness]:
        return ConductorHarness
