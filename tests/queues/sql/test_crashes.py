"""Processes that are killed, or share a queue: nothing is lost, and deliveries are counted."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cloud_tasks.core.task import HandBack, Lease, Outcome, OutcomeKind, Task
from cloud_tasks.interfaces import TaskQueue
from cloud_tasks.queues.sql import SqlSettings
from tests.contracts.task_queue import tasks_named
from tests.queues.sql.conftest import KINDS
from tests.queues.sql.harness import SqlHarness

DONE = Outcome(OutcomeKind.COMPLETED)
pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest_asyncio.fixture
async def harness(settings: SqlSettings) -> AsyncIterator[SqlHarness]:
    harness = SqlHarness(settings, lease_s=30.0)
    await harness.open()
    yield harness
    await harness.aclose()


async def killed_holder(harness: SqlHarness) -> list[str]:
    """Let another process take tasks, and kill it; returns what it took."""
    settings = harness.driver._dialect.settings
    arguments = ("-m", "tests.queues.sql.holder", settings.dsn, settings.queue_table, harness.name)
    holder = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None
    names = (await holder.stdout.readline()).decode().split()
    holder.send_signal(signal.SIGKILL)
    await holder.wait()
    return names


async def all_that_comes(queue: TaskQueue) -> list[Lease]:
    leases: list[Lease] = []
    while more := await queue.receive(100, 0.0):
        leases += more
    return leases


async def test_what_a_killed_process_held_comes_again_and_counts(harness: SqlHarness) -> None:
    names = [f"t{number}" for number in range(5)]
    await harness.send(*tasks_named(*names))
    assert await killed_holder(harness) == names
    early = await all_that_comes(harness.queue)
    assert [(lease.task.task_id, lease.delivery_count) for lease in early] == [("t1", 2)]
    await harness.advance(harness.lease_s * 1.1)
    late = await all_that_comes(harness.queue)
    counts = {lease.task.task_id: (lease.delivery_count, lease.interruptions) for lease in late}
    assert counts == {"t1": (3, 0), "t2": (2, 0), "t3": (2, 0), "t4": (2, 0)}
    for lease in late:
        await harness.queue.ack(lease, DONE)
    assert dict(await harness.driver.inspector(harness.name).depth()) == {
        "visible": 0,
        "in_flight": 0,
        "delayed": 0,
        "dead": 0,
    }


async def test_a_task_that_kills_every_worker_is_not_tried_for_ever(harness: SqlHarness) -> None:
    """What PostgreSQL's driver of the followed system does not count: attempts that were taken over."""
    await harness.send(*tasks_named("crasher"))
    for expected in (1, 2, 3, 4):
        (lease,) = await harness.queue.receive(1, 1.0)
        assert (lease.delivery_count, lease.interruptions) == (expected, 0)
        await harness.advance(harness.lease_s * 1.1)


async def test_delayed_tasks_come_once_however_many_wait_for_them(
    harness: SqlHarness, settings: SqlSettings
) -> None:
    other = SqlHarness(settings, lease_s=30.0)
    other.name = harness.name
    await other.open()
    for number in range(20):
        await harness.sender().send(Task(f"t{number}", {}), delay_s=0.4)
    queues = (harness.queue, other.queue, harness.queue, other.queue)
    came: list[str] = []
    async with asyncio.timeout(20.0):
        while len(came) < 20:
            found = await asyncio.gather(*(queue.receive(7, 0.6) for queue in queues))
            came += [lease.task.task_id for leases in found for lease in leases]
    assert sorted(came) == sorted({f"t{number}" for number in range(20)})
    await other.queue.aclose()
    await other.driver.disconnect()


async def test_many_consumers_in_two_drivers_never_hold_the_same_lease(
    harness: SqlHarness, settings: SqlSettings
) -> None:
    other = SqlHarness(settings, lease_s=30.0)
    other.name = harness.name
    await other.open()
    names = [f"t{number:03}" for number in range(400)]
    await harness.send(*tasks_named(*names))
    done: list[str] = []

    async def consume(queue: TaskQueue, tasks_max: int) -> None:
        while leases := await queue.receive(tasks_max, 0.0):
            done.extend(lease.task.task_id for lease in leases)
            handed_back, *rest = leases
            await asyncio.gather(
                *(queue.ack(lease, DONE) for lease in rest),
                queue.ack(handed_back, DONE)
                if (handed_back.delivery_count or 0) > 1
                else queue.nack(handed_back, 0.0, HandBack.INTERRUPTED),
            )
            if (handed_back.delivery_count or 0) == 1:
                done.remove(handed_back.task.task_id)

    await asyncio.gather(*(consume(one.queue, size) for one in (harness, other) for size in (3, 7, 20)))
    assert sorted(done) == names
    await other.queue.aclose()
    await other.driver.disconnect()
