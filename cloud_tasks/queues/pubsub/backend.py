"""`PubSubBackend`: the queues of one job at Google Cloud Pub/Sub."""

from __future__ import annotations

import asyncio
from typing import Literal

from google.pubsub_v1 import types

from cloud_tasks.errors import ConfigurationError, Problem, QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.pubsub.checking import QueueCheck, asked_of_user
from cloud_tasks.queues.pubsub.connection import Connection, connect
from cloud_tasks.queues.pubsub.creating import create_event_queue, create_task_queue
from cloud_tasks.queues.pubsub.event_sink import PubSubEventSink
from cloud_tasks.queues.pubsub.facts import facts_of
from cloud_tasks.queues.pubsub.inspector import PubSubInspector
from cloud_tasks.queues.pubsub.message_feed import PubSubFeed
from cloud_tasks.queues.pubsub.monitoring import Monitoring
from cloud_tasks.queues.pubsub.names import QueueNames, dead_letter_names, queue_names
from cloud_tasks.queues.pubsub.problems import no_event_queue
from cloud_tasks.queues.pubsub.publishing import Publishing
from cloud_tasks.queues.pubsub.resources import Resources
from cloud_tasks.queues.pubsub.sender import PubSubSender
from cloud_tasks.queues.pubsub.settings import PubSubSettings
from cloud_tasks.queues.pubsub.task_queue import PubSubQueue


class PubSubBackend:
    """The task queue and the event queue of one job; see `QueueBackend`.

    Belongs to the event loop of its first call.

    Args:
        settings: Which queues, with what credentials.
        clock: Time.
    """

    def __init__(self, settings: PubSubSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._connecting = asyncio.Lock()
        self._connection: Connection | None = None

    async def check(self, *, tasks: bool, events: bool, create: bool) -> None:
        """See that credentials, queues and permissions are there; see `QueueBackend`."""
        connection = await self._connected()
        if create:
            await asked_of_user(self._create(connection, tasks=tasks, events=events))
        resources = Resources(connection.calls)
        found: list[Problem] = []
        if tasks:
            check = QueueCheck(resources, connection.project_id, self._task_names(connection))
            found += await check.tasks(exactly_once=self._settings.exactly_once)
        if events:
            check = QueueCheck(resources, connection.project_id, self._event_names(connection))
            found += await check.events()
        if found:
            raise ConfigurationError(*found)

    async def tasks(self) -> PubSubQueue:
        """The task queue, for a worker."""
        connection = await self._connected()
        names = self._task_names(connection)
        resources = Resources(connection.calls)
        subscription = await resources.subscription(names.subscription)
        if subscription is None:
            raise QueueUnavailableError(f"there is no subscription {names.subscription}")
        dead_letters = await self._dead_letters(connection, subscription)
        return PubSubQueue(
            connection.calls, facts_of(subscription), dead_letters, self._settings.lease_s, self._clock
        )

    async def sender(self) -> PubSubSender:
        """The task queue, for a producer."""
        connection = await self._connected()
        return PubSubSender(Publishing(connection.calls, self._task_names(connection).topic))

    async def sink(self) -> PubSubEventSink:
        """The event queue, for a worker."""
        connection = await self._connected()
        return PubSubEventSink(Publishing(connection.calls, self._event_names(connection).topic))

    async def feed(self) -> PubSubFeed:
        """The event queue, for a monitor."""
        connection = await self._connected()
        return PubSubFeed(connection.calls, self._event_names(connection).subscription, self._clock)

    async def inspector(self, which: Literal["tasks", "events"]) -> PubSubInspector:
        """One of the two, to be looked at and managed."""
        connection = await self._connected()
        tasks = which == "tasks"
        names = self._task_names(connection) if tasks else self._event_names(connection)

        async def create() -> None:
            await self._create(connection, tasks=tasks, events=not tasks)

        return PubSubInspector(
            connection.calls,
            names,
            self._clock,
            dead_letters=self._dead_letter_names(connection) if tasks else None,
            create=create,
            monitoring=self._monitoring(connection),
        )

    async def aclose(self) -> None:
        """Let go of the connection; the queues stay as they are."""
        async with self._connecting:
            connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None:
                self._connection = await connect(self._settings)
            return self._connection

    async def _create(self, connection: Connection, *, tasks: bool, events: bool) -> None:
        resources = Resources(connection.calls)
        if tasks:
            names = self._task_names(connection)
            await create_task_queue(resources, self._settings, names, self._dead_letter_names(connection))
        if events:
            await create_event_queue(resources, self._settings, self._event_names(connection))

    async def _dead_letters(
        self, connection: Connection, subscription: types.Subscription
    ) -> Publishing | None:
        """Where dead letters go: where the subscription's policy sends them, or the topic named for it."""
        topic = subscription.dead_letter_policy.dead_letter_topic
        if not topic:
            topic = self._dead_letter_names(connection).topic
            if await Resources(connection.calls).topic(topic) is None:
                return None
        return Publishing(connection.calls, topic)

    def _monitoring(self, connection: Connection) -> Monitoring | None:
        credentials = connection.credentials
        return None if credentials is None else Monitoring(credentials, connection.project_id, self._clock)

    def _task_names(self, connection: Connection) -> QueueNames:
        return queue_names(connection.project_id, self._settings.task_queue)

    def _dead_letter_names(self, connection: Connection) -> QueueNames:
        return dead_letter_names(connection.project_id, self._settings.task_queue)

    def _event_names(self, connection: Connection) -> QueueNames:
        queue = self._settings.event_queue
        if queue is None:
            raise ConfigurationError(no_event_queue())
        return queue_names(connection.project_id, queue)
