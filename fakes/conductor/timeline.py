"""What time it is for the model, and which tasks want something done at which moment."""

from __future__ import annotations

import math
from collections.abc import Callable

from cloud_tasks.interfaces import Clock
from fakes.conductor.live import Live
from fakes.deadlines import Deadlines


class Timeline:
    """Catches up with time at each call, moment by moment, so that nothing has to happen in between.

    Args:
        clock: The time.
        ring: Called for a task when its moment has come; `now` is that moment then.

    Attributes:
        now: The moment, on the clock's monotonic side.
    """

    def __init__(self, clock: Clock, ring: Callable[[Live], None]) -> None:
        self.now = clock.monotonic()
        self._clock = clock
        self._ring = ring
        self._epoch_s = clock.utc_now().timestamp() - self.now
        self._due: Deadlines[Live] = Deadlines()

    @property
    def now_ms(self) -> int:
        """The moment in ms since 1970. The time of day is read once, at the beginning: it never steps."""
        return round((self._epoch_s + self.now) * 1000)

    def next_moment(self) -> float:
        """When something will have to be done; infinity for never."""
        moment = self._due.next_moment()
        return math.inf if moment is None else moment

    def catch_up(self) -> None:
        """Do what was due until now, as if it had been done when it was due."""
        until = self._clock.monotonic()
        while (moment := self.next_moment()) <= until:
            self.now = max(self.now, moment)
            live = self._due.pop_due(until)
            if live is not None:
                live.alarm = None
                self._ring(live)
        self.now = until

    def arm(self, live: Live) -> float:
        """Let a task ring when something has to be done about it; returns the moment."""
        if live.alarm is not None:
            self._due.discard(live.alarm)
            live.alarm = None
        moment = math.inf if live.has_ended else live.next_due_at()
        if moment < math.inf:
            live.alarm = self._due.add(moment, live)
        return moment
