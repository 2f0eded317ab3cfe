"""`SqsBackend`: the queues of one job at Amazon SQS."""

from __future__ import annotations

import asyncio

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.sqs.batches import Batches
from cloud_tasks.queues.sqs.checking import QueueCheck
from cloud_tasks.queues.sqs.connection import Connection, connect
from cloud_tasks.queues.sqs.events import SqsEventSink, SqsFeed
from cloud_tasks.queues.sqs.inspector import SqsInspector
from cloud_tasks.queues.sqs.queues import Queues, Which
from cloud_tasks.queues.sqs.sender import SqsSender
from cloud_tasks.queues.sqs.settings import SqsSettings
from cloud_tasks.queues.sqs.task_queue import QueueFacts, SqsQueue


class SqsBackend:
    """The task queue and the event queue of one job; see `QueueBackend`.

    Belongs to the event loop of its first call.

    Args:
        settings: Which queues, with what credentials.
        clock: Time.
    """

    def __init__(self, settings: SqsSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._connecting = asyncio.Lock()
        self._connection: Connection | None = None

    async def check(self, *, tasks: bool, events: bool, create: bool) -> None:
        """See that credentials, queues and permissions are there; see `QueueBackend`."""
        connection = await self._connected()
        wanted: list[Which] = []
        if tasks:
            wanted.append("tasks")
        if events:
            wanted.append("events")
        check = QueueCheck(connection.calls, self._queues(connection), connection.where, connection.source)
        await check.run(wanted, create=create, fifo=self._settings.exactly_once)

    async def tasks(self) -> SqsQueue:
        """The task queue, for a worker."""
        connection = await self._connected()
        queues = self._queues(connection)
        url = await self._url(queues, "tasks")
        attributes = await queues.attributes(url)
        facts = QueueFacts(
            url=url, fifo=attributes.fifo, dead_letter_url=await queues.dead_letter_url(attributes)
        )
        return SqsQueue(connection.calls, facts, self._settings.lease_s, self._clock)

    async def sender(self) -> SqsSender:
        """The task queue, for a producer."""
        return SqsSender(await self._batches("tasks"), fifo=self._settings.exactly_once)

    async def sink(self) -> SqsEventSink:
        """The event queue, for a worker."""
        return SqsEventSink(await self._batches("events"), fifo=self._settings.exactly_once)

    async def feed(self) -> SqsFeed:
        """The event queue, for a monitor."""
        connection = await self._connected()
        return SqsFeed(connection.calls, await self._url(self._queues(connection), "events"))

    async def inspector(self, which: Which) -> SqsInspector:
        """One of the two, to be looked at and managed."""
        connection = await self._connected()
        return SqsInspector(connection.calls, self._queues(connection), which)

    async def aclose(self) -> None:
        """Let go of the connection; the queues stay as they are."""
        async with self._connecting:
            connection, self._connection = self._connection, None
        if connection is not None:
            await connection.calls.aclose()

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None:
                self._connection = await connect(self._settings)
            return self._connection

    def _queues(self, connection: Connection) -> Queues:
        return Queues(connection.calls, self._settings)

    async def _batches(self, which: Which) -> Batches:
        connection = await self._connected()
        return Batches(connection.calls, await self._url(self._queues(connection), which))

    async def _url(self, queues: Queues, which: Which) -> str:
        url = await queues.find(queues.name(which))
        if url is None:
            raise QueueUnavailableError(f"there is no queue {queues.name(which)}")
        return url
