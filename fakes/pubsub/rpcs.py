"""The calls of both services by name, and who answers them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from google.protobuf.empty_pb2 import Empty
from msgspec import Struct

from fakes.pubsub.operations import PUBLISHER_OPERATIONS, STREAMING_PULL, SUBSCRIBER_OPERATIONS
from fakes.pubsub.protos import raw
from fakes.pubsub.publisher import PublisherCalls
from fakes.pubsub.service import PubSubService
from fakes.pubsub.snapshots import SnapshotCalls
from fakes.pubsub.subscriber import SubscriberCalls

Answer: TypeAlias = Callable[[Any], Any | Awaitable[Any]]
"""Takes a request; gives the answer, None if that is empty."""

PUBLISHER = "google.pubsub.v1.Publisher"
SUBSCRIBER = "google.pubsub.v1.Subscriber"

_REQUESTS = {"CreateTopic": "Topic", "CreateSubscription": "Subscription"}
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class Rpc(Struct, frozen=True):
    """A call with one request and one answer.

    Attributes:
        service: Full name of the service.
        name: Its name.
        request: The request's protobuf class.
        answer: Who answers it.
    """

    service: str
    name: str
    request: Any
    answer: Answer


def rpcs(service: PubSubService) -> list[Rpc]:
    """All calls but the stream."""
    publisher, subscriber = PublisherCalls(service), (SubscriberCalls(service), SnapshotCalls(service))
    return [
        *(_rpc(PUBLISHER, name, publisher) for name in PUBLISHER_OPERATIONS),
        *(_rpc(SUBSCRIBER, name, *subscriber) for name in SUBSCRIBER_OPERATIONS if name != STREAMING_PULL),
    ]


def serialise(response: Any) -> bytes:
    """An answer on the wire."""
    return bytes((Empty() if response is None else response).SerializeToString())


def _rpc(service: str, name: str, *answering: object) -> Rpc:
    method = _CAPITAL.sub("_", name).lower()
    answer = next(getattr(one, method) for one in answering if hasattr(one, method))
    return Rpc(service, name, raw(_REQUESTS.get(name, f"{name}Request")), answer)
