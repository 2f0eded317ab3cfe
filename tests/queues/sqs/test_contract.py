"""SQS under the contract of every queue, through boto3."""

from __future__ import annotations

import asyncio
import os
import secrets

import pytest
import pytest_asyncio

from cloud_tasks.interfaces import TaskQueue, TaskSender
from cloud_tasks.queues.sqs.settings import SqsSettings
from tests.contracts.harness import QueueHarness
from tests.contracts.task_queue import QueueContract, TaskQueueContract
from tests.contracts.task_sender import TaskSenderContract
from tests.queues.sqs.harness import SqsHarness, WireHarness, stand_in_settings

CLOUD_REGION = "CLOUD_TASKS_TEST_SQS_REGION"
"""Names a region of AWS in which the tests may create and delete queues, with the credentials and the address
that boto3 finds in the environment; costs money."""


class SqsSenderContract(TaskSenderContract):
    @pytest_asyncio.fixture
    async def sender(self, queue: TaskQueue, harness: SqsHarness) -> TaskSender:
        return await harness.sender()


class TestWire(TaskQueueContract):
    @pytest.fixture(params=[False, True], ids=["standard", "fifo"])
    def harness(self, request: pytest.FixtureRequest) -> QueueHarness:
        return WireHarness(exactly_once=request.param)

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


class TestSender(SqsSenderContract):
    @pytest.fixture(params=[False, True], ids=["standard", "fifo"])
    def harness(self, request: pytest.FixtureRequest) -> SqsHarness:
        return WireHarness(exactly_once=request.param)


class TestMoto(QueueContract):
    """What a service that we have not written tells us; all of it would take a minute and a half."""

    test_a_task_arrives_as_it_was_sent = TaskQueueContract.test_a_task_arrives_as_it_was_sent
    test_f14_f23_a_malformed_message = (
        TaskQueueContract.test_f14_f23_a_malformed_message_does_not_hold_up_its_batch
    )
    test_a_long_poll_wakes_on_arrival = TaskQueueContract.test_a_long_poll_wakes_on_arrival
    test_an_expired_lease_is_delivered_again = (
        TaskQueueContract.test_an_expired_lease_is_delivered_again_under_a_new_receipt
    )
    test_extend_counts_from_now = TaskQueueContract.test_extend_counts_from_now
    test_nack_brings_the_task_back_at_once = TaskQueueContract.test_nack_brings_the_task_back_at_once
    test_dead_letter = TaskQueueContract.test_dead_letter_keeps_the_message_byte_for_byte
    test_many_are_sent = TaskSenderContract.test_many_are_sent

    @pytest.fixture
    def harness(self, moto_url: str) -> SqsHarness:
        return SqsHarness(stand_in_settings(moto_url))

    @pytest_asyncio.fixture
    async def sender(self, queue: TaskQueue, harness: SqsHarness) -> TaskSender:
        return await harness.sender()


if os.environ.get(CLOUD_REGION):

    class CloudHarness:
        @pytest.fixture(params=[False, True], ids=["standard", "fifo"])
        def harness(self, request: pytest.FixtureRequest) -> SqsHarness:
            settings = SqsSettings(
                task_queue=f"contract-{secrets.token_hex(4)}",
                region=os.environ[CLOUD_REGION],
                exactly_once=request.param,
            )
            return SqsHarness(settings, lease_s=10.0, patience_s=5.0)

    class TestAws(CloudHarness, TaskQueueContract):
        pass

    class TestAwsSender(CloudHarness, SqsSenderContract):
        pass
