"""Where a queue begins: what is left of messages that are gone is slow to walk over."""

from __future__ import annotations

from cloud_tasks.interfaces import Clock

LOOK_BACK_S = 1.0
"""How often a search begins at the very beginning, for what came to be in front of the last ones."""


class Head:
    """Remembers where full batches began.

    A database clears the index of what was removed only now and then. Until it does, each search would walk
    over all that is left of the messages before, and a long queue would become slower the more of it is done.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due_at = 0
        self._looked_back_at = 0.0

    def begin(self) -> int:
        """From which moment of the database's on to search; 0: from the very beginning."""
        now = self._clock.monotonic()
        if now - self._looked_back_at >= LOOK_BACK_S:
            self._looked_back_at = now
            return 0
        return self._due_at

    def found(self, first_due_at: int | None) -> None:
        """A full batch began there; None: a batch was not full, and the end may be near."""
        self._due_at = first_due_at or 0
