"""What time it is on a host, which may not be what time it is."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from simulation.fault_source import FaultSource
from simulation.faults import DRIFT_PPM_MAX, FaultClass
from simulation.loop import SimulationLoop

START_UTC = datetime(2026, 1, 1, tzinfo=UTC)


def drawn_rate(faults: FaultSource, worker: str) -> float:
    """How many seconds the clock of a worker shows for each true second."""
    drift = faults.strikes(FaultClass.CLOCK_DRIFT, worker, 1, lambda share: DRIFT_PPM_MAX * (2 * share - 1))
    if drift is None:
        return 1.0
    faults.had_effect(FaultClass.CLOCK_DRIFT)
    return 1.0 + drift.size * 1e-6


class HostClock:
    """A `Clock` on the loop's time.

    Its monotonic side starts anywhere and may run a little fast or slow; its time of day may step.

    Args:
        loop: True time.
        offset_s: What `monotonic()` shows at true time zero.
        rate: Seconds that it shows for each true second.
        wall_offset_s: How far the time of day is off.
    """

    def __init__(
        self, loop: SimulationLoop, offset_s: float = 0.0, rate: float = 1.0, wall_offset_s: float = 0.0
    ) -> None:
        self._loop = loop
        self._offset_s = offset_s
        self._rate = rate
        self._still_since: float | None = None
        self._start_utc = START_UTC + timedelta(seconds=wall_offset_s)
        self._seen: Callable[[], None] | None = None

    def monotonic(self) -> float:
        """Seconds that never step."""
        now = self._loop.now if self._still_since is None else self._still_since
        return self._offset_s + now * self._rate

    def stand_still(self) -> None:
        """The machine is suspended: its monotonic clock does not go on, its time of day will have."""
        if self._still_since is None:
            self._still_since = self._loop.now

    def go_on(self) -> None:
        """The machine goes on."""
        if self._still_since is not None:
            self._offset_s -= (self._loop.now - self._still_since) * self._rate
            self._still_since = None

    def utc_now(self) -> datetime:
        """The time of day."""
        if self._seen is not None:
            seen, self._seen = self._seen, None
            seen()
        return self._start_utc + timedelta(seconds=self._loop.now)

    def step_wall(self, seconds: float, seen: Callable[[], None] | None = None) -> None:
        """Move the time of day, either way.

        Args:
            seconds: By how much.
            seen: Called when somebody reads it for the first time after that.
        """
        self._start_utc += timedelta(seconds=seconds)
        self._seen = seen

    async def sleep_until(self, moment: float) -> None:
        """Sleep until `monotonic()` reaches `moment`; gives way at least once."""
        await self._sleep_until(moment)
        while self.monotonic() < moment:  # the machine was suspended meanwhile
            await self._sleep_until(moment)

    async def _sleep_until(self, moment: float) -> None:
        loop = self._loop
        due = (moment - self._offset_s) / self._rate
        while self._offset_s + due * self._rate < moment:  # rounding must not wake anybody a moment too early
            due = math.nextafter(due, math.inf)
        if due <= loop.now:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_at(due, _wake, waiter)
        try:
            await waiter
        finally:
            timer.cancel()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
