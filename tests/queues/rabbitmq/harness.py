"""The RabbitMQ driver under the contracts: a real broker, in real time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar

from msgspec import structs

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import HandBack, Lease, Task
from cloud_tasks.interfaces import Clock, TaskQueue, TaskSender
from cloud_tasks.queues.rabbitmq import RabbitSettings
from cloud_tasks.queues.rabbitmq.driver import RabbitDriver
from cloud_tasks.queues.rabbitmq.inbox import Inbox
from cloud_tasks.queues.rabbitmq.messages import new_message
from cloud_tasks.queues.rabbitmq.task_queue import RabbitQueue

T = TypeVar("T")


def settings_at(url: str, **values: object) -> RabbitSettings:
    return RabbitSettings(**{"url": url, "exchange_name": "tests", **values})  # type: ignore[arg-type] # a test knows its fields


def driver_at(url: str, **values: object) -> RabbitDriver:
    return RabbitDriver(settings_at(url, **values), SystemClock())


def new_name() -> str:
    """A queue that no other test has."""
    return f"q-{secrets.token_hex(6)}"


class RabbitHarness:
    """One queue of a broker that other tests use as well."""

    strict_receipts = True
    keeps_order = True
    text_only = False
    virtual = False
    delays_sends = True
    lease_s = 0.1
    patience_s = 1.0

    def __init__(self, url: str) -> None:
        self.name = new_name()
        self.driver = driver_at(url)
        self.queue: TaskQueue = self.driver.tasks(self.name, self.lease_s)

    @property
    def clock(self) -> Clock:
        return SystemClock()

    async def open(self) -> TaskQueue:
        return self.queue

    def sender(self) -> TaskSender:
        return self.driver.sender(self.name)

    async def send(self, *tasks: Task) -> None:
        await self.sender().send_many(tasks)

    async def send_raw(self, body: bytes) -> None:
        await self.driver._publisher.send(self.name, [new_message(body)])

    async def end(self) -> None:
        raise AssertionError("the queue has no end")

    async def dead_letters(self) -> list[tuple[bytes, str]]:
        return [(one.body, one.reason) for one in await self.driver.dead_letters(self.name).oldest(100)]

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def drive(self, call: Awaitable[T]) -> T:
        return await call

    async def aclose(self) -> None:
        await self.queue.aclose()
        await self.driver.inspector(self.name).delete()
        await self.driver.disconnect()


SPEED = 50.0
AT_THE_END_S = 60.0


class FastClock:
    """Shows more time than has passed."""

    def __init__(self) -> None:
        self._clock = SystemClock()

    def monotonic(self) -> float:
        return self._clock.monotonic() * SPEED

    def utc_now(self) -> datetime:
        return self._clock.utc_now()

    async def sleep_until(self, moment: float) -> None:
        await self._clock.sleep_until(moment / SPEED)


class FastQueue(RabbitQueue):
    """Delays are over sooner, by a clock that shows more; leases are over when the channel is closed."""

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        return [_lasting(lease) for lease in await super().receive(tasks_max, wait_s)]

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        return _lasting(await super().extend(lease, seconds))

    async def nack(self, lease: Lease, delay_s: float, reason: HandBack) -> None:
        await super().nack(lease, delay_s / SPEED, reason)


def _lasting(lease: Lease) -> Lease:
    return structs.replace(lease, duration_s=AT_THE_END_S - 10.0)


class FastHarness(RabbitHarness):
    """Delays of seconds cost hundredths; leases end at the end, with the channel."""

    patience_s = 0.1

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.inbox = Inbox(self.driver._receiving, self.driver._topology, self.name, 0, 10.0)
        self.queue = FastQueue(self.inbox, self.driver._publisher, self.name, 1800.0, SystemClock())
        self.fast = FastClock()

    @property
    def clock(self) -> Clock:
        return self.fast

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)
        if seconds >= AT_THE_END_S:
            await self.inbox.aclose()
