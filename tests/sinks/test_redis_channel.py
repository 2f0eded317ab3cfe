from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from redis import Redis

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.sinks.redis_channel import BATCH_BYTES_MAX, WAITING_BYTES_MAX, WAITING_MAX, RedisChannel
from cloud_tasks.sinks.redis_server import RedisServer as Address
from tests.services.redis import RedisServer
from tests.sinks.listening import Listener, listening


@pytest.fixture
def name() -> str:
    return f"events-{uuid.uuid4().hex}"


@pytest.fixture
def listener(redis_server: RedisServer, name: str) -> Iterator[Listener]:
    with listening(redis_server, name) as one:
        yield one


@asynccontextmanager
async def opened(url: str, name: str, told: list[str] | None = None) -> AsyncIterator[RedisChannel]:
    """A channel, of which nothing is left at the end."""
    channel = RedisChannel(Address(url), name, ([] if told is None else told).append)
    try:
        yield channel
    finally:
        await channel.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def body(number: int, size_bytes: int = 0) -> bytes:
    return json.dumps({"number": number, "fill": "x" * size_bytes}).encode()


def numbers(listener: Listener) -> list[int]:
    return [event["number"] for event in listener.events]


async def until(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def clients(server: RedisServer) -> int:
    with Redis(host=server.host, port=server.port) as client:
        return len(client.client_list()) - 1


def published(server: RedisServer) -> int:
    """How often the server was told to publish something since it was started."""
    with Redis(host=server.host, port=server.port) as client:
        return int(client.info("commandstats")["cmdstat_publish"]["calls"])


async def test_messages_arrive_once_and_in_order(
    redis_server: RedisServer, name: str, listener: Listener
) -> None:
    async with opened(redis_server.url, name) as channel:
        for number in range(3000):
            channel.put(body(number))
            if number % 500 == 0:
                await asyncio.sleep(0.005)
    await until(lambda: len(listener.bodies) == 3000)
    assert numbers(listener) == list(range(3000))
    assert channel.dropped == 0


async def test_who_may_publish_and_nothing_else_can(
    redis_server: RedisServer, name: str, listener: Listener
) -> None:
    with Redis(host=redis_server.host, port=redis_server.port) as client:
        client.execute_command("ACL", "SETUSER", name, "on", ">pw", "&*", "+publish", "+ping", "+client")
    try:
        url = f"redis://{name}:pw@{redis_server.host}:{redis_server.port}"
        async with opened(url, name) as channel:
            for number in range(100):
                channel.put(body(number))
        await until(lambda: len(listener.bodies) == 100)
        assert numbers(listener) == list(range(100))
    finally:
        with Redis(host=redis_server.host, port=redis_server.port) as client:
            client.execute_command("ACL", "DELUSER", name)


async def test_what_waits_at_the_end_is_published(
    redis_server: RedisServer, name: str, listener: Listener
) -> None:
    async with opened(redis_server.url, name) as channel:
        channel.put(body(1))
    await until(lambda: numbers(listener) == [1])


async def test_large_messages_arrive(redis_server: RedisServer, name: str, listener: Listener) -> None:
    async with opened(redis_server.url, name) as channel:
        for number in range(5):
            channel.put(body(number, 2 * BATCH_BYTES_MAX))
    await until(lambda: numbers(listener) == [0, 1, 2, 3, 4])


async def test_a_channel_that_was_never_used_connects_to_nobody(own_redis_server: RedisServer) -> None:
    before = await asyncio.to_thread(clients, own_redis_server)
    async with opened(own_redis_server.url, "c"):
        await asyncio.sleep(0.05)
        assert await asyncio.to_thread(clients, own_redis_server) == before


async def test_nothing_is_left_of_its_connections(own_redis_server: RedisServer, name: str) -> None:
    before = await asyncio.to_thread(clients, own_redis_server)
    async with opened(own_redis_server.url, name) as channel:
        channel.put(body(1))
        await until(lambda: clients(own_redis_server) == before + 1)
    await until(lambda: clients(own_redis_server) == before)


async def test_a_server_that_hangs_holds_up_nobody(own_redis_server: RedisServer, name: str) -> None:
    told: list[str] = []
    async with opened(own_redis_server.url, name, told) as channel:
        channel.put(body(0))
        await until(channel._idle.is_set)
        own_redis_server.pause()
        try:
            longest_s = 0.0
            for number in range(1, 2 * WAITING_MAX):
                began = time.monotonic()
                channel.put(body(number, 100))
                longest_s = max(longest_s, time.monotonic() - began)
                if number % 1000 == 0:
                    await asyncio.sleep(0)
            assert longest_s < 0.5  # a pause of the machine, not of the server
            assert len(channel._waiting) <= WAITING_MAX
            began = time.monotonic()
            await channel.aclose()
            assert time.monotonic() - began < 3.0
        finally:
            own_redis_server.resume()
    assert channel.dropped >= WAITING_MAX
    assert "events that could not be published on the channel" in told[-1]


async def test_waiting_messages_take_bounded_memory(name: str) -> None:
    async with opened("redis://127.0.0.1:1", name) as channel:
        for number in range(40):
            channel.put(body(number, 1024 * 1024))
            assert channel._waiting_bytes <= WAITING_BYTES_MAX
            assert sum(map(len, channel._waiting)) == channel._waiting_bytes
        assert channel.dropped == 40 - len(channel._waiting)


async def test_a_restarted_server_gets_what_was_kept(own_redis_server: RedisServer, name: str) -> None:
    told: list[str] = []
    async with opened(own_redis_server.url, name, told) as channel:
        channel.put(body(0))
        await until(channel._idle.is_set)
        await asyncio.to_thread(own_redis_server.stop)
        for number in range(1, 101):
            channel.put(body(number))
        await until(lambda: bool(told))
        await asyncio.to_thread(own_redis_server.start)
        await until(lambda: len(told) == 2)
        await until(channel._idle.is_set)
        assert await asyncio.to_thread(published, own_redis_server) == 100
    assert told[0].startswith(f"events cannot be published on the channel {name} of redis://127.0.0.1:")
    assert "Connection" in told[0]
    assert told[1].startswith("events are published again")
    assert channel.dropped == 0


async def test_a_server_that_hung_gets_a_batch_twice_at_the_worst(
    own_redis_server: RedisServer, name: str
) -> None:
    told: list[str] = []
    with listening(own_redis_server, name) as listener:
        async with opened(own_redis_server.url, name, told) as channel:
            channel.put(body(0))
            await until(lambda: numbers(listener) == [0])
            own_redis_server.pause()
            try:
                channel.put(body(1))
                await asyncio.sleep(0.05)
                channel.put(body(2))
                await until(lambda: bool(told))
            finally:
                own_redis_server.resume()
            await until(lambda: 2 in numbers(listener))
        heard = numbers(listener)
    assert heard in ([0, 1, 2], [0, 1, 1, 2])
    assert "no answer" in told[0]


async def test_a_restart_while_nothing_happens_is_not_worth_telling(
    own_redis_server: RedisServer, name: str
) -> None:
    told: list[str] = []
    async with opened(own_redis_server.url, name, told) as channel:
        channel.put(body(0))
        await until(channel._idle.is_set)
        await asyncio.to_thread(own_redis_server.restart)
        with listening(own_redis_server, name) as listener:
            channel.put(body(1))
            await until(lambda: numbers(listener) == [1])
    assert told == []


async def test_a_server_that_refuses_us_is_told_of_once(redis_server: RedisServer, name: str) -> None:
    told: list[str] = []
    url = f"redis://nobody:wrong@{redis_server.host}:{redis_server.port}"
    async with opened(url, name, told) as channel:
        channel.put(body(1))
        await until(lambda: bool(told))
        await asyncio.sleep(0.1)
    assert len(told) == 2
    assert "AuthenticationError" in told[0]
    assert told[1].endswith("before the end: 1")
    assert "nobody:wrong" not in "".join(told)


async def test_an_option_of_the_queues_pool_in_a_shared_address_disturbs_nobody(
    redis_server: RedisServer, name: str, listener: Listener
) -> None:
    async with opened(f"{redis_server.url}?timeout=3&max_connections=5", name) as channel:
        channel.put(body(1))
    await until(lambda: numbers(listener) == [1])


async def test_an_address_that_may_hold_a_password_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        RedisChannel(Address("redis://me:hidden#x@host"), "c", print)
    assert "hidden" not in caught.value.problems[0].message


@pytest.mark.parametrize(
    "url",
    ["localhost:6379", "http://localhost", "redis://localhost:port", "unix://", "redis://localhost?a=b"],
)
async def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is none"):
        RedisChannel(Address(url), "c", print)


def test_passwords_are_shown_nowhere() -> None:
    address = Address("redis://me:hidden@host:1", password="secret")  # noqa: S106 - an example
    assert "hidden" not in f"{address} {address!r}"
    assert "secret" not in f"{address} {address!r}"


class SwallowingChannel(RedisChannel):
    """Its client takes the end of the event loop for something else, as redis-py does now and then."""

    async def _publish(self, batch: list[bytes]) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60.0)


async def test_the_end_of_a_loop_is_heard_although_a_library_swallows_it(redis_server: RedisServer) -> None:
    told: list[str] = []
    channel = SwallowingChannel(Address(redis_server.url), "any", told.append)
    channel.put(b"x")
    await asyncio.sleep(0.05)
    channel._publisher.cancel()
    await asyncio.wait({channel._publisher}, timeout=5.0)
    assert channel._publisher.cancelled()
