"""What a queue model tells about itself, for checkers that account for every message."""

from __future__ import annotations

import enum

from msgspec import Struct


class FactKind(enum.Enum):
    """What happened to a message."""

    SENT = "sent"
    DELIVERED = "delivered"
    EXTENDED = "extended"
    EXPIRED = "expired"
    ACKED = "acked"
    NACKED = "nacked"
    DEAD_LETTERED = "dead_lettered"
    REMOVED = "removed"
    """Purged, or older than the retention time."""

    __hash__ = object.__hash__  # that of enums is Python code, and checkers look up the kind of every fact


class Fact(Struct, frozen=True, gc=False):
    """One thing that happened to one message. Facts come in order of time.

    Attributes:
        kind: What happened.
        at: When, on the queue's clock; an expiry is dated when it was due, not when it was noticed.
        key: The message.
        receipt: Its newest receipt; "" before the first delivery.
        delivery_count: How often it has been delivered.
        until: End of the lease (DELIVERED, EXTENDED) or of the delay (SENT, NACKED).
        reason: "duplicate" or "forgotten" (EXPIRED, by a mistake of the broker's), "retry" or "interrupted"
            (NACKED), "retention" or "purged" (REMOVED), the reason given or "max_receive_count"
            (DEAD_LETTERED).
    """

    kind: FactKind
    at: float
    key: str
    receipt: str
    delivery_count: int
    until: float | None = None
    reason: str = ""
