"""A message inside a queue, and the handles of its deliveries."""

from __future__ import annotations

import base64
import binascii
import enum
from typing import NamedTuple

from fakes.deadlines import Deadline
from fakes.sqs.values import SendEntry


class Place(enum.Enum):
    """Where a message is."""

    NOWHERE = "nowhere"
    DELAYED = "delayed"
    VISIBLE = "visible"
    IN_FLIGHT = "in flight"


class Message:
    """A message; every field but the first few changes as it is handed out.

    Attributes:
        number: Unique in its service, rising.
        message_id: As the sender learns it.
        content: As it was sent.
        sent_ms: When, as milliseconds of the epoch.
        kept_since_s: From when its retention counts, on the clock of the service.
        sequence_number: Its number in a FIFO queue; empty in others.
        receive_count: How often it was received, here and in the queue it came from.
        first_received_ms: When first; 0: never.
        received_at_s: When last, on the clock of the service: the lease counts from there.
        source_arn: The queue that it came from as a dead letter; empty if it did not.
    """

    __slots__ = (
        "content",
        "deduplication_id",
        "first_received_ms",
        "kept_since_s",
        "message_id",
        "number",
        "place",
        "receive_count",
        "received_at_s",
        "retention",
        "sent_ms",
        "sequence_number",
        "source_arn",
        "timer",
    )

    def __init__(
        self, number: int, message_id: str, content: SendEntry, *, sent_ms: int, kept_since_s: float
    ) -> None:
        self.number = number
        self.message_id = message_id
        self.content = content
        self.sent_ms = sent_ms
        self.kept_since_s = kept_since_s
        self.sequence_number = ""
        self.deduplication_id = content.message_deduplication_id or ""
        self.receive_count = 0
        self.first_received_ms = 0
        self.received_at_s = 0.0
        self.source_arn = ""
        self.place = Place.NOWHERE
        self.timer: Deadline[Message] | None = None
        self.retention: Deadline[Message] | None = None

    @property
    def group(self) -> str:
        """Its message group; empty if it has none."""
        return self.content.message_group_id or ""


def sequence_number(count: int) -> str:
    """The number of the n-th message of a FIFO queue; as text they sort as they do as numbers."""
    return str(18_850_000_000_000_000_000 + count * 256)


class Handle(NamedTuple):
    """What a receipt handle says.

    Attributes:
        queue: Number of the queue.
        message: Number of the message.
        receive: Which of its receives.
    """

    queue: int
    message: int
    receive: int

    def encode(self) -> str:
        """The handle as callers see it."""
        return base64.b64encode(f"AQEB:{self.queue}:{self.message}:{self.receive}".encode()).decode()


def decode_handle(text: str) -> Handle | None:
    """What a handle says; None if it is none of ours."""
    try:
        mark, *numbers = base64.b64decode(text, validate=True).decode("ascii").split(":")
        queue, message, receive = map(int, numbers)
    except (ValueError, binascii.Error):
        return None
    return Handle(queue, message, receive) if mark == "AQEB" else None
