"""What each call needs."""

from __future__ import annotations

PUBLISHER = "roles/pubsub.publisher"
SUBSCRIBER = "roles/pubsub.subscriber"
VIEWER = "roles/pubsub.viewer"
EDITOR = "roles/pubsub.editor"

PUBLISH = "pubsub.topics.publish"
CONSUME = "pubsub.subscriptions.consume"

NEEDED: dict[str, tuple[str, str]] = {
    "Pull": (CONSUME, SUBSCRIBER),
    "Acknowledge": (CONSUME, SUBSCRIBER),
    "ModifyAckDeadline": (CONSUME, SUBSCRIBER),
    "Seek": (CONSUME, SUBSCRIBER),
    "Publish": (PUBLISH, PUBLISHER),
    "GetTopic": ("pubsub.topics.get", VIEWER),
    "GetSubscription": ("pubsub.subscriptions.get", VIEWER),
    "ListTopics": ("pubsub.topics.list", VIEWER),
    "ListSubscriptions": ("pubsub.subscriptions.list", VIEWER),
    "CreateTopic": ("pubsub.topics.create", EDITOR),
    "CreateSubscription": ("pubsub.subscriptions.create", EDITOR),
    "DeleteTopic": ("pubsub.topics.delete", EDITOR),
    "DeleteSubscription": ("pubsub.subscriptions.delete", EDITOR),
}
"""The permission that a method asks for, and the smallest role that grants it."""
