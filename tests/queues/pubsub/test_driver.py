"""Queues of Pub/Sub by name: made when they are wanted, dead letters to look at, and what cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from google.pubsub_v1 import types

from cloud_tasks.compose.transports import open_transport
from cloud_tasks.core.task import HandBack, Lease, Outcome, OutcomeKind, Task
from cloud_tasks.errors import ConfigurationError, LeaseLostError, QueueUnavailableError
from cloud_tasks.interfaces import TaskQueue, TaskSender
from cloud_tasks.queues.pubsub.names import queue_names
from cloud_tasks.queues.pubsub.resources import Resources
from tests.contracts.harness import QueueHarness
from tests.contracts.task_queue import TaskQueueContract, ids_of, tasks_named
from tests.contracts.task_sender import TaskSenderContract
from tests.queues.pubsub.driven import DriverHarness
from tests.queues.pubsub.service import StandIn

DONE = Outcome(OutcomeKind.COMPLETED)


class TestContract(TaskQueueContract):
    @pytest.fixture
    def harness(self) -> QueueHarness:
        return DriverHarness()


class TestSenderContract(TaskSenderContract):
    @pytest.fixture
    def harness(self) -> QueueHarness:
        return DriverHarness()

    @pytest_asyncio.fixture
    async def sender(self, queue: TaskQueue, harness: DriverHarness) -> TaskSender:
        return await harness.sender()


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[DriverHarness]:
    bench = DriverHarness()
    await bench.open()
    yield bench
    await bench.aclose()


async def take(bench: DriverHarness, queue: str, count: int = 10) -> list[Lease]:
    return await bench.drive(bench.driver.tasks(queue, 10.0).receive(count, 1.0))


async def bury(bench: DriverHarness, *names: str) -> None:
    await bench.driver.sender("q").send_many(tasks_named(*names))
    queue = bench.driver.tasks("q", 10.0)
    for lease in sorted(await bench.drive(queue.receive(10, 1.0)), key=lambda one: one.key):
        await bench.advance(1.0)
        assert isinstance(lease.task, Task)
        await queue.dead_letter(lease, f"{lease.task.task_id} is bad")


class TestByName:
    async def test_a_task_that_is_sent_before_anybody_takes_any_is_kept(self, bench: DriverHarness) -> None:
        await bench.driver.sender("q").send(Task("a", {"x": 1}))
        (lease,) = await take(bench, "q")
        assert lease.task == Task("a", {"x": 1})
        assert lease.delivery_count == 1

    async def test_each_has_its_own_tasks(self, bench: DriverHarness) -> None:
        await bench.driver.sender("one").send(Task("a", {}))
        await bench.driver.sender("two").send(Task("b", {}))
        assert ids_of(await take(bench, "one")) == ["a"]
        assert ids_of(await take(bench, "two")) == ["b"]
        assert await bench.driver.queue_names() == ["one", "two"]

    async def test_it_is_looked_at_and_managed(self, bench: DriverHarness) -> None:
        inspector = bench.driver.inspector("q")
        await inspector.create()
        await inspector.create()
        await bench.driver.sender("q").send_many(tasks_named("a", "b"))
        assert await inspector.depth() == {"visible": 2, "dead": 0}
        assert len(await inspector.peek(5)) == 2
        await bench.advance(1.0)
        await inspector.purge()
        assert await inspector.depth() == {"visible": 0, "dead": 0}

    async def test_what_was_deleted_is_made_anew(self, bench: DriverHarness) -> None:
        sender = bench.driver.sender("q")
        await sender.send(Task("a", {}))
        await bench.driver.inspector("q").delete()
        await sender.send(Task("b", {}))
        assert ids_of(await take(bench, "q")) == ["b"]

    async def test_what_others_delete_is_made_anew_at_the_second_try(self, bench: DriverHarness) -> None:
        sender = bench.driver.sender("q")
        await sender.send(Task("a", {}))
        resources, names = Resources(bench.calls), queue_names(bench.project_id, "q")
        await resources.delete_subscription(names.subscription)
        await resources.delete_topic(names.topic)
        with pytest.raises(QueueUnavailableError, match="NOT_FOUND"):
            await sender.send(Task("b", {}))
        await sender.send(Task("b", {}))
        assert ids_of(await take(bench, "q")) == ["b"]

    async def test_one_that_counts_no_deliveries_is_not_used(self, bench: DriverHarness) -> None:
        resources, names = Resources(bench.calls), queue_names(bench.project_id, "q")
        await resources.create_topic(names.topic)
        await resources.create_subscription(types.Subscription(name=names.subscription, topic=names.topic))
        with pytest.raises(QueueUnavailableError, match="no dead-letter policy"):
            await take(bench, "q")

    async def test_a_lease_of_nobody_settles_nothing(self, bench: DriverHarness) -> None:
        queue = bench.driver.tasks("q", 30.0)
        with pytest.raises(LeaseLostError):
            await queue.nack(Lease(Task("a", {}), "k", "r"), 0.0, HandBack.RETRY)


class TestWhatPubSubCannot:
    async def test_a_delay_is_refused(self, bench: DriverHarness) -> None:
        with pytest.raises(ValueError, match="takes no delay"):
            await bench.driver.sender("q").send(Task("a", {}), 1.0)

    async def test_the_capabilities_say_so(self, bench: DriverHarness) -> None:
        there = bench.queue.capabilities
        assert (there.counts_interruptions, there.history, there.fenced) == (False, False, False)


class TestDeadLetters:
    async def test_they_are_looked_at_and_stay(self, bench: DriverHarness) -> None:
        await bury(bench, "a", "b", "c")
        box = bench.driver.dead_letters("q")
        letters = await bench.drive(box.oldest(10))
        assert [letter.reason for letter in letters] == ["a is bad", "b is bad", "c is bad"]
        assert [letter.died_at for letter in letters] == sorted({letter.died_at for letter in letters})
        assert [one.reason for one in await bench.drive(box.oldest(2))] == ["a is bad", "b is bad"]
        found = await bench.drive(box.find(letters[1].key))
        assert found is not None
        assert found.reason == "b is bad"
        assert await bench.drive(box.find("nobody")) is None

    async def test_one_is_retried(self, bench: DriverHarness) -> None:
        await bury(bench, "a", "b")
        box = bench.driver.dead_letters("q")
        letter = (await bench.drive(box.oldest(10)))[0]
        assert await bench.drive(box.retry([letter.key])) == 1
        (lease,) = await take(bench, "q")
        assert isinstance(lease.task, Task)
        assert (lease.task.task_id, lease.delivery_count) == ("a", 1)
        assert [one.reason for one in await bench.drive(box.oldest(10))] == ["b is bad"]
        assert await bench.drive(box.retry(None)) == 1
        assert await bench.drive(box.retry(None)) == 0

    async def test_they_are_purged(self, bench: DriverHarness) -> None:
        await bury(bench, "a", "b", "c")
        box = bench.driver.dead_letters("q")
        (first, *_) = await bench.drive(box.oldest(10))
        assert await bench.drive(box.purge([first.key])) == 1
        assert await bench.drive(box.purge(None)) == 2
        assert await bench.drive(box.oldest(10)) == []

    async def test_what_pubsub_put_aside_says_how_often_it_came(self, bench: DriverHarness) -> None:
        await bench.driver.sender("q").send(Task("a", {}))
        queue = bench.driver.tasks("q", 10.0)
        for _ in range(100):
            (lease,) = await bench.drive(queue.receive(1, 1.0))
            await queue.nack(lease, 0.0, HandBack.INTERRUPTED)
        assert await bench.drive(queue.receive(1, 1.0)) == []
        (letter,) = await bench.drive(bench.driver.dead_letters("q").oldest(10))
        assert letter.attempts == 100
        assert "100 times" in letter.reason


class TestByAddress:
    async def test_a_task_goes_through(self) -> None:
        service = StandIn()
        driver = open_transport(f"pubsub:?project=project&endpoint={service.start()}", service.clock)
        await driver.connect()
        await driver.sender("q").send(Task("a", {}))
        queue = driver.tasks("q", 10.0)
        async with asyncio.timeout(10.0):
            (lease,) = await queue.receive(1, 5.0)
        await queue.ack(lease, DONE)
        assert await driver.queue_names() == ["q"]
        await queue.aclose()
        await driver.disconnect()
        service.stop()

    async def test_a_project_is_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
        driver = open_transport("pubsub:?endpoint=127.0.0.1:1", StandIn().clock)
        with pytest.raises(ConfigurationError, match="no Google Cloud project"):
            await driver.connect()
