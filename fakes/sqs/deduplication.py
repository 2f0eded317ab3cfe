"""What a FIFO queue has accepted in the last five minutes."""

from __future__ import annotations

import hashlib

from fakes.deadlines import Deadlines
from fakes.sqs.message import Message
from fakes.sqs.values import SendEntry

WINDOW_S = 300.0
"""How long a message is remembered from its sending, deleted or not."""


class Deduplication:
    """The messages by what makes them the same."""

    def __init__(self) -> None:
        self._accepted: dict[tuple[str, str], Message] = {}
        self._ends: Deadlines[tuple[str, str]] = Deadlines()

    def find(self, now: float, scope: str, deduplication_id: str) -> Message | None:
        """The message that was accepted under that id; None if none was of late."""
        while (key := self._ends.pop_due(now)) is not None:
            self._accepted.pop(key, None)
        return self._accepted.get((scope, deduplication_id))

    def remember(self, now: float, scope: str, message: Message) -> None:
        """A message was accepted."""
        key = (scope, message.deduplication_id)
        self._accepted[key] = message
        self._ends.add(now + WINDOW_S, key)


def content_id(entry: SendEntry) -> str:
    """The id that content-based de-duplication gives a message: its body counts, not its attributes."""
    return hashlib.sha256(entry.message_body.encode()).hexdigest()
