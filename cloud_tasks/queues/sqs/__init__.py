"""Queues at Amazon SQS. Importing this is cheap; `open_backend` imports boto3."""

from __future__ import annotations

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.interfaces import Clock, QueueBackend, QueueDriver
from cloud_tasks.queues.sqs.problems import library_missing
from cloud_tasks.queues.sqs.settings import SqsDriverSettings as SqsDriverSettings
from cloud_tasks.queues.sqs.settings import SqsSettings as SqsSettings


def open_backend(settings: SqsSettings, clock: Clock) -> QueueBackend:
    """The queues of one job. Nothing is asked of the network yet.

    Args:
        settings: Which queues, with what credentials.
        clock: Time.

    Raises:
        ConfigurationError: boto3 is not there.
    """
    try:
        from cloud_tasks.queues.sqs.backend import SqsBackend
    except ImportError as error:
        raise ConfigurationError(library_missing(error)) from error
    return SqsBackend(settings, clock)


def open_driver(settings: SqsDriverSettings, clock: Clock) -> QueueDriver:
    """Any number of queues, by name. Nothing is asked of the network yet.

    Args:
        settings: Where they are.
        clock: Time.

    Raises:
        ConfigurationError: boto3 is not there.
    """
    try:
        from cloud_tasks.queues.sqs.driver import SqsDriver
    except ImportError as error:
        raise ConfigurationError(library_missing(error)) from error
    return SqsDriver(settings, clock)
