"""How topics and subscriptions behave."""

from __future__ import annotations

from msgspec import Struct

from fakes.pubsub.filters import Filter

DAY_S = 86_400.0
RETENTION_S = 7 * DAY_S
"""How long a subscription keeps a message, unless it is told otherwise."""


class DeadLetters(Struct, frozen=True):
    """Where messages go that come back too often.

    Attributes:
        topic: Name of the topic.
        attempts_max: After how many deliveries.
    """

    topic: str
    attempts_max: int = 5


class Backoff(Struct, frozen=True):
    """How long a message waits that came back: the minimum, then twice as long each time.

    Attributes:
        min_s: Shortest wait.
        max_s: Longest wait.
    """

    min_s: float = 10.0
    max_s: float = 600.0

    def after(self, failures: int) -> float:
        """How long to wait after so many failures."""
        doublings = min(failures - 1, 64)
        return float(min(self.max_s, self.min_s * 2.0**doublings))


class SubscriptionSettings(Struct, frozen=True, kw_only=True):
    """How a subscription behaves.

    Attributes:
        ack_deadline_s: How long a delivery is leased.
        retention_s: How long a message is kept, from its publication.
        retains_acked: Whether that goes for acked messages as well.
        ordered: Whether ordering keys count.
        exactly_once: Whether acks are confirmed, and only the newest ack id counts.
        accepts: Which messages it is about; None: all.
        dead_letters: What becomes of messages that come back too often; None: nothing.
        backoff: How long a message waits that came back; None: not at all.
        ttl_s: How long it is kept without use; None: for ever.
        pushes: Whether its messages are to be pushed, which this stand-in does not do.
    """

    ack_deadline_s: float = 10.0
    retention_s: float = RETENTION_S
    retains_acked: bool = False
    ordered: bool = False
    exactly_once: bool = False
    accepts: Filter | None = None
    dead_letters: DeadLetters | None = None
    backoff: Backoff | None = None
    ttl_s: float | None = 31 * DAY_S
    pushes: bool = False
