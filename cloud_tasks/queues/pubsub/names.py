"""What a queue is called at Pub/Sub: a topic and a subscription, named by one pattern."""

from __future__ import annotations

from msgspec import Struct

DELETED_TOPIC = "_deleted-topic_"
"""What a subscription says of its topic when that has been deleted."""


class QueueNames(Struct, frozen=True):
    """One queue's resources, by their full names.

    Attributes:
        queue: The queue, as the user calls it.
        topic: Where its messages are published.
        subscription: Where they are taken from.
    """

    queue: str
    topic: str
    subscription: str


def queue_names(project_id: str, queue: str) -> QueueNames:
    """Topic and subscription of a queue."""
    root = f"projects/{project_id}"
    return QueueNames(queue, f"{root}/topics/{queue}-topic", f"{root}/subscriptions/{queue}-subscription")


def dead_letter_names(project_id: str, queue: str) -> QueueNames:
    """Topic and subscription of the queue for what cannot be worked on."""
    return queue_names(project_id, f"{queue}-dead")


def short(resource: str) -> str:
    """The last part of a full name."""
    return resource.rpartition("/")[2]
