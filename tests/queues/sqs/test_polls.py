"""Receives that are given up: SQS carries them out all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.policy import RetryPolicy, TaskRules
from cloud_tasks.core.task import HandBack, Lease, Outcome, OutcomeKind, Task
from cloud_tasks.interfaces import TaskQueue
from cloud_tasks.queues.priority import PriorityQueues
from cloud_tasks.queues.sqs import SqsDriverSettings
from cloud_tasks.queues.sqs.driver import SqsDriver
from fakes.sqs import SqsService
from fakes.sqs.server import SqsServer
from tests.queues.sqs.harness import connection_to

RULES = TaskRules(name="f", retry=RetryPolicy(), max_runtime_s=60.0)
DONE = Outcome(OutcomeKind.COMPLETED)
CLOCK = SystemClock()


@asynccontextmanager
async def driver() -> AsyncIterator[tuple[SqsDriver, SqsService]]:
    service = SqsService(CLOCK)
    async with SqsServer(service) as server:
        opened = SqsDriver(SqsDriverSettings(region="us-east-1", endpoint_url=server.url), CLOCK)
        opened._connection = connection_to(server.url)
        yield opened, service  # the queues are not closed: they would wait for the polls
        await opened.disconnect()


async def until_polled(service: SqsService, name: str = "q") -> None:
    """Wait until a receive waits for a message at the service."""
    async with asyncio.timeout(10.0):
        while not is_polled(service, name):  # noqa: ASYNC110 - a fake sets no event
            await asyncio.sleep(0.01)


def is_polled(service: SqsService, name: str) -> bool:
    return name in service.queues.names(name) and bool(service.queues.find(name).poll._waiters)


async def give_up(service: SqsService, queue: TaskQueue, tasks_max: int = 1) -> None:
    """Begin a long poll, and give it up."""
    poll = asyncio.create_task(queue.receive(tasks_max, 20.0))
    await until_polled(service)
    await asyncio.sleep(0.2)  # it can be told from one that begins afterwards
    poll.cancel()
    await asyncio.wait({poll})


async def until_it_comes(queue: TaskQueue) -> Lease:
    for _ in range(100):
        for lease in await queue.receive(1, 1.0):
            return lease
    raise AssertionError("it has not come")


async def test_the_next_receive_goes_on_with_a_poll_that_was_given_up() -> None:
    async with driver() as (one, service):
        queue = one.tasks("q", 600.0)
        await give_up(service, queue)
        poll = asyncio.create_task(queue.receive(1, 5.0))
        await asyncio.sleep(0.1)
        await one.sender("q").send(Task("a", {}))
        (lease,) = await poll
        assert (lease.delivery_count, lease.interruptions) == (1, 0)
        assert 500.0 < (lease.duration_s or 0) < 599.9  # it may have begun when the poll was issued
        await queue.ack(lease, DONE)


async def test_nobody_is_kept_waiting_by_a_poll_that_was_given_up() -> None:
    async with driver() as (one, service):
        queue = one.tasks("q", 600.0)
        await give_up(service, queue)
        began = CLOCK.monotonic()
        assert await queue.receive(1, 0.0) == []
        assert await queue.receive(1, 0.1) == []
        assert CLOCK.monotonic() - began < 5.0
        await one.sender("q").send(Task("a", {}))
        assert (await until_it_comes(queue)).task.task_id == "a"


async def test_what_comes_when_nobody_asks_is_handed_back_and_no_attempt() -> None:
    async with driver() as (one, service):
        queue = one.tasks("q", 600.0)
        await give_up(service, queue)
        await one.sender("q").send(Task("a", {}))
        lease = await until_it_comes(one.tasks("q", 600.0))
        assert lease.delivery_count == 2
        await queue.nack(lease, 0.0, HandBack.RETRY)
        again = await until_it_comes(queue)
        assert (again.delivery_count, again.interruptions) == (3, 1)


async def test_more_than_there_is_room_for_now_is_handed_back() -> None:
    async with driver() as (one, service):
        queue = one.tasks("q", 600.0)
        await give_up(service, queue, 10)
        poll = asyncio.create_task(queue.receive(1, 5.0))
        await asyncio.sleep(0.1)
        await one.sender("q").send_many([Task("a", {}), Task("b", {})])
        leases = [*await poll, await until_it_comes(queue)]
        assert sorted(lease.task.task_id for lease in leases) == ["a", "b"]
        assert all((lease.delivery_count or 0) - lease.interruptions == 1 for lease in leases)


async def test_no_queue_waits_for_the_polls_of_others() -> None:
    async with driver() as (one, service):
        names = [f"q{number}" for number in range(4)]
        queues = {name: one.tasks(name, 600.0) for name in names}
        several = PriorityQueues(queues, lambda _: RULES, CLOCK)
        for number, name in enumerate(names):
            poll = asyncio.create_task(several.receive(10, 20.0))
            await until_polled(service, name)
            began = CLOCK.monotonic()
            await one.sender(name).send(Task(f"t{number}", {}))
            (lease,) = await poll
            assert CLOCK.monotonic() - began < 5.0
            assert (lease.queue, lease.delivery_count) == (name, 1)
            await several.ack(lease, DONE)
