"""A message of the queue model, and what is left of one in the dead-letter queue."""

from __future__ import annotations

import enum

from msgspec import Struct

from fakes.deadlines import Deadline


class Place(enum.Enum):
    """Where a message is."""

    VISIBLE = "visible"
    IN_FLIGHT = "in_flight"
    DELAYED = "delayed"
    NOWHERE = "nowhere"
    """Settled, removed, or between two places."""


class Message(Struct, eq=False):
    """One message and its books.

    Attributes:
        key: Identity across redeliveries.
        body: The message byte for byte.
        place: Where it is.
        delivery_count: How often it has been delivered.
        interruptions: How many of those were handed back without being the task's fault.
        interrupted: The last of them, as its number.
        forgotten: Whether an ack of its present or last lease was confirmed without being carried out.
        receipt: The newest receipt; "" before the first delivery.
        held_since: When the present or last lease began.
        timer: End of its lease or delay.
        retention: End of its retention time.
    """

    key: str
    body: bytes
    place: Place = Place.NOWHERE
    delivery_count: int = 0
    interruptions: int = 0
    interrupted: int = 0
    forgotten: bool = False
    receipt: str = ""
    held_since: float = 0.0
    timer: Deadline[Message] | None = None
    retention: Deadline[Message] | None = None
    _receipts: int = 0

    def new_receipt(self) -> None:
        """Make every earlier receipt out of date."""
        self._receipts += 1
        self.receipt = f"{self.key}#{self._receipts}"


class DeadLetter(Struct, frozen=True):
    """A message in the dead-letter queue.

    Attributes:
        key: The message.
        body: It, byte for byte.
        reason: Why it is here.
        at: Since when, on the queue's clock.
        delivery_count: How often it had been delivered.
    """

    key: str
    body: bytes
    reason: str
    at: float
    delivery_count: int
