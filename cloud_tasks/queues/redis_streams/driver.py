"""`RedisDriver`: the queues of one server."""

from __future__ import annotations

from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.naming import check_name, is_text
from cloud_tasks.queues.redis_streams.completed import CompletedTask, completed_of
from cloud_tasks.queues.redis_streams.connection import Connection
from cloud_tasks.queues.redis_streams.dead_letters import RedisDeadLetters
from cloud_tasks.queues.redis_streams.inspector import RedisInspector
from cloud_tasks.queues.redis_streams.keys import QueueKeys, names_key
from cloud_tasks.queues.redis_streams.once import RedisOnce
from cloud_tasks.queues.redis_streams.sender import RedisSender
from cloud_tasks.queues.redis_streams.settings import RedisSettings
from cloud_tasks.queues.redis_streams.task_queue import RedisQueue


class RedisDriver:
    """Queues in Redis, each a stream with a consumer group; see `QueueDriver`.

    Belongs to the event loop of its first call.

    Args:
        settings: Which server, and how it is used.
        clock: Time.

    Raises:
        ConfigurationError: The address is none.
    """

    def __init__(self, settings: RedisSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._connection = Connection(settings)
        self._names = names_key(settings.prefix)

    async def connect(self) -> None:
        """See that the server can be used; see `QueueDriver`."""
        await self._connection.check()

    async def disconnect(self) -> None:
        """Let go of connections; see `QueueDriver`."""
        await self._connection.aclose()

    def tasks(self, queue: str, lease_s: float) -> RedisQueue:
        """The queue for a worker."""
        return RedisQueue(
            self._connection,
            self._keys(queue),
            queue,
            lease_s,
            self._clock,
            keep_completed=self._settings.keep_completed,
        )

    def sender(self, queue: str) -> RedisSender:
        """The queue for a producer."""
        return RedisSender(self._connection, self._keys(queue), queue, self._names)

    def inspector(self, queue: str) -> RedisInspector:
        """The queue, to be looked at and managed."""
        return RedisInspector(self._connection, self._keys(queue), queue, self._names)

    def dead_letters(self, queue: str) -> RedisDeadLetters:
        """The dead letters of the queue."""
        return RedisDeadLetters(self._connection, self._keys(queue), queue)

    def once_sender(self, queue: str) -> RedisOnce:
        """The queue, for several producers of the same tasks; see `OnceDriver`."""
        return RedisOnce(self._connection, self._keys(queue), queue, self._names)

    def once_book(self, queue: str) -> RedisOnce:
        """What was done once for the queue; see `OnceDriver`."""
        return RedisOnce(self._connection, self._keys(queue), queue, self._names)

    async def queue_names(self) -> list[str]:
        """Names of all queues that something was sent to, sorted."""
        return sorted(name.decode() for name in await self._connection.call(b"SMEMBERS", self._names))

    async def completed(self, queue: str, tasks_max: int) -> list[CompletedTask]:
        """The newest records of completed tasks, newest first."""
        key = self._keys(queue).completed
        entries = await self._connection.call(b"XREVRANGE", key, b"+", b"-", b"COUNT", tasks_max)
        return [completed_of(queue, entry_id, fields[1]) for entry_id, fields in entries]

    def _keys(self, queue: str) -> QueueKeys:
        checked = check_name(queue, "Redis", "1 character or more, of any kind", fits=is_text(queue))
        return QueueKeys(self._settings.prefix, checked)
