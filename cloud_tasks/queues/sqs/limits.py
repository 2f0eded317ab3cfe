"""What SQS sets bounds to: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html."""

from __future__ import annotations

import math

LEASE_S_MAX = 43_200
"""Longest visibility timeout, and longest time from a receive to the end of its lease: twelve hours."""
BATCH_MAX = 10
WAIT_S_MAX = 20
SEND_DELAY_S_MAX = 900
LATE_S_MAX = 13 * 86_400
"""Longest delay of a task: SQS keeps no message for longer than 14 days, and the task is to be run, too."""
MESSAGE_BYTES_MAX = 1_048_576
"""Body and attributes of a message, and of all messages of a batch together."""
REASON_CHARS_MAX = 1_000
"""Of the reason that a dead letter carries as an attribute."""


def whole_seconds(seconds: float) -> int:
    """A visibility timeout of at least so long, as far as SQS can give it."""
    return min(math.ceil(min(seconds, LEASE_S_MAX)), LEASE_S_MAX)
