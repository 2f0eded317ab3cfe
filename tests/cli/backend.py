"""A `QueueBackend` in memory, for commands that run in the test's own process."""

from __future__ import annotations

from typing import Literal

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.backends import BackendSettings
from cloud_tasks.core.task import Task
from cloud_tasks.errors import ConfigurationError, Problem, QueueUnavailableError, SinkUnavailableError
from cloud_tasks.interfaces import EventSink, MessageFeed, QueueInspector, TaskQueue, TaskSender
from fakes.queue_model import InMemoryQueue


class MemoryCloud:
    """Queues by name, which outlive the backends that look at them; `refusals` come before any answer."""

    def __init__(self) -> None:
        self.queues: dict[str, InMemoryQueue] = {}
        self.opened: list[BackendSettings] = []
        self.refusals: list[QueueUnavailableError] = []

    def open(self, settings: BackendSettings) -> MemoryBackend:
        self.opened.append(settings)
        return MemoryBackend(self, settings)

    def create(self, *names: str) -> None:
        for name in names:
            self.queues.setdefault(name, InMemoryQueue(SystemClock()))


class MemoryBackend:
    def __init__(self, cloud: MemoryCloud, settings: BackendSettings) -> None:
        self._cloud = cloud
        self._names = {"tasks": settings.task_queue, "events": settings.event_queue}

    async def check(self, *, tasks: bool, events: bool, create: bool) -> None:
        if self._cloud.refusals:
            raise self._cloud.refusals.pop(0)
        wanted = [self._names[which] for which, on in (("tasks", tasks), ("events", events)) if on]
        if create:
            self._cloud.create(*wanted)
        missing = [name for name in wanted if name not in self._cloud.queues]
        if missing:
            raise ConfigurationError(*(Problem(f"there is no queue `{name}`") for name in missing))

    async def tasks(self) -> TaskQueue:
        return self._queue("tasks")

    async def sender(self) -> TaskSender:
        return self._queue("tasks")

    async def sink(self) -> EventSink:
        raise SinkUnavailableError

    async def feed(self) -> MessageFeed:
        raise AssertionError("no command reads events in the test's own process")

    async def inspector(self, which: Literal["tasks", "events"]) -> QueueInspector:
        return MemoryInspector(self._cloud, self._names[which])

    async def aclose(self) -> None:
        pass

    def _queue(self, which: str) -> InMemoryQueue:
        return self._cloud.queues[self._names[which]]


class MemoryInspector:
    """Looks at a queue that may be deleted and made again."""

    def __init__(self, cloud: MemoryCloud, name: str) -> None:
        self._cloud = cloud
        self._name = name

    async def depth(self) -> dict[str, int]:
        return dict(await self._cloud.queues[self._name].depth())

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        return list(await self._cloud.queues[self._name].peek(tasks_max))

    async def purge(self) -> None:
        await self._cloud.queues[self._name].purge()

    async def create(self) -> None:
        self._cloud.create(self._name)

    async def delete(self) -> None:
        self._cloud.queues.pop(self._name, None)
