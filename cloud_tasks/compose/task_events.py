"""Who watches task functions: events on a channel of Redis, where the settings ask for it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
from collections.abc import Callable

from cloud_tasks.clock import SystemClock
from cloud_tasks.sinks.redis_channel import RedisChannel
from cloud_tasks.sinks.redis_server import RedisServer
from cloud_tasks.sinks.worker_events import enqueued_message
from cloud_tasks.sinks.worker_messages import Encode, encoder
from cloud_tasks.task_app.config import Config

_CLOSE_S = 5.0
"""Longer than a channel takes to close."""


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
    """Tells of dispatched tasks on the channel. Made on the event loop.

    A program that ends without closing its connection has what waits published all the same.

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
        self._loop, self._pid = asyncio.get_running_loop(), os.getpid()
        if owned:
            atexit.register(self._close_at_exit)

    async def enqueued(self, task_id: str, name: str, queue: str) -> None:
        """A task is in its queue."""
        timestamp = self._clock.utc_now().isoformat()
        self._channel.put(self._encode(enqueued_message(timestamp, task_id, name, queue)))

    async def aclose(self) -> None:
        """Publish what waits, and let go."""
        if self._owned:
            atexit.unregister(self._close_at_exit)
            await self._channel.aclose()

    def _close_at_exit(self) -> None:
        """The program ends, and the loop still runs in another thread: what waits is published."""
        if self._loop.is_running() and os.getpid() == self._pid:
            with contextlib.suppress(Exception):  # boundary: nobody is left who could do anything about it
                asyncio.run_coroutine_threadsafe(self._channel.aclose(), self._loop).result(_CLOSE_S)


def open_teller(config: Config) -> EnqueuedOnChannel | None:
    """Who is told of tasks that a program dispatches, if anybody is.

    Raises:
        ConfigurationError: The address is none, or the package is missing.
    """
    channel = open_channel(config)
    if channel is None:
        return None
    return EnqueuedOnChannel(channel, encoder(config.events.format), owned=True)


def _log(text: str) -> None:
    logging.getLogger("cloud_tasks").warning("%s", text)
