"""boto3's client as production makes it, with another transport, and pauses that take no real time."""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import boto3
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.retries.standard import register_retry_handler

from cloud_tasks.queues.sqs.connection import TRIES, client_config

REGION = "us-east-1"
_RETRIES, _RETRY_NAME = "needs-retry.sqs", "retry-config-sqs"


class Underneath(Protocol):
    """What is below a client: its network and its time."""

    def send(self, request: Any) -> AWSResponse:
        """Send a prepared request; raises what boto3's own transport would."""
        ...

    def has_retried(self, attempt: int) -> bool:
        """Whether the client has decided, before it was called once more, to try again after this attempt."""
        ...

    def pause(self, seconds: float) -> None:
        """The client wants to wait before it tries again; does not return."""
        ...

    def linger(self, seconds: float) -> None:
        """The client waits before it gives up."""
        ...

    def share(self) -> float:
        """A number from 0 to 1, in place of the library's own generator."""
        ...


@cache
def _session() -> boto3.Session:
    """One for all: a client of a new one takes a tenth of a second."""
    return boto3.Session(
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106 - what answers looks at none
        region_name=REGION,
    )


def make_client(underneath: Underneath) -> BaseClient:
    """A client. Whether it tries again, and for how long it waits before, is decided by boto3."""
    client: BaseClient = _session().client("sqs", config=client_config())
    events: Any = client.meta.events
    events.unregister(_RETRIES, unique_id=_RETRY_NAME)
    decide: Any = register_retry_handler(client, TRIES)
    events.unregister(_RETRIES, unique_id=_RETRY_NAME)
    # Generator and clock are bound when the module is read, and cannot be given otherwise.
    decide._retry_policy._retry_backoff._random = underneath.share  # noqa: SLF001
    decide._sleep = underneath.linger  # noqa: SLF001

    def needs_retry(**about: Any) -> float | bool | None:
        if underneath.has_retried(about["attempts"]):
            return 0.0
        seconds: float | bool | None = decide.needs_retry(**about)
        if seconds is None or seconds is False:
            return seconds
        underneath.pause(float(seconds))
        return 0.0

    events.register(_RETRIES, needs_retry)
    events.register("before-send.sqs", lambda request, **_: underneath.send(request))
    return client
