"""The one timer of a service: it rings when something becomes due, as long as somebody waits for that."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cloud_tasks.interfaces import Clock


class Alarm:
    """Rings at the earliest of the moments that it was told.

    Without anybody who waits nothing has to happen on time, since every call first catches up.

    Args:
        clock: What it sleeps on.
        ring: Called at the moment; tells the next one by `expect`.
    """

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None
        self._at = math.inf

    @contextmanager
    def waiting(self, moment: float | None) -> Iterator[None]:
        """Somebody waits; something becomes due at `moment`, None: at no known one."""
        self._waiting += 1
        self.expect(moment)
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._stop()

    def expect(self, moment: float | None) -> None:
        """Something becomes due at `moment`; None: at no known one."""
        if moment is None or not self._waiting or moment >= self._at:
            return
        self._stop()
        self._at = moment
        self._task = asyncio.get_running_loop().create_task(self._ring_at(moment))

    async def _ring_at(self, moment: float) -> None:
        await self._clock.sleep_until(moment)
        self._task, self._at = None, math.inf
        self._ring()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task, self._at = None, math.inf
