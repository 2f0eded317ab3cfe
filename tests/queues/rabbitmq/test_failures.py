"""What goes wrong with workers, connections and brokers, on real ones."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from aiormq.abc import FieldValue

from cloud_tasks.core.task import HandBack, Lease, Outcome, OutcomeKind, Task
from cloud_tasks.errors import LeaseLostError, QueueUnavailableError
from cloud_tasks.interfaces import TaskQueue, WatchfulQueue
from cloud_tasks.queues.rabbitmq.driver import RabbitDriver
from tests.contracts.task_queue import ids_of, tasks_named
from tests.queues.rabbitmq.harness import driver_at, new_name
from tests.services.proxy import proxied
from tests.services.rabbitmq import RabbitmqServer

T = TypeVar("T")

DONE = Outcome(OutcomeKind.COMPLETED)
ROOT = Path(__file__).parents[3]
LEASE_S = 60.0


async def sooner_or_later(call: Callable[[], Awaitable[T]]) -> T:
    """Try again while the queue is unavailable, as a worker does."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return await call()
        except QueueUnavailableError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def all_of(queue: TaskQueue, count: int) -> list[Lease]:
    leases: list[Lease] = []
    deadline = time.monotonic() + 20
    while len(leases) < count and time.monotonic() < deadline:
        leases += await sooner_or_later(partial(queue.receive, count - len(leases), 1.0))
    return leases


async def turns_while(wait: Awaitable[object]) -> int:
    """How often the loop gives somebody else a turn of 10 ms while this waits."""
    waiting = asyncio.ensure_future(wait)
    turns = 0
    while not waiting.done():
        await asyncio.sleep(0.01)
        turns += 1
    await waiting
    return turns


async def killed_with_a_lease(driver: RabbitDriver, name: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.queues.rabbitmq.holder", driver._settings.url, name),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"1\n"
    process.kill()
    await process.wait()


class TestWorkers:
    async def test_f21_tasks_of_killed_workers_come_again_and_attempts_count(
        self, driver: RabbitDriver, name: str
    ) -> None:
        await driver.sender(name).send(Task("a", {}))
        queue = driver.tasks(name, LEASE_S)
        (lease,) = await queue.receive(1, 5.0)
        await queue.nack(lease, 0.0, HandBack.INTERRUPTED)
        await queue.aclose()
        await killed_with_a_lease(driver, name)
        await killed_with_a_lease(driver, name)
        (lease,) = await driver.tasks(name, LEASE_S).receive(1, 10.0)
        assert lease.delivery_count is not None
        # It may have been on its way to a worker that let go or was killed: the broker counts that, too.
        assert 3 <= lease.delivery_count - lease.interruptions <= 4
        assert lease.interruptions >= 1

    async def test_a_worker_gets_no_more_than_it_has_room_for(self, driver: RabbitDriver, name: str) -> None:
        await driver.sender(name).send_many(tasks_named("a", "b", "c"))
        one, other = driver.tasks(name, LEASE_S), driver.tasks(name, LEASE_S)
        (first,) = await one.receive(1, 5.0)
        assert ids_of(await all_of(other, 2)) == ["b", "c"]
        await one.ack(first, DONE)

    async def test_what_came_ahead_and_is_not_taken_is_handed_back(
        self, rabbitmq_server: RabbitmqServer, driver: RabbitDriver, name: str
    ) -> None:
        ahead = driver_at(rabbitmq_server.url, prefetch_count=3)
        await driver.sender(name).send_many(tasks_named("a", "b", "c", "d"))
        one, other = ahead.tasks(name, LEASE_S), driver.tasks(name, LEASE_S)
        (first,) = await one.receive(1, 5.0)
        assert ids_of(await other.receive(4, 0.5)) == ["d"]
        leases = await all_of(other, 2)
        assert sorted(ids_of(leases)) == ["b", "c"]
        assert [(lease.delivery_count, lease.interruptions) for lease in leases] == [(2, 1)] * 2
        await one.ack(first, DONE)
        await one.aclose()
        await ahead.disconnect()

    async def test_closing_hands_back_what_came_ahead(
        self, rabbitmq_server: RabbitmqServer, driver: RabbitDriver, name: str
    ) -> None:
        ahead = driver_at(rabbitmq_server.url, prefetch_count=3)
        await driver.sender(name).send_many(tasks_named("a", "b"))
        one = ahead.tasks(name, LEASE_S)
        (first,) = await one.receive(1, 5.0)
        await one.wait_ready(5.0)
        await one.ack(first, DONE)
        await one.aclose()
        (lease,) = await driver.tasks(name, LEASE_S).receive(1, 5.0)
        assert (lease.task.task_id, lease.delivery_count, lease.interruptions) == ("b", 2, 1)
        await ahead.disconnect()

    async def test_a_wait_after_a_lost_connection_leaves_the_loop_to_others(
        self, rabbitmq_server: RabbitmqServer, name: str
    ) -> None:
        async with proxied(*rabbitmq_server.address) as proxy:
            driver = driver_at(f"amqp://guest:guest@127.0.0.1:{proxy.port}/", call_s=2.0)
            queue = driver.tasks(name, LEASE_S)
            poll = asyncio.create_task(queue.receive(1, 20.0))
            await asyncio.sleep(0.5)
            proxy.cut()
            with pytest.raises(QueueUnavailableError):
                await poll
            proxy.mend()
            await sooner_or_later(driver.connect)
            assert await turns_while(sooner_or_later(partial(queue.receive, 1, 1.0))) > 30
            await driver.disconnect()

    async def test_a_wait_after_what_nobody_took_was_handed_back_leaves_the_loop_to_others(
        self, rabbitmq_server: RabbitmqServer, driver: RabbitDriver, name: str
    ) -> None:
        ahead = driver_at(rabbitmq_server.url, prefetch_count=3)
        await driver.sender(name).send_many(tasks_named("a", "b"))
        one = ahead.tasks(name, LEASE_S)
        assert ids_of(await one.receive(1, 5.0)) == ["a"]
        (lease,) = await all_of(driver.tasks(name, LEASE_S), 1)
        assert lease.task.task_id == "b"
        assert await turns_while(one.wait_ready(1.0)) > 30
        await ahead.disconnect()

    async def test_f10_what_is_held_is_told_when_the_connection_is_lost(
        self, rabbitmq_server: RabbitmqServer, name: str
    ) -> None:
        async with proxied(*rabbitmq_server.address) as proxy:
            driver = driver_at(f"amqp://guest:guest@127.0.0.1:{proxy.port}/", call_s=2.0)
            await driver.sender(name).send_many(tasks_named("a", "b", "c"))
            queue = driver.tasks(name, LEASE_S)
            told: asyncio.Queue[tuple[frozenset[str], str]] = asyncio.Queue()
            assert isinstance(queue, WatchfulQueue)
            queue.watch_leases(lambda receipts, why: told.put_nowait((receipts, why)))
            settled, *held = await all_of(queue, 3)
            await queue.ack(settled, DONE)
            proxy.cut()
            async with asyncio.timeout(10.0):
                receipts, why = await told.get()
            assert receipts == {lease.receipt for lease in held}
            assert why == f"the connection to the queue {name} was lost"
            proxy.mend()
            again = await all_of(queue, 2)
            await queue.aclose()
            assert {lease.key for lease in again} == {lease.key for lease in held}
            assert told.empty()
            await driver.disconnect()

    async def test_one_stale_lease_does_not_spoil_its_batch(self, driver: RabbitDriver, name: str) -> None:
        await driver.sender(name).send_many(tasks_named(*(f"t{number}" for number in range(10))))
        queue = driver.tasks(name, LEASE_S)
        leases = await all_of(queue, 10)
        await queue.ack(leases[3], DONE)
        settled = [one for place, one in enumerate(leases) if place not in (0, 7)]
        ends = await asyncio.gather(*(queue.ack(lease, DONE) for lease in settled), return_exceptions=True)
        assert [place for place, end in enumerate(ends) if end is not None] == [2]
        assert isinstance(ends[2], LeaseLostError)
        await queue.aclose()
        again = await all_of(driver.tasks(name, LEASE_S), 2)
        assert sorted(ids_of(again)) == ["t0", "t7"]

    async def test_a_queue_that_is_removed_is_made_again(self, driver: RabbitDriver, name: str) -> None:
        queue = driver.tasks(name, LEASE_S)
        assert await queue.receive(1, 0.0) == []
        await driver.inspector(name).delete()
        # Made again at once, it would have the consumer that is not told in time: see docs/rabbitmq.md.
        async with asyncio.timeout(20.0):
            while queue._inbox.is_open:  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.01)
        await sooner_or_later(lambda: driver.sender(name).send(Task("a", {})))
        assert ids_of(await all_of(queue, 1)) == ["a"]

    async def test_deliveries_of_a_classic_queue_are_counted_too(
        self, driver: RabbitDriver, name: str
    ) -> None:
        async with driver._receiving.borrowed() as channel:
            await channel.queue_declare(name, durable=True)
        await driver.sender(name).send(Task("a", {}))
        await killed_with_a_lease(driver, name)
        (lease,) = await driver.tasks(name, LEASE_S).receive(1, 10.0)
        assert lease.delivery_count == 2

    async def test_what_a_full_queue_refuses_is_sent_when_there_is_room(
        self, driver: RabbitDriver, name: str
    ) -> None:
        async with driver._receiving.borrowed() as channel:
            limits: dict[str, FieldValue] = {"x-max-length": 1, "x-overflow": "reject-publish"}
            await channel.queue_declare(name, durable=True, arguments=limits)
        sender = driver.sender(name)
        await sender.send(Task("a", {}))
        with pytest.raises(QueueUnavailableError, match="takes no messages"):
            await sender.send(Task("b", {}))
        sending = asyncio.create_task(sender.send(Task("c", {})))
        await asyncio.sleep(0.2)
        queue = driver.tasks(name, LEASE_S)
        (lease,) = await all_of(queue, 1)
        await queue.ack(lease, DONE)
        await sending
        assert ids_of(await all_of(queue, 1)) == ["c"]


class TestConnections:
    async def test_leases_end_with_the_connection_and_nothing_is_lost(
        self, rabbitmq_server: RabbitmqServer, name: str
    ) -> None:
        async with proxied(*rabbitmq_server.address) as proxy:
            driver = driver_at(f"amqp://guest:guest@127.0.0.1:{proxy.port}/", call_s=2.0)
            await driver.sender(name).send_many(tasks_named("a", "b"))
            queue = driver.tasks(name, LEASE_S)
            (lease,) = await queue.receive(1, 5.0)
            poll = asyncio.create_task(queue.receive(2, 20.0))
            assert ids_of(await poll) == ["b"]
            poll = asyncio.create_task(queue.receive(2, 20.0))
            await asyncio.sleep(0.1)
            proxy.cut()
            with pytest.raises(QueueUnavailableError):
                await poll
            with pytest.raises(QueueUnavailableError):
                await driver.sender(name).send(Task("c", {}))
            with pytest.raises(QueueUnavailableError):
                await driver.connect()
            await asyncio.sleep(0.3)
            proxy.mend()
            again = await all_of(queue, 2)
            assert sorted(ids_of(again)) == ["a", "b"]
            assert [one.delivery_count for one in again] == [2, 2]
            for use in (
                queue.ack(lease, DONE),
                queue.nack(lease, 0.0, HandBack.RETRY),
                queue.dead_letter(lease, "no"),
            ):
                with pytest.raises(LeaseLostError):
                    await use
            for one in again:
                await queue.ack(one, DONE)
            await driver.sender(name).send(Task("c", {}))
            assert ids_of(await all_of(queue, 1)) == ["c"]
            await driver.inspector(name).delete()
            await queue.aclose()
            await driver.disconnect()

    async def test_a_cut_in_the_middle_of_hand_backs_loses_nothing(
        self, rabbitmq_server: RabbitmqServer, driver: RabbitDriver, name: str
    ) -> None:
        names = [f"t{number}" for number in range(60)]
        await driver.sender(name).send_many(tasks_named(*names))
        async with proxied(*rabbitmq_server.address) as proxy:
            worker = driver_at(f"amqp://guest:guest@127.0.0.1:{proxy.port}/", call_s=2.0)
            queue = worker.tasks(name, LEASE_S)
            leases = await all_of(queue, 60)
            calls = [asyncio.create_task(queue.nack(one, 0.0, HandBack.RETRY)) for one in leases[:30]]
            calls += [asyncio.create_task(queue.dead_letter(one, "no")) for one in leases[30:]]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            proxy.cut()
            ends = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(end) for end in ends} <= {type(None), QueueUnavailableError, LeaseLostError}
            await queue.aclose()
            await worker.disconnect()
        dead = {one.body for one in await driver.dead_letters(name).oldest(100)}
        left: list[Lease] = []
        queue = driver.tasks(name, LEASE_S)
        while more := await queue.receive(100, 1.0):
            left += more
        there = set(ids_of(left)) | {
            one for one in names if any(f'"{one}"'.encode() in body for body in dead)
        }
        assert there == set(names)


class TestBrokers:
    async def test_a_broker_that_hangs_keeps_leases(self, own_rabbitmq_server: RabbitmqServer) -> None:
        driver, name = driver_at(own_rabbitmq_server.url, call_s=0.5), new_name()
        await sooner_or_later(lambda: driver.sender(name).send_many(tasks_named("a", "b")))
        queue = driver.tasks(name, LEASE_S)
        first, second = await all_of(queue, 2)
        own_rabbitmq_server.pause()
        try:
            began = time.monotonic()
            with pytest.raises(QueueUnavailableError):
                await queue.ack(first, DONE)
            with pytest.raises(QueueUnavailableError):
                await queue.nack(second, 0.0, HandBack.RETRY)
            assert time.monotonic() - began < 10
        finally:
            own_rabbitmq_server.resume()
        await sooner_or_later(lambda: queue.ack(first, DONE))
        await sooner_or_later(lambda: queue.nack(second, 0.0, HandBack.RETRY))
        assert set(ids_of(await all_of(queue, 1))) == {"b"}
        await queue.aclose()
        await driver.disconnect()

    async def test_a_restart_loses_no_task(self, own_rabbitmq_server: RabbitmqServer) -> None:
        driver, name = driver_at(own_rabbitmq_server.url, call_s=2.0), new_name()
        await driver.sender(name).send_many(tasks_named("a", "b"))
        await driver.sender(name).send(Task("later", {}), delay_s=1.0)
        queue = driver.tasks(name, LEASE_S)
        (lease,) = await queue.receive(1, 5.0)
        await asyncio.to_thread(own_rabbitmq_server.stop)
        with pytest.raises(QueueUnavailableError):
            await queue.receive(1, 0.5)
        await asyncio.to_thread(own_rabbitmq_server.start)
        again = await all_of(queue, 3)
        assert sorted(ids_of(again)) == ["a", "b", "later"]
        assert {one.task.task_id: one.delivery_count for one in again}["a"] == 2
        with pytest.raises(LeaseLostError):
            await queue.ack(lease, DONE)
        for one in again:
            await sooner_or_later(lambda one=one: queue.ack(one, DONE))  # type: ignore[misc] # a default binds it
        assert (await driver.inspector(name).depth())["visible"] == 0
        await queue.aclose()
        await driver.disconnect()
