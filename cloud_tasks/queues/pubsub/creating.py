"""Creating queues: topic, subscription, and the place for dead letters."""

from __future__ import annotations

from google.pubsub_v1 import types

from cloud_tasks.queues.pubsub.limits import LEASE_S_MAX, lease_seconds
from cloud_tasks.queues.pubsub.names import QueueNames
from cloud_tasks.queues.pubsub.resources import Resources, seconds
from cloud_tasks.queues.pubsub.settings import PubSubSettings

EVENT_LEASE_S = 60


async def create_task_queue(
    resources: Resources, settings: PubSubSettings, names: QueueNames, dead_letters: QueueNames
) -> None:
    """Create what is missing of the task queue. What exists stays as it is."""
    await create_dead_letter_queue(resources, settings, dead_letters)
    await resources.create_topic(names.topic)
    await resources.create_subscription(_task_subscription(settings, names, dead_letters))


async def create_event_queue(resources: Resources, settings: PubSubSettings, names: QueueNames) -> None:
    """Create what is missing of the event queue. Its messages keep their order, key by key."""
    await resources.create_topic(names.topic)
    await resources.create_subscription(
        types.Subscription(
            name=names.subscription,
            topic=names.topic,
            ack_deadline_seconds=EVENT_LEASE_S,
            message_retention_duration=seconds(settings.retention_s),
            expiration_policy=types.ExpirationPolicy(),
            enable_message_ordering=True,
        )
    )


async def create_dead_letter_queue(resources: Resources, settings: PubSubSettings, names: QueueNames) -> None:
    """Create what is missing of the queue for dead letters; without its subscription they would be lost."""
    await resources.create_topic(names.topic)
    await resources.create_subscription(
        types.Subscription(
            name=names.subscription,
            topic=names.topic,
            ack_deadline_seconds=LEASE_S_MAX,
            message_retention_duration=seconds(settings.retention_s),
            expiration_policy=types.ExpirationPolicy(),
        )
    )


def _task_subscription(
    settings: PubSubSettings, names: QueueNames, dead_letters: QueueNames
) -> types.Subscription:
    """An empty expiration policy: otherwise one that nobody used for 31 days would be deleted."""
    subscription = types.Subscription(
        name=names.subscription,
        topic=names.topic,
        ack_deadline_seconds=lease_seconds(settings.lease_s),
        message_retention_duration=seconds(settings.retention_s),
        expiration_policy=types.ExpirationPolicy(),
        enable_exactly_once_delivery=settings.exactly_once,
        dead_letter_policy=types.DeadLetterPolicy(
            dead_letter_topic=dead_letters.topic, max_delivery_attempts=settings.delivery_attempts_max
        ),
    )
    if settings.retry_delay_s is not None:
        shortest_s, longest_s = settings.retry_delay_s
        subscription.retry_policy = types.RetryPolicy(
            minimum_backoff=seconds(shortest_s), maximum_backoff=seconds(longest_s)
        )
    return subscription
