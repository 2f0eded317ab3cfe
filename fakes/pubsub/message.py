"""A message, and what one subscription knows of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from fakes.deadlines import Deadline

if TYPE_CHECKING:
    from fakes.pubsub.backlog import Backlog
    from fakes.pubsub.holders import Holder


class Content(Struct, frozen=True, gc=False):
    """What a publisher gives.

    Attributes:
        data: Any bytes.
        attributes: Any texts by name.
        ordering_key: Messages of one key keep their order; "": in no order.
        size_bytes: Size of the whole on the wire.
    """

    data: bytes
    attributes: Mapping[str, str]
    ordering_key: str
    size_bytes: int


class Published(Struct, frozen=True):
    """A message that the service has accepted.

    Attributes:
        number: Its number in the service; later ones have higher ones.
        content: What was published.
        at_s: When, on the clock's monotonic side.
        at_utc: When, in seconds of the epoch.
    """

    number: int
    content: Content
    at_s: float
    at_utc: float

    @property
    def message_id(self) -> str:
        """Its id, unique in its topic."""
        return str(self.number)


class Place(enum.Enum):
    """Where a message is in a subscription."""

    READY = "ready"
    LEASED = "leased"
    RESTING = "resting"
    """It came back, and the retry policy makes it wait."""
    ACKED = "acked"
    NOWHERE = "nowhere"
    """Forgotten, or between two places."""


class Entry:
    """One message in one subscription.

    Attributes:
        published: The message.
        backlog: The subscription's messages.
        place: Where it is.
        delivery: Number of its newest delivery; 0 before the first.
        failures: How often it came back: nacks and leases that ran out.
        timer: End of its lease or rest.
        holder: Who has it, or had it last.
    """

    __slots__ = ("backlog", "delivery", "failures", "holder", "place", "published", "timer")

    def __init__(self, published: Published, backlog: Backlog) -> None:
        self.published = published
        self.backlog = backlog
        self.place = Place.NOWHERE
        self.delivery = 0
        self.failures = 0
        self.timer: Deadline[Entry] | None = None
        self.holder: Holder | None = None

    @property
    def key(self) -> str:
        """Its ordering key."""
        return self.published.content.ordering_key

    @property
    def size_bytes(self) -> int:
        """Its size on the wire."""
        return self.published.content.size_bytes
