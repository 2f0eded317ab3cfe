"""`RedisInspector`: looking at a queue, and managing it."""

from __future__ import annotations

from collections.abc import Mapping

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import Task
from cloud_tasks.queues.redis_streams.connection import Connection
from cloud_tasks.queues.redis_streams.keys import QueueKeys
from cloud_tasks.queues.redis_streams.scripts import DEPTH, PURGE


class RedisInspector:
    """One queue, to be looked at and managed.

    Args:
        connection: The server.
        keys: The queue.
        name: Its name.
        names: The key of the set of all queues' names.
    """

    def __init__(self, connection: Connection, keys: QueueKeys, name: str, names: bytes) -> None:
        self._connection = connection
        self._keys = keys
        self._name = name.encode()
        self._names = names

    async def depth(self) -> Mapping[str, int]:
        """Number of messages: "visible", "in_flight", "delayed", "dead".

        Delayed are those that were handed back or sent with a delay.
        """
        counts = await self._connection.run(DEPTH, self._keys.all)
        return dict(zip(("visible", "in_flight", "delayed", "dead"), counts, strict=True))

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        """Look at the oldest messages, also at those that somebody works on.

        What was sent with a delay is not among them until it is due.
        """
        check_positive("tasks_max", tasks_max)
        entries = await self._connection.call(b"XRANGE", self._keys.stream, b"-", b"+", b"COUNT", tasks_max)
        bodies = [fields[1] for _, fields in entries]
        tasks = ((body, decode_task(body)) for body in bodies)
        return [task if isinstance(task, Task) else body for body, task in tasks]

    async def purge(self) -> None:
        """Remove every message but dead letters; leases of them are lost."""
        await self._connection.run(PURGE, self._keys.all)

    async def create(self) -> None:
        """Make the queue known; the first task makes it as well."""
        await self._connection.call(b"SADD", self._names, self._name)

    async def delete(self) -> None:
        """Remove the queue with everything that belongs to it, dead letters and records too."""
        await self._connection.call(b"UNLINK", *self._keys.all, self._keys.once, self._keys.claims)
        await self._connection.call(b"SREM", self._names, self._name)
