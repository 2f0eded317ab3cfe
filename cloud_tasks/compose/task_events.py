"""Who watches task functions: events on a channel of Redis, where the settings ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlsplit, urlunsplit

from cloud_tasks.clock import SystemClock
from cloud_tasks.interfaces import Clock
from cloud_tasks.sinks.redis_channel import RedisChannel
from cloud_tasks.sinks.redis_events import RedisEventSink
from cloud_tasks.sinks.worker_events import WorkerEvents, enqueued_message
from cloud_tasks.task_app.config import Config, RedisConfig


def events_url(config: Config) -> str:
    """The server for events: its own, or the driver's with the driver's password and database."""
    return config.events.redis_url or _with_password(config.redis)


def _with_password(redis: RedisConfig) -> str:
    parts = urlsplit(redis.url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f":{quote(redis.password, safe='')}@{host}" if redis.password else parts.netloc
    path = parts.path if parts.path.strip("/") else f"/{redis.db}"
    return urlunsplit((parts.scheme, netloc, path, parts.query, parts.fragment))


def open_channel(config: Config) -> RedisChannel | None:
    """The channel, if events are asked for. On the event loop.

    Raises:
        ConfigurationError: The address is none, or the package is missing.
    """
    if not config.events.enable_event_emitter_redis:
        return None
    return RedisChannel(events_url(config), config.events.channel)


def worker_sink(
    config: Config, worker_id: str, queues: Sequence[str], heartbeat_s: float, clock: Clock
) -> RedisEventSink | None:
    """Where a worker tells of itself and its tasks, if that is asked for.

    Raises:
        ConfigurationError: The address is none, or the package is missing.
    """
    channel = open_channel(config)
    if channel is None:
        return None
    return RedisEventSink(channel, WorkerEvents(worker_id, queues, heartbeat_s, clock))


class EnqueuedOnChannel:
    """Tells of dispatched tasks on the channel."""

    def __init__(self, channel: RedisChannel) -> None:
        """Take over the channel; it is closed with this."""
        self._channel = channel
        self._clock = SystemClock()

    async def enqueued(self, task_id: str, name: str, queue: str) -> None:
        """A task is in its queue."""
        self._channel.put(enqueued_message(self._clock.utc_now().isoformat(), task_id, name, queue))

    async def aclose(self) -> None:
        """Publish what waits, and let go."""
        await self._channel.aclose()


def open_teller(config: Config) -> EnqueuedOnChannel | None:
    """Who is told of dispatched tasks, if anybody is.

    Raises:
        ConfigurationError: The address is none, or the package is missing.
    """
    channel = open_channel(config)
    return None if channel is None else EnqueuedOnChannel(channel)
