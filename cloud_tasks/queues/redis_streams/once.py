"""`RedisOnce`: what several try to do, and one does."""

from __future__ import annotations

from typing import Literal

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.core.task import Task
from cloud_tasks.queues.batching import body_of
from cloud_tasks.queues.redis_streams.connection import Connection
from cloud_tasks.queues.redis_streams.keys import QueueKeys
from cloud_tasks.queues.redis_streams.leases import ms_of
from cloud_tasks.queues.redis_streams.scripts import CLAIM, SEND_ONCE, SETTLE_ONCE
from cloud_tasks.queues.redis_streams.task_queue import YEAR_S

Claim = Literal["ours", "theirs", "done"]
_CLAIMS: dict[bytes, Claim] = {b"ours": "ours", b"theirs": "theirs", b"done": "done"}


class RedisOnce:
    """A sorted set of keys for each queue; see `OnceSender` and `OnceBook`.

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

    async def send_once(self, key: str, task: Task) -> bool:
        """Put a task into the queue, in the script that enters the key; see `OnceSender`."""
        body = body_of(task)
        sent = await self._connection.run(SEND_ONCE, (self._keys.stream, self._keys.once), key.encode(), body)
        if sent:
            await self._connection.call(b"SADD", self._names, self._name)
        return bool(sent)

    async def claim(self, key: str, seconds: float) -> Claim:
        """Say that we do it, for so long; see `OnceBook`."""
        check_positive("seconds", seconds)
        answer = await self._connection.run(CLAIM, self._both, key.encode(), ms_of(seconds, YEAR_S))
        return _CLAIMS[answer]

    async def settle(self, key: str) -> None:
        """Say that it is done; see `OnceBook`."""
        await self._connection.run(SETTLE_ONCE, self._both, key.encode())

    async def newest(self, not_after: str) -> str | None:
        """The greatest key that is done; see `OnceBook`."""
        most = b"[" + not_after.encode()
        found = await self._connection.call(b"ZREVRANGEBYLEX", self._keys.once, most, b"-", b"LIMIT", 0, 1)
        return found[0].decode() if found else None

    async def forget(self, before: str) -> None:
        """Remove all lesser keys; see `OnceBook`."""
        await self._connection.call(b"ZREMRANGEBYLEX", self._keys.once, b"-", b"(" + before.encode())
        # Claims are few, and those that nobody settled are of no use to anybody.
        for key in await self._connection.call(b"ZRANGE", self._keys.claims, 0, -1):
            if key < before.encode():
                await self._connection.call(b"ZREM", self._keys.claims, key)

    @property
    def _both(self) -> tuple[bytes, bytes]:
        return self._keys.once, self._keys.claims
