"""What a worker holds: until when the server waits for news of each task, and what it has said before."""

from __future__ import annotations

from math import inf

from cloud_tasks.core.task import Json
from cloud_tasks.queues.conductor.leases import Delivery, Held

FORGET_S = 3600.0
"""So long after its time is over a task is forgotten of which no more was heard, in seconds."""
_SWEEP_S = 60.0


class Holding:
    """The tasks that are held; times are those of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._due: dict[Delivery, float] = {}
        self._so_far: dict[Delivery, Json] = {}
        self._sweep_at = -inf

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._due)

    def hold(self, held: Held, since: float) -> None:
        """The server has given a task, or has heard of it: its time begins again."""
        if since >= self._sweep_at:
            self._forget(since - FORGET_S)
            self._sweep_at = since + _SWEEP_S
        self._due[held.delivery] = since + (held.response_timeout_s or inf)

    def let_go(self, held: Held) -> None:
        """It is held no more."""
        self._due.pop(held.delivery, None)
        self._so_far.pop(held.delivery, None)

    def may_be_late(self, held: Held, now: float) -> bool:
        """Whether the server may have stopped waiting for news of it. Of what is forgotten, nobody knows."""
        return now >= self._due.get(held.delivery, -inf)

    def said(self, held: Held, output: Json) -> None:
        """What the task has said before: an update without it would erase it."""
        self._so_far[held.delivery] = output

    def so_far(self, held: Held) -> Json:
        """What it has said before; None: nothing."""
        return self._so_far.get(held.delivery)

    def _forget(self, due: float) -> None:
        for one in [one for one, moment in self._due.items() if moment <= due]:
            del self._due[one]
            self._so_far.pop(one, None)
