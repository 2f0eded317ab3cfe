"""The RabbitMQ driver under the contracts: a real broker, in real time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from typing import TypeVar

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import TaskQueue, TaskSender
from cloud_tasks.queues.rabbitmq import RabbitSettings
from cloud_tasks.queues.rabbitmq.driver import RabbitDriver
from cloud_tasks.queues.rabbitmq.messages import new_message

T = TypeVar("T")


def settings_at(url: str, **values: object) -> RabbitSettings:
    return RabbitSettings(**{"url": url, "exchange_name": "tests", **values})  # type: ignore[arg-type]


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
    lease_s = 0.3
    patience_s = 1.0

    def __init__(self, url: str) -> None:
        self.clock = SystemClock()
        self.name = new_name()
        self.driver = driver_at(url)
        self.queue: TaskQueue = self.driver.tasks(self.name, self.lease_s)

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
