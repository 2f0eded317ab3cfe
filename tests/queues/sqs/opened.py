"""The SQS backend on the stand-in, whose time passes when it is told to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import QueueInspector
from cloud_tasks.queues.sqs.backend import SqsBackend
from fakes.clock import VirtualClock
from fakes.faults import FaultInjector, FaultPlan
from fakes.sqs import SqsService
from fakes.sqs.faulty import Faulty
from fakes.sqs.server import SqsServer
from tests.queues.sqs.harness import connection_to, stand_in_settings

TASKS = [Task(f"t{number:02}", {}) for number in range(25)]


class Opened:
    """A stand-in in virtual time, and a backend that talks to it."""

    def __init__(self, url: str, clock: VirtualClock, *, fifo: bool) -> None:
        self._url = url
        self._fifo = fifo
        self.advance: Callable[[float], None] = clock.advance
        self.backend = self.another()

    def another(self) -> SqsBackend:
        """A backend as another worker has it."""
        settings = stand_in_settings(self._url, task_queue="jobs", exactly_once=self._fifo)
        backend = SqsBackend(settings, SystemClock())
        backend._connection = connection_to(self._url)
        return backend

    async def fill(self) -> QueueInspector:
        inspector = await self.backend.inspector("tasks")
        await inspector.create()
        await (await self.backend.sender()).send_many(TASKS)
        return inspector


@asynccontextmanager
async def opened(plan: FaultPlan | None = None, *, fifo: bool = False) -> AsyncIterator[Opened]:
    clock = VirtualClock()
    faults = Faulty(FaultInjector(plan, clock), clock) if plan else None
    async with SqsServer(SqsService(clock), faults=faults) as server:
        it = Opened(server.url, clock, fifo=fifo)
        yield it
        await it.backend.aclose()
