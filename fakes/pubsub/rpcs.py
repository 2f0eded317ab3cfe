"""The calls of both services by name, and who answers them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from google.protobuf.empty_pb2 import Empty
from msgspec import Struct

from fakes.pubsub.protos import raw
from fakes.pubsub.publisher import PublisherCalls
from fakes.pubsub.service import PubSubService
from fakes.pubsub.snapshots import SnapshotCalls
from fakes.pubsub.subscriber import SubscriberCalls

Answer: TypeAlias = Callable[[Any], Any | Awaitable[Any]]
"""Takes a request; gives the answer, None if that is empty."""

PUBLISHER = "google.pubsub.v1.Publisher"
SUBSCRIBER = "google.pubsub.v1.Subscriber"
STREAMING_PULL = "StreamingPull"


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
    publisher, subscriber, snapshots = (
        PublisherCalls(service),
        SubscriberCalls(service),
        SnapshotCalls(service),
    )
    return [
        _rpc(PUBLISHER, "CreateTopic", publisher.create_topic, "Topic"),
        _rpc(PUBLISHER, "UpdateTopic", publisher.update_topic),
        _rpc(PUBLISHER, "Publish", publisher.publish),
        _rpc(PUBLISHER, "GetTopic", publisher.get_topic),
        _rpc(PUBLISHER, "ListTopics", publisher.list_topics),
        _rpc(PUBLISHER, "ListTopicSubscriptions", publisher.list_topic_subscriptions),
        _rpc(PUBLISHER, "ListTopicSnapshots", publisher.list_topic_snapshots),
        _rpc(PUBLISHER, "DeleteTopic", publisher.delete_topic),
        _rpc(PUBLISHER, "DetachSubscription", publisher.detach_subscription),
        _rpc(SUBSCRIBER, "CreateSubscription", subscriber.create_subscription, "Subscription"),
        _rpc(SUBSCRIBER, "GetSubscription", subscriber.get_subscription),
        _rpc(SUBSCRIBER, "UpdateSubscription", subscriber.update_subscription),
        _rpc(SUBSCRIBER, "ListSubscriptions", subscriber.list_subscriptions),
        _rpc(SUBSCRIBER, "DeleteSubscription", subscriber.delete_subscription),
        _rpc(SUBSCRIBER, "ModifyAckDeadline", subscriber.modify_ack_deadline),
        _rpc(SUBSCRIBER, "Acknowledge", subscriber.acknowledge),
        _rpc(SUBSCRIBER, "Pull", subscriber.pull),
        _rpc(SUBSCRIBER, "ModifyPushConfig", subscriber.modify_push_config),
        _rpc(SUBSCRIBER, "GetSnapshot", snapshots.get_snapshot),
        _rpc(SUBSCRIBER, "ListSnapshots", snapshots.list_snapshots),
        _rpc(SUBSCRIBER, "CreateSnapshot", snapshots.create_snapshot),
        _rpc(SUBSCRIBER, "UpdateSnapshot", snapshots.update_snapshot),
        _rpc(SUBSCRIBER, "DeleteSnapshot", snapshots.delete_snapshot),
        _rpc(SUBSCRIBER, "Seek", snapshots.seek),
    ]


def serialise(response: Any) -> bytes:
    """An answer on the wire."""
    return bytes((Empty() if response is None else response).SerializeToString())


def _rpc(service: str, name: str, answer: Answer, request: str = "") -> Rpc:
    return Rpc(service, name, raw(request or f"{name}Request"), answer)
