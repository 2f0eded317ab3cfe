"""Queues at Google Cloud Pub/Sub. Importing this is cheap; opening them imports Google's library."""

from __future__ import annotations

import os

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.interfaces import Clock, QueueBackend, QueueDriver
from cloud_tasks.queues.pubsub.problems import library_missing
from cloud_tasks.queues.pubsub.settings import PubSubDriverSettings as PubSubDriverSettings
from cloud_tasks.queues.pubsub.settings import PubSubSettings as PubSubSettings


def open_backend(settings: PubSubSettings, clock: Clock) -> QueueBackend:
    """The queues of one job. Nothing is asked of the network yet.

    Args:
        settings: Which queues, with what credentials.
        clock: Time.

    Raises:
        ConfigurationError: Google's library is not there.
    """
    _quieten()
    try:
        from cloud_tasks.queues.pubsub.backend import PubSubBackend
    except ImportError as error:
        raise ConfigurationError(library_missing(error)) from error
    return PubSubBackend(settings, clock)


def open_driver(settings: PubSubDriverSettings, clock: Clock) -> QueueDriver:
    """Any number of queues, by name. Nothing is asked of the network yet.

    Args:
        settings: Where they are.
        clock: Time.

    Raises:
        ConfigurationError: Google's library is not there.
    """
    _quieten()
    try:
        from cloud_tasks.queues.pubsub.driver import PubSubDriver
    except ImportError as error:
        raise ConfigurationError(library_missing(error)) from error
    return PubSubDriver(settings, clock)


def _quieten() -> None:
    """Otherwise gRPC's core writes lines of its own to stderr whenever a server closes a connection."""
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
