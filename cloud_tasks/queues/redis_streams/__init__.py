"""Queues in Redis (or Valkey), as Streams. Importing this is cheap; `open_driver` imports redis."""

from __future__ import annotations

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.interfaces import Clock, QueueDriver
from cloud_tasks.queues.redis_streams.problems import library_missing
from cloud_tasks.queues.redis_streams.settings import RedisSettings as RedisSettings


def open_driver(settings: RedisSettings, clock: Clock) -> QueueDriver:
    """The queues of one server. Nothing is asked of the network yet.

    Args:
        settings: Which server, and how it is used.
        clock: Time.

    Raises:
        ConfigurationError: The package redis is not there, or the address is none.
    """
    try:
        from cloud_tasks.queues.redis_streams.driver import RedisDriver
    except ImportError as error:
        raise ConfigurationError(library_missing(error)) from error
    return RedisDriver(settings, clock)
