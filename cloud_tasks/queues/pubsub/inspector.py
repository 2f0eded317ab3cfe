"""`PubSubInspector`: looking at a queue, and managing it."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping

from google.protobuf.timestamp_pb2 import Timestamp

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import Task
from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.pubsub.ack_requests import AckRequests
from cloud_tasks.queues.pubsub.calls import Calls
from cloud_tasks.queues.pubsub.failures import CallFailedError
from cloud_tasks.queues.pubsub.limits import PULL_MESSAGES_MAX
from cloud_tasks.queues.pubsub.monitoring import Monitoring
from cloud_tasks.queues.pubsub.names import QueueNames
from cloud_tasks.queues.pubsub.pulling import Puller, Received
from cloud_tasks.queues.pubsub.resources import Resources

PEEK_ROUNDS_MAX = 5
"""A pull need not bring all that is there; after so many we take what we have."""


class PubSubInspector:
    """One queue, to be looked at and managed.

    Args:
        calls: The connection.
        names: The queue.
        clock: Time.
        dead_letters: Where its dead letters are; None: it has none.
        create: Creates it.
        monitoring: Counts messages; None: nobody does.
    """

    def __init__(
        self,
        calls: Calls,
        names: QueueNames,
        clock: Clock,
        *,
        dead_letters: QueueNames | None,
        create: Callable[[], Awaitable[None]],
        monitoring: Monitoring | None,
    ) -> None:
        self._calls = calls
        self._names = names
        self._dead_letters = dead_letters
        self._create = create
        self._monitoring = monitoring
        self._clock = clock
        self._resources = Resources(calls)

    async def depth(self) -> Mapping[str, int]:
        """Number of messages that were not acked: "visible" and "dead"; a key that is missing is not known.

        Pub/Sub itself does not count. Cloud Monitoring does, some minutes late, leased ones included. Where
        that cannot be asked or knows nothing, messages are taken, counted and handed back: up to 1,000 of
        those that nobody holds, and the true number may be larger.
        """
        counts = {"visible": await self._count(self._names)}
        if self._dead_letters is not None:
            counts["dead"] = await self._count(self._dead_letters)
        return {key: count for key, count in counts.items() if count is not None}

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        """Look at some messages: they are taken and handed back, which counts as a delivery of each."""
        check_positive("tasks_max", tasks_max)
        bodies = [one.message.data for one in await self._take_and_hand_back(self._names, tasks_max)]
        tasks = ((body, decode_task(body)) for body in bodies)
        return [task if isinstance(task, Task) else body for body, task in tasks]

    async def purge(self) -> None:
        """Take everything that was published until now for done. Leases that are out lose their meaning."""
        moment = Timestamp()
        moment.FromDatetime(self._clock.utc_now())
        await self._resources.seek(self._names.subscription, moment)

    async def create(self) -> None:
        """Create topic and subscription, and for tasks the place for dead letters; what exists stays."""
        await self._create()

    async def delete(self) -> None:
        """Delete subscription and topic; the dead letters stay."""
        await self._resources.delete_subscription(self._names.subscription)
        await self._resources.delete_topic(self._names.topic)

    async def _count(self, names: QueueNames) -> int | None:
        if self._monitoring is not None:
            with contextlib.suppress(QueueUnavailableError):
                count = await self._monitoring.unacked(names.subscription)
                if count is not None:
                    return count
        try:
            return len(await self._take_and_hand_back(names, PULL_MESSAGES_MAX))
        except CallFailedError as error:
            if error.code == "NOT_FOUND":
                return None
            raise

    async def _take_and_hand_back(self, names: QueueNames, messages_max: int) -> list[Received]:
        puller = Puller(self._calls, names.subscription, self._clock)
        received: list[Received] = []
        try:
            for _ in range(PEEK_ROUNDS_MAX):
                more = await puller.pull(messages_max - len(received), 0.0)
                received += more
                if not more or len(received) >= messages_max:
                    break
        finally:
            if received:
                requests = AckRequests(self._calls, names.subscription)
                await requests.set_deadline([one.ack_id for one in received], 0)
        return received
