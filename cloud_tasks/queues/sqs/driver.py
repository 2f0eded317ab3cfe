"""`SqsDriver`: any number of queues at Amazon SQS, by name, each with a queue for its dead letters."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.naming import check_name
from cloud_tasks.queues.sqs.checking import QueueCheck
from cloud_tasks.queues.sqs.connection import Connection, connect
from cloud_tasks.queues.sqs.dead_letters import SqsDeadLetters
from cloud_tasks.queues.sqs.inspector import SqsInspector
from cloud_tasks.queues.sqs.late import LateQueue, LateSender
from cloud_tasks.queues.sqs.names import HOW_TO_NAME, QUEUE_NAME, dead_letter_name
from cloud_tasks.queues.sqs.opening import OpenedQueue, hearing_nobody
from cloud_tasks.queues.sqs.queues import Queues
from cloud_tasks.queues.sqs.settings import SqsDriverSettings, SqsSettings


class SqsDriver:
    """Queues of SQS; see `QueueDriver`. Belongs to the event loop on which it is connected.

    A queue is made when it is first wanted, and so is the one for its dead letters.

    Args:
        settings: Where they are.
        clock: Time.
    """

    def __init__(self, settings: SqsDriverSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._connecting = asyncio.Lock()
        self._connection: Connection | None = None

    async def connect(self) -> None:
        """Make the client; nothing is asked of the network yet."""
        await self._connected()

    async def disconnect(self) -> None:
        """Let go of the client and its threads."""
        async with self._connecting:
            connection, self._connection = self._connection, None
        if connection is not None:
            await connection.calls.aclose()

    def tasks(self, queue: str, lease_s: float) -> LateQueue:
        """The queue, for a worker."""
        return LateQueue(self._opened(queue, lease_s), lease_s, self._clock)

    def sender(self, queue: str) -> LateSender:
        """The queue, for a producer."""
        return LateSender(self._opened(queue), self._clock)

    def inspector(self, queue: str) -> DriverInspector:
        """The queue, to be looked at and managed."""
        return DriverInspector(self._opened(queue))

    def dead_letters(self, queue: str) -> SqsDeadLetters:
        """The dead letters of the queue."""
        return SqsDeadLetters(self._opened(queue), queue)

    async def queue_names(self) -> list[str]:
        """The names of the queues that are there, those for dead letters left out; a thousand at most."""
        connection = await self._connected()
        names = await Queues(connection.calls, self._settings_of("any")).names()
        letters = {dead_letter_name(name, fifo=False) for name in names}
        return [name for name in names if name not in letters]

    def _opened(self, queue: str, lease_s: float = 60.0) -> OpenedQueue:
        fits = QUEUE_NAME.fullmatch(queue) is not None
        check_name(queue, "SQS", HOW_TO_NAME, fits=fits)
        settings = replace(self._settings_of(queue), lease_s=lease_s)
        return OpenedQueue(self._connected, settings, self._settings.queue_url_prefix)

    def _settings_of(self, queue: str) -> SqsSettings:
        return SqsSettings(
            task_queue=queue,
            region=self._settings.region,
            endpoint_url=self._settings.endpoint_url,
            access_key=self._settings.access_key,
            secret_key=self._settings.secret_key,
        )

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None:
                self._connection = await connect(self._settings_of("any"))
            return self._connection


class DriverInspector:
    """One queue, to be looked at and managed; see `QueueInspector`."""

    def __init__(self, opened: OpenedQueue) -> None:
        """Nothing is asked yet."""
        self._opened = opened

    async def depth(self) -> dict[str, int]:
        """Number of messages; SQS counts approximately, and may be some seconds late."""
        return dict(await (await self._inspector()).depth())

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        """Look at some messages: they are taken and handed back, which counts as a delivery of each."""
        return await (await self._inspector()).peek(tasks_max)

    async def purge(self) -> None:
        """Remove every message; takes up to a minute at SQS. One purge a minute is possible."""
        await (await self._inspector()).purge()

    async def create(self) -> None:
        """Create the queue and the one for its dead letters; what exists stays.

        Raises:
            ConfigurationError: Credentials or permissions are missing; tells which.
            QueueUnavailableError: Nobody could be asked.
        """
        connection, queues = await self._opened.queues()
        check = QueueCheck(connection.calls, queues, connection.where, connection.source)
        with hearing_nobody(connection):
            await check.run(["tasks"], create=True, fifo=False)
            await queues.make_dead_letters()

    async def delete(self) -> None:
        """Delete the queue; the dead letters stay."""
        await (await self._inspector()).delete()

    async def _inspector(self) -> SqsInspector:
        connection, queues = await self._opened.queues()
        return SqsInspector(connection.calls, queues, "tasks")
