"""What Pub/Sub sets bounds to, and the deadlines that we set ourselves."""

from __future__ import annotations

import math

LEASE_S_MIN = 10
LEASE_S_MAX = 600
"""An ack deadline of a subscription; the longest that one ModifyAckDeadline gives."""

PULL_MESSAGES_MAX = 1_000
ACK_IDS_MAX = 1_000
"""A request holds at most 512 KiB, and an ack id takes about 200 bytes of it."""

PUBLISH_MESSAGES_MAX = 1_000
PUBLISH_BYTES_MAX = 10_000_000
REQUEST_OVERHEAD_BYTES = 512
"""What a request takes beside its messages: the name of the topic."""
MESSAGE_BYTES_MAX = PUBLISH_BYTES_MAX - 2 * REQUEST_OVERHEAD_BYTES
"""The data of one message, so that it fits into a request."""
ATTRIBUTE_BYTES_MAX = 1_024

CALL_S = 10.0
"""Deadline of a call that has nothing to wait for."""


def whole_seconds(seconds: float) -> int:
    """An ack deadline of at least so long, as far as Pub/Sub can give it."""
    return min(math.ceil(min(seconds, LEASE_S_MAX)), LEASE_S_MAX)


def lease_seconds(lease_s: float) -> int:
    """The ack deadline for a lease of so long."""
    return max(whole_seconds(lease_s), LEASE_S_MIN)
