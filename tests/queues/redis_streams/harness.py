"""The Redis driver under the contracts: a real server, in real time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from typing import TypeVar

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import TaskQueue, TaskSender
from cloud_tasks.queues.redis_streams import RedisSettings
from cloud_tasks.queues.redis_streams.driver import RedisDriver
from cloud_tasks.queues.redis_streams.keys import QueueKeys

T = TypeVar("T")

QUEUE = "jobs"


def driver_at(url: str, **values: object) -> RedisDriver:
    """A driver with keys that no other test has."""
    return RedisDriver(settings_at(url, **values), SystemClock())


def settings_at(url: str, **values: object) -> RedisSettings:
    return RedisSettings(**{"url": url, "prefix": f"test-{secrets.token_hex(6)}", **values})  # type: ignore[arg-type] # as given


# All that the server does by its time stands in these sets.
_SHIFT = b"""
for place = 1, 3 do
  local members = redis.call('ZRANGE', KEYS[place], 0, -1, 'WITHSCORES')
  for at = 1, #members, 2 do
    redis.call('ZADD', KEYS[place], members[at + 1] - ARGV[1], members[at])
  end
end
redis.call('XADD', KEYS[4], '*', 'w', '')
"""
_PAUSE_S = 0.02


class MovedClock(SystemClock):
    """The machine's, moved forward by what has been skipped."""

    def __init__(self) -> None:
        self.skipped_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped_s


class RedisHarness:
    """One queue of a server that other tests use as well.

    Time is skipped by moving what the server has planned nearer.
    """

    virtual = False
    delays_sends = True
    strict_receipts = True
    keeps_order = True
    text_only = False

    def __init__(self, url: str, *, lease_s: float = 2.0, patience_s: float = 0.3) -> None:
        self.clock = MovedClock()
        self.lease_s = lease_s
        self.patience_s = patience_s
        self.settings = settings_at(url)
        self.keys = QueueKeys(self.settings.prefix, QUEUE)

    async def open(self) -> TaskQueue:
        self.driver = RedisDriver(self.settings, SystemClock())
        await self.driver.connect()
        self.queue = self.driver.tasks(QUEUE, self.lease_s)
        return self.queue

    def sender(self) -> TaskSender:
        return self.driver.sender(QUEUE)

    async def send(self, *tasks: Task) -> None:
        await self.driver.sender(QUEUE).send_many(tasks)

    async def send_raw(self, body: bytes) -> None:
        await self.driver._connection.call(b"XADD", self.keys.stream, b"*", b"b", body)

    async def end(self) -> None:
        raise AssertionError("the queue has no end")

    async def dead_letters(self) -> list[tuple[bytes, str]]:
        return [(one.body, one.reason) for one in await self.driver.dead_letters(QUEUE).oldest(100)]

    async def advance(self, seconds: float) -> None:
        pause_s = min(seconds, _PAUSE_S)
        await asyncio.sleep(pause_s)
        skipped_s = seconds - pause_s
        keys = (self.keys.all[1], self.keys.all[2], self.keys.all[4], self.keys.wake)
        await self.driver._connection.call(b"EVAL", _SHIFT, len(keys), *keys, int(skipped_s * 1000))
        self.clock.skipped_s += skipped_s

    async def drive(self, call: Awaitable[T]) -> T:
        return await call

    async def aclose(self) -> None:
        await self.queue.aclose()
        await self.driver.inspector(QUEUE).delete()
        await self.driver.disconnect()
