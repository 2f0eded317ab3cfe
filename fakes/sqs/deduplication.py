"""What a FIFO queue has accepted in the last five minutes."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from fakes.deadlines import Deadlines
from fakes.sqs.values import SendEntry

WINDOW_S = 300.0
"""How long a message is remembered from its sending, deleted or not."""


class Accepted(NamedTuple):
    """What the sender of a message was told.

    Attributes:
        message_id: Its id.
        sequence_number: Its number in the queue.
    """

    message_id: str
    sequence_number: str


class Deduplication:
    """What was accepted, by what makes it the same."""

    def __init__(self) -> None:
        self._accepted: dict[tuple[str, str], Accepted] = {}
        self._ends: Deadlines[tuple[str, str]] = Deadlines()

    def find(self, now: float, scope: str, deduplication_id: str) -> Accepted | None:
        """What was accepted under that id; None if none was of late."""
        while (key := self._ends.pop_due(now)) is not None:
            self._accepted.pop(key, None)
        return self._accepted.get((scope, deduplication_id))

    def remember(self, now: float, scope: str, deduplication_id: str, accepted: Accepted) -> None:
        """A message was accepted."""
        key = (scope, deduplication_id)
        self._accepted[key] = accepted
        self._ends.add(now + WINDOW_S, key)


def content_id(entry: SendEntry) -> str:
    """The id that content-based de-duplication gives a message: its body counts, not its attributes."""
    return hashlib.sha256(entry.message_body.encode()).hexdigest()
