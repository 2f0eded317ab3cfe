"""When what the server could not be told is tried again."""

from __future__ import annotations

from collections.abc import Collection
from math import inf

from cloud_tasks.core.policy import Backoff
from cloud_tasks.queues.conductor.letters import Letter
from cloud_tasks.queues.conductor.results import KeptResult

OF_ONE = Backoff(base_s=0.25, cap_s=30.0)
"""Pauses of one result that the server stumbles over."""
OF_ALL = Backoff(base_s=0.25, cap_s=5.0)
"""Pauses between any two tries in an outage."""
_SALT = "conductor"


class Waiting:
    """A result on disk that waits to be told.

    Attributes:
        kept: The result.
        letter: What it tells.
        told: Whether the server took it, or will never do so; None: it has to be told yet.
        failures: How often it could not be told, or not be removed.
        stumbles: How often of that the server was well otherwise.
        due: When it is tried again, if there is no outage.
    """

    def __init__(self, kept: KeptResult, letter: Letter) -> None:
        self.kept = kept
        self.letter = letter
        self.told: bool | None = None
        self.failures = 0
        self.stumbles = 0
        self.due = -inf

    def put_off(self, now: float) -> None:
        """It did not work."""
        self.failures += 1
        self.due = now + OF_ONE.pause_s(self.failures, self.letter.task_id)


class Patience:
    """What has failed since the server last took something.

    One result that fails may be one that the server stumbles over, and is its own affair. As soon as another
    one fails too, it is taken for an outage: then there is one try at a time, after growing pauses.
    """

    def __init__(self) -> None:
        self._failed: set[str] = set()
        self._tries = 0
        self._try_at = -inf

    @property
    def outage(self) -> bool:
        """Whether a new result is not even tried."""
        return len(self._failed) > 1

    def failed(self, task_id: str, now: float) -> bool:
        """The result of a task could not be told; returns whether it is the first."""
        first = not self._failed
        self._tries = self._tries + 1 if self.outage else 1
        self._failed.add(task_id)
        self._try_at = now + OF_ALL.pause_s(self._tries, _SALT)
        return first

    def has_failed(self, task_id: str) -> bool:
        """Whether it was tried since the server last took something."""
        return task_id in self._failed

    def succeeded(self, waiting: Collection[Waiting], now: float) -> None:
        """The server took something: what has failed before is due soon, unless it does so time and again."""
        if not self._failed:
            return
        for one in waiting:
            if self.has_failed(one.letter.task_id):
                one.stumbles += 1
                one.due = min(one.due, now + OF_ONE.pause_s(one.stumbles, one.letter.task_id))
        self._failed.clear()

    def server_is_back(self, waiting: Collection[Waiting], now: float) -> None:
        """The server was away for everything, and answers again: all is due."""
        for one in waiting:
            one.due = min(one.due, now)
        self._failed.clear()

    def next_of(self, waiting: Collection[Waiting]) -> tuple[float, Waiting | None]:
        """What is tried next, and when; in an outage first what has failed least often."""
        if not waiting:
            return inf, None
        if self.outage:
            return self._try_at, min(waiting, key=lambda one: one.failures)
        first = min(waiting, key=lambda one: one.due)
        return first.due, first
