"""The names of all calls, to be known without Google's library."""

from __future__ import annotations

STREAMING_PULL = "StreamingPull"

PUBLISHER_OPERATIONS = (
    "CreateTopic",
    "UpdateTopic",
    "Publish",
    "GetTopic",
    "ListTopics",
    "ListTopicSubscriptions",
    "ListTopicSnapshots",
    "DeleteTopic",
    "DetachSubscription",
)
SUBSCRIBER_OPERATIONS = (
    "CreateSubscription",
    "GetSubscription",
    "UpdateSubscription",
    "ListSubscriptions",
    "DeleteSubscription",
    "ModifyAckDeadline",
    "Acknowledge",
    "Pull",
    STREAMING_PULL,
    "ModifyPushConfig",
    "GetSnapshot",
    "ListSnapshots",
    "CreateSnapshot",
    "UpdateSnapshot",
    "DeleteSnapshot",
    "Seek",
)
OPERATIONS = (*PUBLISHER_OPERATIONS, *SUBSCRIBER_OPERATIONS)
