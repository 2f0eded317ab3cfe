"""Queues at Google Cloud Pub/Sub. Importing this is cheap; `open_backend` imports Google's library."""

from __future__ import annotations

import os

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.interfaces import Clock, QueueBackend
from cloud_tasks.queues.pubsub.problems import library_missing
from cloud_tasks.queues.pubsub.settings import PubSubSettings as PubSubSettings


def open_backend(settings: PubSubSettings, clock: Clock) -> QueueBackend:
    """The queues of one job. Nothing is asked of the network yet.

    Args:
        settings: Which queues, with what credentials.
        clock: Time.

    Raises:
        ConfigurationError: Google's library is not there.
    """
    # Otherwise gRPC's core writes lines of its own to stderr whenever a server closes a connection.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        from cloud_tasks.queues.pubsub.backend import PubSubBackend
    except ImportError as error:
        raise ConfigurationError(library_missing(error)) from error
    return PubSubBackend(settings, clock)
