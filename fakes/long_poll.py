"""Receivers that wait for a message, and the one timer that wakes them."""

from __future__ import annotations

import asyncio
import math

from cloud_tasks.interfaces import Clock


class LongPoll:
    """Wakes waiting receivers: one when a message has arrived, all when a moment has come, or at the end.

    There is one timer, and only while somebody waits; it is set to the earliest moment at which anybody has
    something to do. Who is woken and finds nothing waits again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiters: dict[asyncio.Future[bool], None] = {}
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = math.inf

    async def wait(self, until: float) -> bool:
        """Wait until woken, at the latest `until`; returns whether to go on waiting if there is nothing."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters[future] = None
        self.expect(until)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.wake_one()  # this receiver was woken, and will not look any more
            raise
        finally:
            self._waiters.pop(future, None)
            if not self._waiters:
                self._stop_alarm()

    def expect(self, moment: float | None) -> None:
        """Something may have to be handed out at `moment`; None: at no known moment."""
        if moment is None or not self._waiters or moment >= self._alarm_at:
            return
        self._stop_alarm()
        self._alarm_at = moment
        self._alarm = asyncio.get_running_loop().create_task(self._ring_at(moment))

    def wake_one(self) -> None:
        """A message has arrived: wake who has waited longest."""
        if self._waiters:
            future = next(iter(self._waiters))
            del self._waiters[future]
            _release(future, go_on=True)

    def close(self) -> None:
        """Send every waiting receiver home."""
        self._wake_all(go_on=False)
        self._stop_alarm()

    async def _ring_at(self, moment: float) -> None:
        await self._clock.sleep_until(moment)
        self._alarm, self._alarm_at = None, math.inf
        self._wake_all(go_on=True)

    def _wake_all(self, *, go_on: bool) -> None:
        waiters, self._waiters = self._waiters, {}
        for future in waiters:
            _release(future, go_on=go_on)

    def _stop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = None, math.inf


def _release(future: asyncio.Future[bool], *, go_on: bool) -> None:
    if not future.done():
        future.set_result(go_on)
