"""What the task queue has to know of its subscription."""

from __future__ import annotations

from google.pubsub_v1 import types
from msgspec import Struct

from cloud_tasks.queues.pubsub.limits import LEASE_S_MIN


class SubscriptionFacts(Struct, frozen=True, kw_only=True):
    """What is known of a subscription.

    Attributes:
        name: Its full name.
        ack_deadline_s: How long the service leases a message by itself, in seconds.
        exactly_once: Whether acks are confirmed and only the newest ack id counts.
        counts_deliveries: Whether messages carry the number of their deliveries: those of a subscription with
            a dead-letter policy do.
    """

    name: str
    ack_deadline_s: int
    exactly_once: bool
    counts_deliveries: bool


def facts_of(subscription: types.Subscription) -> SubscriptionFacts:
    """What the service tells of a subscription."""
    return SubscriptionFacts(
        name=subscription.name,
        ack_deadline_s=subscription.ack_deadline_seconds or LEASE_S_MIN,
        exactly_once=subscription.enable_exactly_once_delivery,
        counts_deliveries=bool(subscription.dead_letter_policy.dead_letter_topic),
    )
