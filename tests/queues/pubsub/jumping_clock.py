"""A clock that goes with the machine's, and jumps ahead when it is told to."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from cloud_tasks.clock import SystemClock

_NAP_S = 0.02


class JumpingClock:
    """The machine's clocks, and what was skipped: an ack deadline is ten seconds at least.

    May be read from any thread.
    """

    def __init__(self) -> None:
        self._system = SystemClock()
        self._skipped_s = 0.0

    def monotonic(self) -> float:
        return self._system.monotonic() + self._skipped_s

    def utc_now(self) -> datetime:
        return self._system.utc_now() + timedelta(seconds=self._skipped_s)

    async def sleep_until(self, moment: float) -> None:
        while (left_s := moment - self.monotonic()) > 0:  # noqa: ASYNC110 - jumps come from any thread
            await asyncio.sleep(min(left_s, _NAP_S))

    def jump(self, seconds: float) -> None:
        self._skipped_s += seconds
