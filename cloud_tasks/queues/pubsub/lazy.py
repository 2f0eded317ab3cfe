"""Queues by name, opened when they are first used."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from cloud_tasks.core.arguments import check_not_negative, check_receive
from cloud_tasks.core.capabilities import QueueCapabilities
from cloud_tasks.core.task import Lease, Task
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.opened_late import QueueOpenedLate
from cloud_tasks.queues.pubsub.facts import facts_of
from cloud_tasks.queues.pubsub.failures import CallFailedError
from cloud_tasks.queues.pubsub.opening import OpenedQueue
from cloud_tasks.queues.pubsub.publishing import Publishing
from cloud_tasks.queues.pubsub.sender import PubSubSender
from cloud_tasks.queues.pubsub.task_queue import PubSubQueue, capabilities_of


class LazySender:
    """Produces tasks for a queue that is opened when the first is sent.

    Without a subscription, which keeps them, Pub/Sub would take messages and drop them.

    Args:
        opened: The queue.
    """

    def __init__(self, opened: OpenedQueue) -> None:
        self._opened = opened

    async def send(self, task: Task, delay_s: float = 0.0) -> None:
        """Put one task into the queue.

        Raises:
            MessageRefusedError: The task is not JSON, or too large.
            QueueUnavailableError: Try again later.
            ValueError: A delay was asked for, and Pub/Sub has none.
        """
        check_not_negative("delay_s", delay_s)
        with _looked_for_again(self._opened):
            await (await self._sender()).send(task, delay_s)

    async def send_many(self, tasks: Iterable[Task]) -> None:
        """Put many in; see `TaskSender`."""
        with _looked_for_again(self._opened):
            await (await self._sender()).send_many(tasks)

    async def _sender(self) -> PubSubSender:
        connection, subscription = await self._opened.made()
        return PubSubSender(Publishing(connection.calls, subscription.topic))


class LazyQueue(QueueOpenedLate[PubSubQueue]):
    """Takes tasks from a queue that is opened with the first receive; see `TaskQueue`.

    Args:
        opened: The queue.
        lease_s: How long leases are to be, in seconds.
        clock: Time.
    """

    def __init__(self, opened: OpenedQueue, lease_s: float, clock: Clock) -> None:
        super().__init__()
        self._opened = opened
        self._lease_s = lease_s
        self._clock = clock

    @property
    def capabilities(self) -> QueueCapabilities:
        """As of any queue of Pub/Sub with a dead-letter policy; others are not opened."""
        return capabilities_of(counts_deliveries=True, dead_letters=True)

    async def receive(self, tasks_max: int, wait_s: float) -> list[Lease]:
        """Lease up to `tasks_max` tasks; see `PubSubQueue`."""
        check_receive(tasks_max, wait_s)
        if self._closed:
            return []
        with _looked_for_again(self._opened):
            return await (await self._open()).receive(tasks_max, wait_s)

    async def _open(self) -> PubSubQueue:
        async with self._opening:
            connection, subscription = await self._opened.made()
            if self._queue is None:
                dead_letters = Publishing(connection.calls, subscription.dead_letter_policy.dead_letter_topic)
                facts = facts_of(subscription)
                self._queue = PubSubQueue(connection.calls, facts, dead_letters, self._lease_s, self._clock)
            return self._queue


@contextlib.contextmanager
def _looked_for_again(opened: OpenedQueue) -> Iterator[None]:
    """Look for the queue again at the next use, if it turns out to be gone."""
    try:
        yield
    except CallFailedError as error:
        if error.code == "NOT_FOUND":
            opened.forget()
        raise
