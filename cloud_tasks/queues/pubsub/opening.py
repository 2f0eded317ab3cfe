"""A queue that is looked for, and made, when it is first wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from google.pubsub_v1 import types

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.queues.pubsub.connection import Connection
from cloud_tasks.queues.pubsub.creating import create_dead_letter_queue, create_task_queue
from cloud_tasks.queues.pubsub.names import DELETED_TOPIC, QueueNames, dead_letter_names, queue_names
from cloud_tasks.queues.pubsub.resources import Resources
from cloud_tasks.queues.pubsub.settings import PubSubSettings


class OpenedQueue:
    """One queue and the one for its dead letters.

    Args:
        connected: Gives the connection.
        settings: Which queue, and how it is made.
    """

    def __init__(self, connected: Callable[[], Awaitable[Connection]], settings: PubSubSettings) -> None:
        self.settings = settings
        self._connected = connected
        self._looking = asyncio.Lock()
        self._subscription: types.Subscription | None = None

    async def parts(self) -> tuple[Connection, QueueNames, QueueNames]:
        """The connection, and the names of the queue and of its dead letters, whether they exist or not."""
        connection = await self._connected()
        project_id, queue = connection.project_id, self.settings.task_queue
        return connection, queue_names(project_id, queue), dead_letter_names(project_id, queue)

    async def made(self) -> tuple[Connection, types.Subscription]:
        """The connection and the subscription, with everything that belongs to it; made if need be.

        Raises:
            QueueUnavailableError: There is one that cannot be used, or nobody could be asked.
        """
        connection, names, _ = await self.parts()
        async with self._looking:
            if self._subscription is None:
                resources = Resources(connection.calls)
                found = await resources.subscription(names.subscription)
                if found is None:
                    await self.create()
                    found = await resources.subscription(names.subscription)
                self._subscription = _usable(found, names)
            return connection, self._subscription

    async def create(self) -> None:
        """Make topic, subscription and the place for dead letters; what exists stays as it is."""
        connection, names, dead = await self.parts()
        await create_task_queue(Resources(connection.calls), self.settings, names, dead)

    async def create_dead_letters(self) -> None:
        """Make the place for dead letters; what exists stays as it is."""
        connection, _, dead = await self.parts()
        await create_dead_letter_queue(Resources(connection.calls), self.settings, dead)

    def forget(self) -> None:
        """It may be gone: it is looked for again before it is used."""
        self._subscription = None


def _usable(subscription: types.Subscription | None, names: QueueNames) -> types.Subscription:
    """The subscription, if tasks can be taken from it and deliveries are counted.

    Raises:
        QueueUnavailableError: It is none of ours; tells why.
    """
    if subscription is None:
        raise QueueUnavailableError(f"{names.subscription} was deleted while it was made")
    why = ""
    if subscription.topic != names.topic or subscription.topic == DELETED_TOPIC:
        why = f"hangs on {subscription.topic}, and not on {names.topic}"
    elif subscription.push_config.push_endpoint or subscription.detached:
        why = "pushes to an address, or was detached: nothing can be pulled from it"
    elif not subscription.dead_letter_policy.dead_letter_topic:
        why = "has no dead-letter policy, without which Pub/Sub counts no deliveries"
    if why:
        raise QueueUnavailableError(f"{names.subscription} {why}; delete it, and it is made anew")
    return subscription
