"""The Pub/Sub driver under the contracts: a queue by its name, which nobody has made before."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar, cast

from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import TaskQueue, TaskSender
from cloud_tasks.queues.pubsub.driver import PubSubDriver
from cloud_tasks.queues.pubsub.settings import PubSubDriverSettings
from tests.contracts.harness import VirtualTime
from tests.queues.pubsub.harness import ModelHarness

T = TypeVar("T")


class DriverHarness(ModelHarness):
    """One queue of a driver of the model."""

    driver: PubSubDriver

    def __init__(self) -> None:
        super().__init__(exactly_once=False)

    async def open(self) -> TaskQueue:
        self._connection = await self.connect()
        self.driver = PubSubDriver(PubSubDriverSettings(project_id=self.project_id), self.clock)
        self.driver._connection = await self.connect()
        self.queue = self.driver.tasks(self.name, self.lease_s)
        return self.queue

    async def sender(self) -> TaskSender:
        return self.driver.sender(self.name)

    async def send(self, *tasks: Task) -> None:
        await self.driver.inspector(self.name).create()
        await super().send(*tasks)

    async def send_raw(self, body: bytes) -> None:
        await self.driver.inspector(self.name).create()
        await super().send_raw(body)

    async def advance(self, seconds: float) -> None:
        await VirtualTime.advance(cast("VirtualTime", self), seconds)

    async def drive(self, call: Awaitable[T]) -> T:
        return await VirtualTime.drive(cast("VirtualTime", self), call)

    async def aclose(self) -> None:
        await self.queue.aclose()
        await self.driver.disconnect()
        await self._connection.aclose()
        self._service.stop()
