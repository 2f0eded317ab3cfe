"""Queues in RabbitMQ, as quorum queues. Importing this is cheap; `open_driver` imports aiormq."""

from __future__ import annotations

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.interfaces import Clock, QueueDriver
from cloud_tasks.queues.rabbitmq.problems import library_missing
from cloud_tasks.queues.rabbitmq.settings import RabbitSettings as RabbitSettings


def open_driver(settings: RabbitSettings, clock: Clock) -> QueueDriver:
    """The queues of one broker. Nothing is asked of the network yet.

    Args:
        settings: Which broker, and how it is used.
        clock: Time.

    Raises:
        ConfigurationError: The package is not there, or the address is none.
    """
    try:
        from cloud_tasks.queues.rabbitmq.driver import RabbitDriver
    except ImportError as error:
        raise ConfigurationError(library_missing(error)) from error
    return RabbitDriver(settings, clock)
