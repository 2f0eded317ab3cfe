"""The contract of `TaskSender`: what every backend that can be sent to keeps. See README.md."""

from __future__ import annotations

import math
import re

import pytest

from cloud_tasks.core.task import Task
from cloud_tasks.errors import MessageRefusedError
from cloud_tasks.interfaces import TaskQueue, TaskSender
from tests.contracts.harness import QueueHarness
from tests.contracts.task_queue import QueueContract, ids_of, tasks_named


class TaskSenderContract(QueueContract):
    """Inherit from this in a class whose name begins with Test, and give `harness` and `sender`.

    The fixture `sender` depends on `queue`, and sends to it.
    """

    async def test_what_is_sent_arrives(
        self, harness: QueueHarness, queue: TaskQueue, sender: TaskSender
    ) -> None:
        task = Task("a", {"text": "\u2028ü", "big": 2**63, "deep": [[{"x": None}]]})
        await sender.send(task)
        (lease,) = await self.get(harness, queue, 1)
        assert lease.task == task

    async def test_many_are_sent(self, harness: QueueHarness, queue: TaskQueue, sender: TaskSender) -> None:
        names = [f"t{number:02}" for number in range(23)]
        await sender.send_many(iter(tasks_named(*names)))
        assert sorted(ids_of(await self.get(harness, queue, 23))) == names

    async def test_a_long_poll_wakes_at_the_end_of_a_delay(
        self, harness: QueueHarness, queue: TaskQueue, sender: TaskSender
    ) -> None:
        if not harness.delays_sends:
            pytest.skip("delays_sends is False")
        sent_at = harness.clock.monotonic()
        await sender.send(Task("a", {}), delay_s=1.0)
        await self.assert_nothing(queue)
        assert ids_of(await harness.drive(queue.receive(1, 15.0))) == ["a"]
        waited_s = harness.clock.monotonic() - sent_at
        assert waited_s == 1.0 if harness.virtual else waited_s >= 0.9

    @pytest.mark.parametrize("delay_s", [-1.0, math.nan])
    async def test_send_refuses_what_makes_no_sense(self, sender: TaskSender, delay_s: float) -> None:
        with pytest.raises(ValueError, match="delay_s"):
            await sender.send(Task("a", {}), delay_s=delay_s)

    @pytest.mark.parametrize("delay_s", [1e12, math.inf])
    async def test_send_refuses_a_delay_that_is_longer_than_it_can_keep(
        self, queue: TaskQueue, sender: TaskSender, delay_s: float
    ) -> None:
        with pytest.raises(ValueError, match=rf"delay_s is {re.escape(str(delay_s))}"):
            await sender.send(Task("a", {}), delay_s=delay_s)
        await self.assert_nothing(queue)

    async def test_a_task_that_is_too_large_is_refused_by_name(
        self, harness: QueueHarness, queue: TaskQueue, sender: TaskSender
    ) -> None:
        limit = queue.capabilities.message_size_bytes_max
        if limit is None:
            pytest.skip("message_size_bytes_max is None")
        tasks = [*tasks_named("a"), Task("too-large", {"text": "x" * limit}), *tasks_named("z")]
        with pytest.raises(MessageRefusedError, match="too-large") as caught:
            await sender.send_many(tasks)
        assert caught.value.task_id == "too-large"
        assert ids_of(await self.get(harness, queue, 1)) == ["a"]

    async def test_a_task_that_is_not_json_is_refused_by_name(
        self, queue: TaskQueue, sender: TaskSender
    ) -> None:
        with pytest.raises(MessageRefusedError, match="surrogate"):
            await sender.send(Task("a", {"text": "\ud800"}))
        await self.assert_nothing(queue)
