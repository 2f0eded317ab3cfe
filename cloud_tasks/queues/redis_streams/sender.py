"""`RedisSender`: producing tasks."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from cloud_tasks.core.task import Task
from cloud_tasks.queues.batching import body_of, send_in_batches
from cloud_tasks.queues.delays import check_delay
from cloud_tasks.queues.redis_streams.connection import Connection
from cloud_tasks.queues.redis_streams.keys import QueueKeys
from cloud_tasks.queues.redis_streams.leases import ms_of
from cloud_tasks.queues.redis_streams.scripts import SEND, SEND_LATER
from cloud_tasks.queues.redis_streams.task_queue import YEAR_S

BATCH_MAX = 1000
BATCH_BYTES_MAX = 1_000_000
"""What a call carries at most, so that it does not hold up the server's other clients."""


class RedisSender:
    """Sends tasks, a thousand in a call.

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
        self._named = False

    async def send(self, task: Task, delay_s: float = 0.0) -> None:
        """Put one task into the queue, to be taken when the delay is over.

        Raises:
            MessageRefusedError: The task is not JSON.
            QueueUnavailableError: Nobody knows whether it was sent.
            ValueError: The delay is longer than a year.
        """
        check_delay(delay_s, YEAR_S, "Redis")
        body = body_of(task)
        await self._tell_name()
        if delay_s:
            values = (body, ms_of(delay_s, YEAR_S), secrets.token_bytes(12))
            await self._connection.run(SEND_LATER, self._keys.all, *values)
        else:
            await self._connection.run(SEND, self._keys.all, body)

    async def send_many(self, tasks: Iterable[Task]) -> None:
        """Put many in, up to the first that is refused; see `TaskSender`."""
        await send_in_batches(
            tasks, body_of, len, self._send, count_max=BATCH_MAX, size_bytes_max=BATCH_BYTES_MAX
        )

    async def _send(self, batch: Sequence[tuple[Task, bytes]]) -> None:
        await self._tell_name()
        await self._connection.run(SEND, self._keys.all, *(body for _, body in batch))

    async def _tell_name(self) -> None:
        """The set is in another slot of a cluster, and no script may touch both."""
        if not self._named:
            await self._connection.call(b"SADD", self._names, self._name)
            self._named = True
