"""When to poll for which task type: in turn, with pauses that grow while there is nothing."""

from __future__ import annotations

from collections.abc import Sequence

FIRST_PAUSE_S = 0.001
LONG_POLL_S_MAX = 1.0
"""How long the server is asked to wait for a task. A poll that is given up would lose what it brings until
the task's time-out, so that a worker that ends waits for its poll: that must not take long."""


class Turns:
    """Which task type is next, and how long to pause before.

    Args:
        task_types: Their names.
        polling_interval_s: Longest pause.
    """

    def __init__(self, task_types: Sequence[str], polling_interval_s: float) -> None:
        self._types = tuple(task_types)
        self._interval_s = polling_interval_s
        self._at = 0
        self._empty = 0

    @property
    def task_type(self) -> str:
        """The type whose turn it is."""
        return self._types[self._at]

    def go_on(self, *, tasks: int) -> None:
        """A poll brought so many tasks: the next type has its turn."""
        self._at = (self._at + 1) % len(self._types)
        self._empty = 0 if tasks else self._empty + 1

    def start_over(self) -> None:
        """Pause no longer than at first."""
        self._empty = 0

    @property
    def pause_s(self) -> float:
        """How long after the beginning of the last poll the next may begin, in seconds."""
        rounds = self._empty // len(self._types)
        if not rounds or self._empty % len(self._types):
            return 0.0
        return min(self._interval_s, FIRST_PAUSE_S * 2.0 ** min(rounds - 1, 30))

    def wait_s(self, left_s: float) -> float:
        """How long the server may wait with its answer, in seconds."""
        return min(left_s, self._interval_s / len(self._types), LONG_POLL_S_MAX)
