"""Who watches task functions: events on a channel of Redis, where the settings ask for it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from cloud_tasks.clock import SystemClock
from cloud_tasks.sinks.redis_channel import RedisChannel
from cloud_tasks.sinks.redis_server import RedisServer
from cloud_tasks.sinks.worker_events import enqueued_message
from cloud_tasks.sinks.worker_messages import Encode, encoder
from cloud_tasks.task_app.config import Config


def events_server(config: Config) -> RedisServer:
    """The server for events: its own, or the driver's with the driver's password and database."""
    if config.events.redis_url is not None:
        return RedisServer(config.events.redis_url)
    return RedisServer(config.redis.url, config.redis.password, config.redis.db)


def open_channel(config: Config, tell: Callable[[str], None] | None = None) -> RedisChannel | None:
    """The channel, if events are asked for. On the event loop.

    Args:
        config: The settings.
        tell: Told when events cannot be published; None: the logger "cloud_tasks" is.

    Raises:
        ConfigurationError: The address is none, or the package is missing.
    """
    if not config.events.enable_event_emitter_redis:
        return None
    return RedisChannel(events_server(config), config.events.channel, tell or _log)


class EnqueuedOnChannel:
    """Tells of dispatched tasks on the channel.

    Args:
        channel: The channel.
        encode: Makes bytes of what is told.
        owned: Whether the channel is closed with this.
    """

    def __init__(self, channel: RedisChannel, encode: Encode, *, owned: bool) -> None:
        self._channel = channel
        self._encode = encode
        self._owned = owned
        self._clock = SystemClock()

    async def enqueued(self, task_id: str, name: str, queue: str) -> None:
        """A task is in its queue."""
        timestamp = self._clock.utc_now().isoformat()
        self._channel.put(self._encode(enqueued_message(timestamp, task_id, name, queue)))

    async def aclose(self) -> None:
        """Publish what waits, and let go."""
        if self._owned:
            await self._channel.aclose()


def open_teller(config: Config) -> EnqueuedOnChannel | None:
    """Who is told of tasks that a program dispatches, if anybody is.

    Raises:
        ConfigurationError: The address is none, or the package is missing.
    """
    channel = open_channel(config)
    return None if channel is None else EnqueuedOnChannel(channel, encoder(config.events.format), owned=True)


def _log(text: str) -> None:
    logging.getLogger("cloud_tasks").warning("%s", text)
