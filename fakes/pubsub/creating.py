"""Topics and subscriptions for programs that talk to the model directly."""

from __future__ import annotations

from typing import Any

from fakes.pubsub.protos import raw
from fakes.pubsub.publisher import PublisherCalls
from fakes.pubsub.service import PubSubService
from fakes.pubsub.subscriber import SubscriberCalls


def create_topic(service: PubSubService, name: str, **settings: Any) -> None:
    """Make a topic.

    Args:
        service: Where.
        name: Its full name.
        settings: Other fields of a `google.pubsub.v1.Topic`.

    Raises:
        PubSubError: The service refuses it.
    """
    PublisherCalls(service).create_topic(raw("Topic")(name=name, **settings))


def create_subscription(service: PubSubService, name: str, topic: str, **settings: Any) -> None:
    """Make a subscription.

    Args:
        service: Where.
        name: Its full name.
        topic: Full name of its topic.
        settings: Other fields of a `google.pubsub.v1.Subscription`.

    Raises:
        PubSubError: The service refuses it.
    """
    SubscriberCalls(service).create_subscription(raw("Subscription")(name=name, topic=topic, **settings))
