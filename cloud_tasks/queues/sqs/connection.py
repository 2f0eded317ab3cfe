"""The client, and where it gets its region and its credentials from."""

from __future__ import annotations

import os

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    InvalidRegionError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from msgspec import Struct

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.queues.sqs import problems
from cloud_tasks.queues.sqs.bodies import one_line
from cloud_tasks.queues.sqs.calls import CALL_THREADS, POLL_THREADS, Calls
from cloud_tasks.queues.sqs.limits import WAIT_S_MAX
from cloud_tasks.queues.sqs.settings import SqsSettings
from cloud_tasks.queues.sqs.threads import Threads

CONNECT_S = 5
READ_S = WAIT_S_MAX + 10
"""Longer than the longest poll."""
TRIES = 2
"""Of the library's own, with its own pauses; whatever fails then is for the worker, which backs off."""


class Connection(Struct, frozen=True):
    """A client, ready to be called.

    Attributes:
        calls: The calls.
        where: Region and address, in words.
        source: Where the credentials come from, in words.
    """

    calls: Calls
    where: str
    source: str


async def connect(settings: SqsSettings) -> Connection:
    """Make the client, in a thread: reading its model takes a fifth of a second.

    Raises:
        ConfigurationError: There is no region, no profile of that name, or there are no credentials.
    """
    threads = Threads("sqs-connect", 1)
    try:
        return await threads.submit(lambda: _connect(settings))
    finally:
        threads.close()


def _connect(settings: SqsSettings) -> Connection:
    try:
        session = boto3.Session(
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            # The variable that AWS's containers and functions set; boto3 itself looks at another.
            region_name=settings.region or os.environ.get("AWS_REGION") or None,
            profile_name=settings.profile,
        )
        credentials = session.get_credentials()
        if credentials is None:
            raise ConfigurationError(problems.no_credentials())
        client = session.client("sqs", endpoint_url=settings.endpoint_url, config=client_config())
    except ProfileNotFound as error:
        raise ConfigurationError(problems.no_profile(error)) from error
    except NoRegionError as error:
        raise ConfigurationError(problems.no_region()) from error
    except PartialCredentialsError as error:
        raise ConfigurationError(
            problems.credentials_refused("a part of them", "incomplete", one_line(str(error)))
        ) from error
    except InvalidRegionError as error:
        raise ConfigurationError(problems.bad_region(error)) from error
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(problems.bad_endpoint(error)) from error
    where = f"region {client.meta.region_name} ({client.meta.endpoint_url})"
    return Connection(Calls(client), where, credentials.method or "the settings")


def client_config() -> Config:
    """How every client is made: its time limits, and when it tries again by itself."""
    return Config(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        max_pool_connections=POLL_THREADS + CALL_THREADS,
        retries={"mode": "standard", "total_max_attempts": TRIES},
    )
