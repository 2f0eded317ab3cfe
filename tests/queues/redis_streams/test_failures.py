"""What goes wrong with workers and servers, on real ones."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio

from cloud_tasks.core.task import HandBack, Lease, Outcome, OutcomeKind, Task
from cloud_tasks.errors import LeaseLostError, QueueError, QueueUnavailableError
from cloud_tasks.queues.redis_streams.driver import RedisDriver
from cloud_tasks.queues.redis_streams.keys import GROUP, QueueKeys
from tests.contracts.task_queue import ids_of, tasks_named
from tests.queues.redis_streams.harness import QUEUE, driver_at
from tests.services.proxy import proxied
from tests.services.redis import RedisServer

T = TypeVar("T")

DONE = Outcome(OutcomeKind.COMPLETED)
ROOT = Path(__file__).parents[3]
LONG_S = 60.0


def keys_of(driver: RedisDriver) -> QueueKeys:
    return QueueKeys(driver._settings.prefix, QUEUE)


async def sooner_or_later(call: Callable[[], Awaitable[T]]) -> T:
    """Try again while the queue is unavailable, as a worker does."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return await call()
        except QueueUnavailableError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def killed_with_leases(driver: RedisDriver, lease_s: float) -> int:
    """A process takes what it gets and is killed; how much it had."""
    settings = driver._settings
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.queues.redis_streams.holder"),
        *(settings.url, settings.prefix, str(lease_s)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    count = int(await process.stdout.readline())
    process.kill()
    await process.wait()
    return count


class TestWorkers:
    async def test_f22_tasks_of_a_killed_worker_come_again_and_the_attempt_counts(
        self, driver: RedisDriver
    ) -> None:
        await driver.sender(QUEUE).send_many(tasks_named("a", "b"))
        queue = driver.tasks(QUEUE, LONG_S)
        assert await killed_with_leases(driver, 0.5) == 2
        assert await killed_with_leases(driver, 0.5) == 2
        leases = await queue.receive(5, 10.0)
        assert sorted(ids_of(leases)) == ["a", "b"]
        assert [(lease.delivery_count, lease.interruptions) for lease in leases] == [(3, 0)] * 2

    async def test_counts_survive_a_crash_after_a_hand_back(self, driver: RedisDriver) -> None:
        await driver.sender(QUEUE).send(Task("a", {}))
        queue = driver.tasks(QUEUE, LONG_S)
        (lease,) = await queue.receive(1, 1.0)
        await queue.nack(lease, 0.0, HandBack.INTERRUPTED)
        assert await killed_with_leases(driver, 0.3) == 1
        (lease,) = await queue.receive(1, 10.0)
        assert (lease.delivery_count, lease.interruptions) == (3, 1)

    async def test_delayed_tasks_are_moved_once(self, driver: RedisDriver, redis_server: RedisServer) -> None:
        sender = driver.sender(QUEUE)
        for task in tasks_named(*(f"t{number}" for number in range(50))):
            await sender.send(task, delay_s=0.3)
        others = [driver_at(redis_server.url, prefix=driver._settings.prefix) for _ in range(4)]
        got: list[Lease] = []
        deadline = time.monotonic() + 10
        while len(got) < 50 and time.monotonic() < deadline:
            calls = (other.tasks(QUEUE, LONG_S).receive(10, 0.0) for other in others)
            got += [lease for leases in await asyncio.gather(*calls) for lease in leases]
        assert len(set(ids_of(got))) == len(got) == 50
        assert (await driver.inspector(QUEUE).depth())["visible"] == 0
        for other in others:
            await other.disconnect()

    async def test_one_stale_lease_does_not_spoil_its_batch(self, driver: RedisDriver) -> None:
        await driver.sender(QUEUE).send_many(tasks_named(*(f"t{number}" for number in range(10))))
        queue = driver.tasks(QUEUE, LONG_S)
        leases = await queue.receive(10, 1.0)
        await queue.ack(leases[3], DONE)
        ends = await asyncio.gather(*(queue.ack(lease, DONE) for lease in leases), return_exceptions=True)
        assert [place for place, end in enumerate(ends) if end is not None] == [3]
        assert isinstance(ends[3], LeaseLostError)

    async def test_a_hundred_settlements_are_one_call(self, own_redis_server: RedisServer) -> None:
        driver = driver_at(own_redis_server.url)
        await driver.sender(QUEUE).send_many(tasks_named(*(f"t{number}" for number in range(100))))
        queue = driver.tasks(QUEUE, LONG_S)
        leases = await queue.receive(100, 1.0)
        await queue.extend(leases[0], LONG_S)
        await driver._connection.call(b"CONFIG", b"RESETSTAT")
        await asyncio.gather(*(queue.extend(lease, LONG_S) for lease in leases))
        await asyncio.gather(*(queue.ack(lease, DONE) for lease in leases))
        facts = (await driver._connection.call(b"INFO", b"commandstats")).decode()
        assert "cmdstat_evalsha:calls=2," in facts
        await driver.disconnect()

    async def test_what_a_cancelled_receive_brings_is_handed_back_at_once(
        self, own_redis_server: RedisServer
    ) -> None:
        driver = driver_at(own_redis_server.url)
        await driver.sender(QUEUE).send(Task("a", {}))
        queue = driver.tasks(QUEUE, LONG_S)
        assert len(await queue.receive(1, 0.0)) == 1  # the script is there from now on
        await driver.sender(QUEUE).send(Task("b", {}))
        own_redis_server.pause()
        call = asyncio.create_task(queue.receive(1, 0.0))
        await asyncio.sleep(0.1)
        call.cancel()
        await asyncio.wait({call})
        assert call.cancelled()
        own_redis_server.resume()
        (lease,) = await driver.tasks(QUEUE, LONG_S).receive(1, 10.0)
        assert (lease.task.task_id, lease.delivery_count, lease.interruptions) == ("b", 2, 1)
        await queue.aclose()
        await driver.disconnect()

    async def test_entries_that_others_read_are_not_lost(self, driver: RedisDriver) -> None:
        await driver.sender(QUEUE).send_many(tasks_named("a", "b"))
        queue = driver.tasks(QUEUE, 0.3)
        await queue.ack((await queue.receive(1, 1.0))[0], DONE)
        call = driver._connection.call
        await call(
            *(b"XREADGROUP", b"GROUP", GROUP, b"somebody", b"COUNT", 1),
            *(b"STREAMS", keys_of(driver).stream, b">"),
        )
        (lease,) = await queue.receive(1, 10.0)
        assert (lease.task.task_id, lease.delivery_count) == ("b", 2)

    async def test_entries_that_others_wrote_are_malformed_tasks(self, driver: RedisDriver) -> None:
        await driver._connection.call(b"XADD", keys_of(driver).stream, b"*", b"what", b"is this")
        queue = driver.tasks(QUEUE, LONG_S)
        (lease,) = await queue.receive(1, 1.0)
        await queue.dead_letter(lease, "malformed")
        assert [letter.body for letter in await driver.dead_letters(QUEUE).oldest(5)] == [b""]


@pytest.mark.parametrize(
    "use",
    [
        lambda driver: driver.sender(QUEUE).send(Task("a", {})),
        lambda driver: driver.sender(QUEUE).send_many(tasks_named("a")),
        lambda driver: driver.inspector(QUEUE).depth(),
        lambda driver: driver.tasks(QUEUE, 10.0).receive(1, 0.0),
    ],
    ids=["send", "send_many", "depth", "receive"],
)
async def test_a_key_of_another_type_is_told_as_an_error_of_ours(
    driver: RedisDriver, use: Callable[[RedisDriver], Awaitable[object]]
) -> None:
    stream = keys_of(driver).stream
    await driver._connection.call(b"SET", stream, b"of somebody else")
    with pytest.raises(QueueError, match=rf"^Redis at .*WRONGTYPE.*{driver._settings.prefix}:") as caught:
        await use(driver)
    assert not isinstance(caught.value, QueueUnavailableError), "nothing mends itself"
    await driver._connection.call(b"DEL", stream)


@pytest_asyncio.fixture
async def own(own_redis_server: RedisServer) -> AsyncIterator[RedisDriver]:
    """A driver on a server that may be stopped."""
    one = driver_at(own_redis_server.url, call_s=0.5)
    await one.sender(QUEUE).send_many(tasks_named("a", "b"))
    yield one
    await one.disconnect()


class TestServers:
    @pytest.mark.parametrize("way", ["stop", "kill"])
    async def test_a_restart_loses_nothing_and_leases_stay(
        self, own: RedisDriver, own_redis_server: RedisServer, way: str
    ) -> None:
        queue = own.tasks(QUEUE, LONG_S)
        (lease,) = await queue.receive(1, 1.0)
        await asyncio.to_thread(getattr(own_redis_server, way))
        with pytest.raises(QueueUnavailableError):
            await queue.extend(lease, LONG_S)
        with pytest.raises(QueueUnavailableError):
            await own.connect()
        await asyncio.to_thread(own_redis_server.start)
        lease = await sooner_or_later(lambda: queue.extend(lease, LONG_S))
        assert ids_of(await queue.receive(5, 1.0)) == ["b"]
        await queue.ack(lease, DONE)
        assert await own.inspector(QUEUE).depth() == {"visible": 0, "in_flight": 1, "delayed": 0, "dead": 0}

    async def test_a_long_poll_says_that_the_server_is_gone(
        self, own: RedisDriver, own_redis_server: RedisServer
    ) -> None:
        queue = own.tasks(QUEUE, LONG_S)
        await queue.receive(5, 1.0)
        poll = asyncio.create_task(queue.receive(1, 20.0))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(own_redis_server.restart)
        with pytest.raises(QueueUnavailableError):
            await poll
        await own.sender(QUEUE).send(Task("c", {}))
        assert ids_of(await sooner_or_later(lambda: queue.receive(1, 5.0))) == ["c"]
        await queue.aclose()

    async def test_a_server_that_hangs_is_ridden_out(
        self, own: RedisDriver, own_redis_server: RedisServer
    ) -> None:
        queue = own.tasks(QUEUE, LONG_S)
        (lease,) = await queue.receive(1, 1.0)
        own_redis_server.pause()
        try:
            began = time.monotonic()
            for _ in range(2):
                with pytest.raises(QueueUnavailableError):
                    await queue.receive(1, 0.0)
            with pytest.raises(QueueUnavailableError):
                await own.sender(QUEUE).send(Task("c", {}))
            assert time.monotonic() - began < 10
        finally:
            own_redis_server.resume()
        await sooner_or_later(lambda: queue.ack(lease, DONE))
        # The server did what it was asked, and nobody was there to hear it.
        assert (await own.inspector(QUEUE).depth())["in_flight"] <= 1

    async def test_a_connection_that_is_lost_for_a_while_is_ridden_out_with_leases_kept(
        self, redis_server: RedisServer
    ) -> None:
        async with proxied(*redis_server.address) as proxy:
            driver = driver_at(f"redis://127.0.0.1:{proxy.port}", call_s=0.5)
            await driver.sender(QUEUE).send_many(tasks_named("a", "b"))
            queue = driver.tasks(QUEUE, LONG_S)
            (lease,) = await queue.receive(1, 1.0)
            proxy.cut()
            until = time.monotonic() + 0.5
            while time.monotonic() < until:
                with pytest.raises(QueueUnavailableError):
                    await queue.receive(1, 5.0)
                with pytest.raises(QueueUnavailableError):
                    await queue.extend(lease, LONG_S)
            proxy.mend()
            await queue.extend(lease, LONG_S)
            assert ids_of(await queue.receive(5, 1.0)) == ["b"]
            await queue.ack(lease, DONE)
            assert (await driver.inspector(QUEUE).depth())["in_flight"] == 1
            await driver.inspector(QUEUE).delete()
            await driver.disconnect()

    async def test_everything_removed_is_no_reason_to_stop(
        self, own: RedisDriver, own_redis_server: RedisServer
    ) -> None:
        queue = own.tasks(QUEUE, LONG_S)
        (lease, _) = await queue.receive(2, 1.0)
        await own._connection.call(b"FLUSHALL")
        await own._connection.call(b"SCRIPT", b"FLUSH")
        with pytest.raises(LeaseLostError):
            await queue.ack(lease, DONE)
        await own.sender(QUEUE).send(Task("c", {}))
        (lease,) = await queue.receive(2, 1.0)
        assert (lease.task.task_id, lease.delivery_count) == ("c", 1)
        await queue.ack(lease, DONE)

    @pytest.mark.parametrize(
        ("trouble", "cure"),
        [
            ((b"REPLICAOF", b"127.0.0.1", 1), (b"REPLICAOF", b"NO", b"ONE")),
            ((b"CONFIG", b"SET", b"maxmemory", 1), (b"CONFIG", b"SET", b"maxmemory", 0)),
            (
                (b"CONFIG", b"SET", b"min-replicas-to-write", 1),
                (b"CONFIG", b"SET", b"min-replicas-to-write", 0),
            ),
        ],
        ids=["failover", "memory", "replicas"],
    )
    async def test_what_passes_is_waited_for(
        self, own: RedisDriver, trouble: tuple[bytes | int, ...], cure: tuple[bytes | int, ...]
    ) -> None:
        queue = own.tasks(QUEUE, LONG_S)
        (lease, *_) = await queue.receive(1, 1.0)
        await own._connection.call(*trouble)
        try:
            with pytest.raises(QueueUnavailableError):
                await own.sender(QUEUE).send(Task("c", {}))
        finally:
            await own._connection.call(*cure)
        await queue.ack(lease, DONE)

    async def test_a_replica_is_asked_nothing(self, own: RedisDriver) -> None:
        queue = own.tasks(QUEUE, LONG_S)
        await queue.receive(1, 1.0)
        await own._connection.call(b"REPLICAOF", b"127.0.0.1", 1)
        with pytest.raises(QueueUnavailableError, match=r"READONLY|read only"):
            await queue.receive(1, 0.0)
        await own._connection.call(b"REPLICAOF", b"NO", b"ONE")
        assert ids_of(await queue.receive(1, 0.0)) == ["b"]

    async def test_a_full_memory_is_emptied(self, own: RedisDriver) -> None:
        """Receiving and settling must go on, or it would stay full."""
        queue = own.tasks(QUEUE, LONG_S)
        await own._connection.call(b"CONFIG", b"SET", b"maxmemory", 1)
        leases = await queue.receive(5, 1.0)
        await queue.nack(leases[0], 0.0, HandBack.RETRY)
        await queue.ack(leases[1], DONE)
        (lease,) = await queue.receive(5, 1.0)
        await queue.ack(lease, DONE)
        await own._connection.call(b"CONFIG", b"SET", b"maxmemory", 0)
        assert (await own.inspector(QUEUE).depth())["in_flight"] == 0
