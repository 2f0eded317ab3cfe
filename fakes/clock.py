"""A clock that moves only when it is told to."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta

from fakes.deadlines import Deadlines

_START_UTC = datetime(2026, 1, 1, tzinfo=UTC)

_SETTLE_ROUNDS = 50
"""Passes of the event loop that `settle` grants: more than any chain of wake-ups in the fakes needs."""


class VirtualClock:
    """A `Clock` for tests and simulations: time stands still until it is advanced.

    Sleepers are released in the order of their moments, those of the same moment first come, first
    served. `advance` jumps; `run_for` stops at every moment that somebody sleeps until, so that each sleeper
    wakes on time and may go to sleep again.

    Args:
        start_utc: The time of day at the beginning; aware.
        start_s: What `monotonic()` shows at the beginning.
    """

    def __init__(self, start_utc: datetime = _START_UTC, start_s: float = 0.0) -> None:
        self._now_s = start_s
        self._midnight_utc = start_utc - timedelta(seconds=start_s)
        self._sleepers: Deadlines[asyncio.Future[None]] = Deadlines()

    def monotonic(self) -> float:
        """Virtual seconds; they never step."""
        return self._now_s

    def utc_now(self) -> datetime:
        """The virtual time of day: start date plus `monotonic()` plus every scripted step."""
        return self._midnight_utc + timedelta(seconds=self._now_s)

    def step_wall(self, seconds: float) -> None:
        """Move the time of day alone, forwards or backwards, as an operator or NTP would."""
        self._midnight_utc += timedelta(seconds=seconds)

    async def sleep_until(self, moment: float) -> None:
        """Sleep until `monotonic()` reaches `moment`; gives way to other tasks at least once."""
        if moment <= self._now_s:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = self._sleepers.add(moment, future)
        try:
            await future
        finally:
            self._sleepers.discard(entry)

    def advance(self, seconds: float) -> None:
        """Jump ahead; see `advance_to`.

        Raises:
            ValueError: `seconds` is negative or not a number.
        """
        self.advance_to(self._now_s + seconds)

    def advance_to(self, moment: float) -> None:
        """Jump to `moment` and release who sleeps until then or earlier; they run when the loop does.

        Raises:
            ValueError: `moment` is in the past or not a finite number.
        """
        if not (self._now_s <= moment < math.inf):
            raise ValueError(f"the clock cannot go from {self._now_s} to {moment}")
        self._now_s = moment
        while (future := self._sleepers.pop_due(moment)) is not None:
            if not future.done():
                future.set_result(None)

    def next_deadline(self) -> float | None:
        """The earliest moment that somebody sleeps until; None if nobody sleeps."""
        return self._sleepers.next_moment()

    async def run_for(self, seconds: float) -> None:
        """Move ahead sleeper by sleeper, letting each run before time goes on."""
        end = self._now_s + seconds
        await settle()
        while (moment := self.next_deadline()) is not None and moment <= end:
            self.advance_to(moment)
            await settle()
        self.advance_to(end)
        await settle()


async def settle() -> None:
    """Let the event loop run what is ready, and what follows from it, without any time passing."""
    for _ in range(_SETTLE_ROUNDS):
        await asyncio.sleep(0)
