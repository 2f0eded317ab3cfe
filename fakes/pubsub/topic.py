"""A topic and its snapshots: what is published goes to the subscriptions, and is kept for those to come."""

from __future__ import annotations

from collections import deque
from typing import Any

from fakes.pubsub.message import Published
from fakes.pubsub.subscription import Subscription


class Snapshot:
    """The messages that a subscription had not acked at one moment, and all that were published since.

    Args:
        config: It, as its owner set it: a `google.pubsub.v1.Snapshot`.
        messages: What had not been acked, oldest first.
        expires_at_s: When it is forgotten, on the clock.
    """

    def __init__(self, config: Any, messages: list[Published], expires_at_s: float) -> None:
        self.config = config
        self.messages = messages
        self.expires_at_s = expires_at_s

    @property
    def name(self) -> str:
        """Its full name."""
        return str(self.config.name)

    @property
    def topic(self) -> str:
        """Full name of the topic."""
        return str(self.config.topic)


class Topic:
    """A topic.

    Args:
        config: It, as its owner set it: a `google.pubsub.v1.Topic`.
        retention_s: How long it keeps what was published to it; None: not at all.

    Attributes:
        subscriptions: Who gets what is published, by name.
        snapshots: Which snapshots were taken of them, by name.
    """

    def __init__(self, config: Any, retention_s: float | None) -> None:
        self.config = config
        self.retention_s = retention_s
        self.subscriptions: dict[str, Subscription] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self._log: deque[Published] = deque()

    @property
    def name(self) -> str:
        """Its full name."""
        return str(self.config.name)

    def publish(self, messages: list[Published]) -> None:
        """Hand messages to all who are to get them."""
        for subscription in self.subscriptions.values():
            for published in messages:
                subscription.put(published)
            subscription.stir()
        for snapshot in self.snapshots.values():
            snapshot.messages.extend(messages)
        if self.retention_s is not None:
            self._log.extend(messages)
            self._drop_old(messages[-1].at_s)

    def log(self, now: float) -> list[Published]:
        """What it has kept, oldest first."""
        self._drop_old(now)
        return list(self._log)

    def _drop_old(self, now: float) -> None:
        limit = now - (self.retention_s or 0.0)
        while self._log and self._log[0].at_s <= limit:
            self._log.popleft()
