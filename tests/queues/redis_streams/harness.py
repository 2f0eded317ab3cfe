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
from fakes.clock import VirtualClock

T = TypeVar("T")

QUEUE = "jobs"


def driver_at(url: str, **values: object) -> RedisDriver:
    """A driver with keys that no other test has."""
    return RedisDriver(settings_at(url, **values), SystemClock())


def settings_at(url: str, **values: object) -> RedisSettings:
    return RedisSettings(**{"url": url, "prefix": f"test-{secrets.token_hex(6)}", **values})  # type: ignore[arg-type]


class RedisHarness:
    """One queue of a server that other tests use as well."""

    virtual = False
    delays_sends = True
    strict_receipts = True
    keeps_order = True
    text_only = False

    def __init__(self, url: str, *, lease_s: float = 0.7, patience_s: float = 0.3) -> None:
        self.clock: SystemClock | VirtualClock = SystemClock()
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
        await asyncio.sleep(seconds)

    async def drive(self, call: Awaitable[T]) -> T:
        return await call

    async def aclose(self) -> None:
        await self.queue.aclose()
        await self.driver.inspector(QUEUE).delete()
        await self.driver.disconnect()


# All that the server does by its time stands in these sets.
_SHIFT = b"""
for _, key in ipairs(KEYS) do
  local members = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  for place = 1, #members, 2 do
    redis.call('ZADD', key, members[place + 1] - ARGV[1], members[place])
  end
end
"""


class ShiftedHarness(RedisHarness):
    """Lets hours pass by moving what the server has planned nearer."""

    def __init__(self, url: str) -> None:
        super().__init__(url, lease_s=10.0, patience_s=0.0)
        self.clock: VirtualClock = VirtualClock()

    async def advance(self, seconds: float) -> None:
        timed = (self.keys.all[1], self.keys.all[2], self.keys.all[4])
        call = self.driver._connection.call
        await call(b"EVAL", _SHIFT, len(timed), *timed, int(seconds * 1000))
        await self.clock.run_for(seconds)
