"""Opening the connection to Pub/Sub, or to what stands in for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import grpc
from google.auth.credentials import Credentials
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from cloud_tasks.errors import ConfigurationError
from cloud_tasks.queues.pubsub.calls import Calls
from cloud_tasks.queues.pubsub.credentials import find_credentials
from cloud_tasks.queues.pubsub.problems import no_project
from cloud_tasks.queues.pubsub.settings import PubSubSettings

EMULATOR_VARIABLE = "PUBSUB_EMULATOR_HOST"
_RECONNECT = [("grpc.initial_reconnect_backoff_ms", 500), ("grpc.max_reconnect_backoff_ms", 5_000)]
"""By itself gRPC would try again only every two minutes after an outage that took some time."""
_NO_SIZE_LIMIT = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
_TRAILER_BYTES_MAX = 1_048_576
_ALL_REASONS = [("grpc.max_metadata_size", _TRAILER_BYTES_MAX)]
"""By itself gRPC throws an answer away whose trailer has more than 8 KiB, and says another instead: no room
for the reasons of as many ack ids as a request may have."""


class Connection:
    """An open connection.

    Attributes:
        calls: The calls that go through it.
        project_id: The project whose queues are meant.
        credentials: What we are known by; None where a stand-in is asked.
    """

    def __init__(self, calls: Calls, project_id: str, credentials: Credentials | None) -> None:
        self.calls = calls
        self.project_id = project_id
        self.credentials = credentials

    async def aclose(self) -> None:
        """Let go."""
        await self.calls.publisher.close()  # type: ignore[no-untyped-call]
        await self.calls.subscriber.close()  # type: ignore[no-untyped-call]


async def connect(settings: PubSubSettings) -> Connection:
    """Find credentials and open the channels. Nothing is asked of Pub/Sub itself.

    Raises:
        ConfigurationError: There are no credentials, or no project is known.
        QueueUnavailableError: The credentials could not be renewed for want of an answer.
    """
    host = emulator_host(settings)
    if host:
        project_id = settings.project_id or os.environ.get("GOOGLE_CLOUD_PROJECT", "")
        if not project_id:
            raise ConfigurationError(no_project())
        return Connection(_calls_to_stand_in(host), project_id, None)
    credentials, found_project = await asyncio.to_thread(find_credentials, settings)
    project_id = settings.project_id or found_project
    if not project_id:
        raise ConfigurationError(no_project())
    calls = Calls(
        PublisherGrpcAsyncIOTransport(credentials=credentials, channel=_channel_to_google),
        SubscriberGrpcAsyncIOTransport(credentials=credentials, channel=_channel_to_google),
    )
    return Connection(calls, project_id, credentials)


def emulator_host(settings: PubSubSettings) -> str:
    """Where a stand-in is asked; "" for Google's service."""
    if settings.emulator_host is not None:
        return settings.emulator_host
    return os.environ.get(EMULATOR_VARIABLE, "")


def _channel_to_google(host: str, *, options: Sequence[tuple[str, Any]], **given: Any) -> grpc.aio.Channel:
    """The channel that a transport makes, with what it makes it from, and ours."""
    make: Any = SubscriberGrpcAsyncIOTransport.create_channel
    channel: grpc.aio.Channel = make(host, options=[*options, *_RECONNECT, *_ALL_REASONS], **given)
    return channel


def _calls_to_stand_in(host: str) -> Calls:
    options = [*_NO_SIZE_LIMIT, *_RECONNECT, *_ALL_REASONS]
    return Calls(
        PublisherGrpcAsyncIOTransport(channel=grpc.aio.insecure_channel(host, options)),
        SubscriberGrpcAsyncIOTransport(channel=grpc.aio.insecure_channel(host, options)),
    )
