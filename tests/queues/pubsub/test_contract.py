"""Pub/Sub under the contract of every queue: the backend on the model, and through the real client."""

from __future__ import annotations

import os

import pytest
import pytest_asyncio

from cloud_tasks.interfaces import TaskQueue, TaskSender
from tests.contracts.harness import QueueHarness
from tests.contracts.task_queue import QueueContract, TaskQueueContract
from tests.contracts.task_sender import TaskSenderContract
from tests.queues.pubsub.harness import Cloud, ModelHarness, PubSubHarness
from tests.queues.pubsub.service import StandIn

CLOUD_PROJECT = "CLOUD_TASKS_TEST_PUBSUB_PROJECT"
"""Names a project in which the tests may create and delete queues: with the credentials of the environment in
Google Cloud, which costs money; or, if `PUBSUB_EMULATOR_HOST` is set, there."""


class PubSubSenderContract(TaskSenderContract):
    @pytest_asyncio.fixture
    async def sender(self, queue: TaskQueue, harness: PubSubHarness) -> TaskSender:
        return await harness.sender()


class TestModel(TaskQueueContract):
    @pytest.fixture(params=[True, False], ids=["exactly-once", "plain"])
    def harness(self, request: pytest.FixtureRequest) -> QueueHarness:
        return ModelHarness(exactly_once=request.param)


class TestModelSender(PubSubSenderContract):
    @pytest.fixture
    def harness(self) -> PubSubHarness:
        return ModelHarness(exactly_once=False)


class TestWire(TaskQueueContract):
    @pytest.fixture
    def harness(self) -> QueueHarness:
        return PubSubHarness(StandIn(), exactly_once=True, patience_s=1.0)


class TestWirePlain(QueueContract):
    """Where the answers are others without exactly-once delivery; the model is held to all of it above."""

    test_a_task_arrives_as_it_was_sent = TaskQueueContract.test_a_task_arrives_as_it_was_sent
    test_an_expired_lease_is_delivered_again = (
        TaskQueueContract.test_an_expired_lease_is_delivered_again_under_a_new_receipt
    )
    test_extend_counts_from_now = TaskQueueContract.test_extend_counts_from_now
    test_ack_is_final = TaskQueueContract.test_ack_is_final
    test_what_is_acked_stays_so = TaskQueueContract.test_what_is_acked_stays_so
    test_ack_after_expiry_says_the_truth = TaskQueueContract.test_ack_after_expiry_says_the_truth
    test_an_unknown_lease_settles_nothing = TaskQueueContract.test_an_unknown_lease_settles_nothing
    test_nack_brings_the_task_back_at_once = TaskQueueContract.test_nack_brings_the_task_back_at_once
    test_dead_letter = TaskQueueContract.test_dead_letter_keeps_the_message_byte_for_byte

    @pytest.fixture
    def harness(self) -> QueueHarness:
        return PubSubHarness(StandIn(), exactly_once=False, patience_s=1.0)


class TestWireSender(PubSubSenderContract):
    @pytest.fixture
    def harness(self) -> PubSubHarness:
        return PubSubHarness(StandIn(), exactly_once=False, patience_s=1.0)


if os.environ.get(CLOUD_PROJECT):

    class CloudHarness:
        @pytest.fixture(params=[True, False], ids=["exactly-once", "plain"])
        def harness(self, request: pytest.FixtureRequest) -> PubSubHarness:
            cloud = Cloud(os.environ[CLOUD_PROJECT])
            return PubSubHarness(cloud, exactly_once=request.param, patience_s=5.0)

    class TestCloud(CloudHarness, TaskQueueContract):
        pass

    class TestCloudSender(CloudHarness, PubSubSenderContract):
        pass
