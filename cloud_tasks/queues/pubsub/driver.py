"""`PubSubDriver`: any number of queues at Pub/Sub, by name, each with a queue for its dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.pubsub.checking import asked_of_user
from cloud_tasks.queues.pubsub.connection import Connection, connect
from cloud_tasks.queues.pubsub.dead_letters import PubSubDeadLetters
from cloud_tasks.queues.pubsub.inspector import PubSubInspector
from cloud_tasks.queues.pubsub.lazy import LazyQueue, LazySender
from cloud_tasks.queues.pubsub.monitoring import Monitoring
from cloud_tasks.queues.pubsub.names import queue_names, short
from cloud_tasks.queues.pubsub.opening import OpenedQueue
from cloud_tasks.queues.pubsub.resources import Resources
from cloud_tasks.queues.pubsub.settings import PubSubDriverSettings, PubSubSettings


class PubSubDriver:
    """Queues of Pub/Sub; see `QueueDriver`. Belongs to the event loop on which it is connected.

    A queue is made when it is first wanted: topic, subscription, and both for its dead letters. Three things
    Pub/Sub does not have: a delay of what is sent, the number of a queue's messages at this moment, and a
    memory of interruptions and of a task's history.

    Args:
        settings: Where they are.
        clock: Time.
    """

    def __init__(self, settings: PubSubDriverSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._connecting = asyncio.Lock()
        self._connection: Connection | None = None
        self._queues: dict[str, OpenedQueue] = {}

    async def connect(self) -> None:
        """Find credentials and project, and open the channels; see `QueueDriver`."""
        await self._connected()

    async def disconnect(self) -> None:
        """Let go of the channels."""
        async with self._connecting:
            connection, self._connection = self._connection, None
            self._queues.clear()
        if connection is not None:
            await connection.aclose()

    def tasks(self, queue: str, lease_s: float) -> LazyQueue:
        """The queue, for a worker. Leases are 10 to 600 s long; longer ones are bridged by renewals."""
        check_positive("lease_s", lease_s)
        return LazyQueue(self._opened(queue, lease_s), lease_s, self._clock)

    def sender(self, queue: str) -> LazySender:
        """The queue, for a producer."""
        return LazySender(self._opened(queue))

    def inspector(self, queue: str) -> DriverInspector:
        """The queue, to be looked at and managed."""
        return DriverInspector(self._opened(queue), self._clock)

    def dead_letters(self, queue: str) -> PubSubDeadLetters:
        """The dead letters of the queue."""
        return PubSubDeadLetters(self._opened(queue), self._clock)

    async def queue_names(self) -> list[str]:
        """The names of the queues that are there, those for dead letters left out; a thousand at most."""
        connection = await self._connected()
        there = await Resources(connection.calls).subscription_names(connection.project_id)
        pattern = short(queue_names("", "{}").subscription).partition("{}")[2]
        names = {short(one).removesuffix(pattern) for one in there if one.endswith(pattern)}
        return sorted(name for name in names if name.removesuffix("-dead") not in names - {name})

    def _opened(self, queue: str, lease_s: float = 60.0) -> OpenedQueue:
        """One for each name, so that it is looked for once."""
        if queue not in self._queues:
            settings = PubSubSettings(
                project_id=self._settings.project_id,
                task_queue=queue,
                lease_s=lease_s,
                emulator_host=self._settings.emulator_host,
            )
            self._queues[queue] = OpenedQueue(self._connected, settings)
        return self._queues[queue]

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None:
                self._connection = await connect(
                    PubSubSettings(
                        project_id=self._settings.project_id,
                        task_queue="any",
                        emulator_host=self._settings.emulator_host,
                    )
                )
            return self._connection


class DriverInspector:
    """One queue, to be looked at and managed; see `PubSubInspector`."""

    def __init__(self, opened: OpenedQueue, clock: Clock) -> None:
        """Nothing is asked yet."""
        self._opened = opened
        self._clock = clock

    async def depth(self) -> Mapping[str, int]:
        """Number of messages; see `PubSubInspector`, for it is not what it seems."""
        return await (await self._inspector()).depth()

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        """Look at some messages: they are taken and handed back, which counts as a delivery of each."""
        return await (await self._inspector()).peek(tasks_max)

    async def purge(self) -> None:
        """Take everything that was published until now for done."""
        await (await self._inspector()).purge()

    async def create(self) -> None:
        """Create the queue and the one for its dead letters; what exists stays.

        Raises:
            ConfigurationError: We may not.
            QueueUnavailableError: Nobody could be asked.
        """
        await asked_of_user(self._opened.create())

    async def delete(self) -> None:
        """Delete the queue; the dead letters stay."""
        await (await self._inspector()).delete()
        self._opened.forget()

    async def _inspector(self) -> PubSubInspector:
        connection, names, dead = await self._opened.parts()
        credentials = connection.credentials
        return PubSubInspector(
            connection.calls,
            names,
            self._clock,
            dead_letters=dead,
            create=self._opened.create,
            monitoring=None
            if credentials is None
            else Monitoring(credentials, connection.project_id, self._clock),
        )
