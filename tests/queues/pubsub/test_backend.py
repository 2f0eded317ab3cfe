"""The pair of queues: creating, telling and reading events, looking at queues, working from one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cloud_tasks.core.events import EventRecord, TaskCompleted
from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.task import HandBack, Outcome, OutcomeKind, Task
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import FeedMessage, InstanceIdentity
from cloud_tasks.metadata.static import StaticMetadata
from cloud_tasks.queues.pubsub.names import queue_names
from cloud_tasks.queues.pubsub.resources import Resources
from cloud_tasks.shell import ShellSettings, WorkerShell
from fakes.runner import Script, ScriptedRunner
from tests.queues.pubsub.harness import PubSubHarness
from tests.queues.pubsub.scripted import until
from tests.queues.pubsub.service import StandIn
from tests.shell.harness import ListSink, Watcher

DONE = Outcome(OutcomeKind.COMPLETED)


@pytest.fixture
def server() -> StandIn:
    return StandIn()


@pytest_asyncio.fixture
async def harness(server: StandIn) -> AsyncIterator[PubSubHarness]:
    harness = PubSubHarness(server, exactly_once=True, patience_s=1.0)
    await harness.open()
    yield harness
    await harness.aclose()


def completed(task_id: str, number: int) -> EventRecord:
    event = TaskCompleted(
        task_id=task_id, elapsed_time=1.0, retry=False, attempt=1, result=number, retry_requested=False
    )
    return EventRecord("2026-01-01T00:00:00+00:00", "here", event)


class TestCreating:
    async def test_a_queue_is_created_with_all_that_it_needs(self, harness: PubSubHarness) -> None:
        names = queue_names(harness.project_id, harness.name)
        subscription = await Resources(harness.calls).subscription(names.subscription)
        assert subscription is not None
        assert subscription.topic == f"projects/{harness.project_id}/topics/{harness.name}-topic"
        assert subscription.ack_deadline_seconds == 10
        assert subscription.enable_exactly_once_delivery
        assert subscription.dead_letter_policy.dead_letter_topic.endswith(
            f"/topics/{harness.name}-dead-topic"
        )
        assert subscription.dead_letter_policy.max_delivery_attempts == 100
        events = await Resources(harness.calls).subscription(
            queue_names(harness.project_id, f"{harness.name}-events").subscription
        )
        assert events is not None
        assert events.enable_message_ordering

    async def test_creating_again_changes_nothing(self, harness: PubSubHarness) -> None:
        await harness.send(Task("a", {}))
        await harness.backend.check(tasks=True, events=True, create=True)
        (lease,) = await harness.queue.receive(5, 5.0)
        await harness.queue.ack(lease, DONE)

    async def test_a_queue_is_deleted_and_deleting_it_again_is_no_error(self, harness: PubSubHarness) -> None:
        inspector = await harness.backend.inspector("tasks")
        for _ in range(2):
            await inspector.delete()
        with pytest.raises(QueueUnavailableError, match="NOT_FOUND"):
            await harness.queue.receive(1, 1.0)
        await inspector.create()
        await harness.send(Task("a", {}))
        assert len(await harness.queue.receive(1, 5.0)) == 1


class TestEvents:
    async def test_what_the_sink_took_the_feed_gives_in_order_per_task(self, harness: PubSubHarness) -> None:
        sink, feed = await harness.backend.sink(), await harness.backend.feed()
        records = [completed(f"t{number % 5}", number) for number in range(60)]
        await sink.emit(records[:30])
        await sink.emit(records[30:])
        bodies: list[bytes] = []
        while len(bodies) < 60:
            messages = await feed.receive(100, 5.0)
            assert messages
            bodies += [one.body for one in messages]
            await feed.ack(messages)
        for task in range(5):
            own = [one.encode() for number, one in enumerate(records) if number % 5 == task]
            assert [body for body in bodies if body in own] == own
        assert await feed.receive(1, 0.0) == []
        await feed.aclose()

    async def test_f27_what_was_not_acked_comes_again(self, harness: PubSubHarness) -> None:
        sink, feed = await harness.backend.sink(), await harness.backend.feed()
        await sink.emit([completed("a", 1)])
        (first,) = await feed.receive(10, 5.0)
        await harness.advance(61.0)
        (again,) = await feed.receive(10, 5.0)
        assert again.body == first.body
        await feed.ack([again, FeedMessage(b"", "never given")])
        await feed.aclose()

    async def test_closing_sends_a_waiting_reader_home(self, harness: PubSubHarness) -> None:
        feed = await harness.backend.feed()
        reader = asyncio.ensure_future(feed.receive(1, 20.0))
        await asyncio.sleep(0.05)
        await feed.aclose()
        assert await asyncio.wait_for(reader, 10.0) == []


class TestLooking:
    async def test_a_look_takes_nothing_away(self, harness: PubSubHarness) -> None:
        await harness.send(Task("a", {"n": 1}))
        await harness.send_raw(b"\xff")
        inspector = await harness.backend.inspector("tasks")
        seen = await inspector.peek(10)
        assert Task("a", {"n": 1}) in seen
        assert b"\xff" in seen
        assert (await inspector.depth())["visible"] == 2
        leases = [lease for _ in range(2) for lease in await harness.queue.receive(1, 5.0)]
        assert len(leases) == 2

    async def test_dead_letters_are_counted(self, harness: PubSubHarness) -> None:
        await harness.send_raw(b"no task")
        (lease,) = await harness.queue.receive(1, 5.0)
        await harness.queue.dead_letter(lease, "no use")
        inspector = await harness.backend.inspector("tasks")
        assert await inspector.depth() == {"visible": 0, "dead": 1}

    async def test_a_purge_removes_what_waits_and_what_is_leased(self, harness: PubSubHarness) -> None:
        await harness.send(*(Task(str(number), {}) for number in range(5)))
        (lease,) = await harness.queue.receive(1, 5.0)
        await (await harness.backend.inspector("tasks")).purge()
        await harness.advance(harness.lease_s * 1.1)
        assert await harness.queue.receive(10, 0.0) == []
        await harness.send(Task("new", {}))
        (lease,) = await harness.queue.receive(10, 5.0)
        assert lease.task == Task("new", {})


def worker_of(harness: PubSubHarness, sink: ListSink) -> WorkerShell:
    return WorkerShell(
        MachineSettings(slots=8, max_runtime_s=100.0, grace_s=30.0, idle_exit_s=1.0),
        ShellSettings(worker_id="w", hostname="here", pid=1),
        queue=harness.queue,
        runner=ScriptedRunner(harness.clock, lambda _: Script(duration_s=0.01)),
        sink=sink,
        metadata=StaticMetadata(InstanceIdentity("", "i"), None, None, harness.clock),
        clock=harness.clock,
        observer=Watcher(),
    )


def done_in(sink: ListSink) -> list[str]:
    return sorted(event.task_id for event in sink.events if isinstance(event, TaskCompleted))


class TestAtWork:
    async def test_a_worker_does_two_hundred_tasks(self, harness: PubSubHarness) -> None:
        names = [f"t{number:03}" for number in range(200)]
        await (await harness.sender()).send_many(Task(name, {}) for name in names)
        sink = ListSink([])
        summary = await asyncio.wait_for(worker_of(harness, sink).run(), 90.0)
        assert summary.counts.completed == 200
        assert done_in(sink) == names
        inspector = await harness.backend.inspector("tasks")
        assert (await inspector.depth())["visible"] == 0

    async def test_f7_f44_a_worker_goes_on_after_an_outage(
        self, harness: PubSubHarness, server: StandIn
    ) -> None:
        names = [f"t{number:03}" for number in range(100)]
        await (await harness.sender()).send_many(Task(name, {}) for name in names)
        sink = ListSink([])
        running = asyncio.ensure_future(worker_of(harness, sink).run())
        await until(lambda: len(done_in(sink)) > 20)
        server.outage.away.set()
        await until(lambda: server.outage.refused)
        await asyncio.sleep(1.5)
        assert server.outage.refused < 100
        server.outage.away.clear()
        summary = await asyncio.wait_for(running, 90.0)
        assert summary.reason == "idle"
        assert done_in(sink) == names

    async def test_f21_deliveries_are_counted_by_the_service(self, harness: PubSubHarness) -> None:
        await harness.send(Task("a", {}))
        for count in (1, 2, 3):
            (lease,) = await harness.queue.receive(1, 5.0)
            assert lease.delivery_count == count
            await harness.queue.nack(lease, 0.0, HandBack.RETRY)
        assert harness.queue.capabilities.delivery_count

    async def test_f22_what_a_dead_worker_held_comes_again(self, harness: PubSubHarness) -> None:
        await harness.send(Task("a", {}))
        (first,) = await harness.queue.receive(1, 5.0)
        await harness.queue.aclose()
        other = await harness.backend.tasks()
        await harness.advance(harness.lease_s * 1.1)
        (second,) = await other.receive(1, 5.0)
        assert second.key == first.key
        await other.aclose()
