"""Events on a channel of Redis. Nobody waits for it, and what nobody listens to is lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.sinks.worker_events import Message

if TYPE_CHECKING:
    from redis.asyncio import Redis

WAITING_MAX = 10_000
"""Messages that are kept while the server does not take them; the oldest are dropped first."""
_BATCH_MAX = 500
_CALL_S = 5.0
_PAUSE_S = 1.0
_FLUSH_S = 1.0
_encode = msgspec.json.Encoder().encode


class RedisChannel:
    """Publishes messages in the background; `put` never waits, and nothing here ever raises.

    Args:
        url: The server.
        channel: The channel.

    Attributes:
        dropped: Messages that were given up.
    """

    def __init__(self, url: str, channel: str) -> None:
        """Take note; nothing is connected.

        Raises:
            ConfigurationError: The address is none, or the package is missing.
        """
        self._redis = _client(url)
        self._channel = channel
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._publisher: asyncio.Task[None] | None = None
        self.dropped = 0

    def put(self, message: Message) -> None:
        """Have a message published. On the event loop."""
        if self._publisher is None:
            self._publisher = asyncio.get_running_loop().create_task(self._publish_all())
        self._waiting.append(_encode(message))
        if len(self._waiting) > WAITING_MAX:
            self._waiting.popleft()
            self.dropped += 1
        self._empty.clear()
        self._wake.set()

    async def aclose(self) -> None:
        """Publish what waits, if that goes quickly, and let go."""
        if self._publisher is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), _FLUSH_S)
            self._publisher.cancel()
            await asyncio.gather(self._publisher, return_exceptions=True)
        with contextlib.suppress(Exception):  # boundary: a connection that is broken need not be closed well
            await asyncio.wait_for(self._redis.aclose(), _FLUSH_S)

    async def _publish_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = [self._waiting[number] for number in range(min(_BATCH_MAX, len(self._waiting)))]
                try:
                    await asyncio.wait_for(self._publish(batch), _CALL_S)
                except Exception:  # noqa: BLE001 - boundary: watching must not disturb what is watched
                    await asyncio.sleep(_PAUSE_S)
                    continue
                for _ in range(min(len(batch), len(self._waiting))):
                    self._waiting.popleft()
            self._empty.set()

    async def _publish(self, batch: list[bytes]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for body in batch:
                pipeline.publish(self._channel, body)
            await pipeline.execute()


def _client(url: str) -> Redis:
    try:
        from redis.asyncio import Redis as Client
    except ImportError:
        raise ConfigurationError(
            Problem(
                "events on a channel of Redis need the package redis",
                helps=("pip install 'cloud-tasks[redis]'",),
            )
        ) from None
    try:
        return Client.from_url(url)
    except ValueError as error:
        raise ConfigurationError(Problem(f"the address of Redis for events is none: {error}")) from None
