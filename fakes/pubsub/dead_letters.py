"""What a message looks like that came back too often."""

from __future__ import annotations

from datetime import UTC, datetime

from fakes.pubsub.message import Content, Entry
from fakes.pubsub.names import project_of, short_name
from fakes.pubsub.subscription import Subscription

_PREFIX = "CloudPubSubDeadLetterSource"


def dead_letter(source: Subscription, entry: Entry) -> Content:
    """The message, with where it comes from among its attributes."""
    content = entry.published.content
    told = {
        f"{_PREFIX}DeliveryCount": str(entry.failures),
        f"{_PREFIX}Subscription": short_name(source.name),
        f"{_PREFIX}SubscriptionProject": project_of(source.name),
        f"{_PREFIX}TopicPublishTime": datetime.fromtimestamp(entry.published.at_utc, UTC).isoformat(),
    }
    size_bytes = content.size_bytes + sum(len(name) + len(text) + 6 for name, text in told.items())
    return Content(content.data, {**content.attributes, **told}, content.ordering_key, size_bytes)
