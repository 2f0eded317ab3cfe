"""Faults of the service itself."""

from __future__ import annotations

import asyncio
import math

from cloud_tasks.interfaces import Clock
from fakes.metadata.steps import Drop, Fail, Fault, Hang, Slow
from fakes.metadata.wire import Answer


class DroppedError(Exception):
    """The connection is to be closed without an answer."""


class _Active:
    """A fault that is there."""

    def __init__(self, fault: Fault, until: float) -> None:
        self.fault = fault
        self.until = until
        self.left = math.inf if fault.times is None else fault.times
        self.over = asyncio.Event()
        self.hanging = 0

    def is_needed(self, now: float) -> bool:
        """Whether it can still meet a request, or let go of one."""
        return self.until > now and (self.left > 0 or self.hanging > 0)


class Faults:
    """The faults that are there; a request meets the first that is meant for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._active: list[_Active] = []

    def add(self, fault: Fault) -> None:
        """A fault appears."""
        until = math.inf if fault.for_s is None else self._clock.monotonic() + fault.for_s
        self._active.append(_Active(fault, until))

    def heal(self) -> None:
        """All faults are over; who hangs is let go."""
        active, self._active = self._active, []
        for each in active:
            each.over.set()

    async def meet(self, path: str) -> Answer | None:
        """Let a request meet its fault; returns the answer, if there is one already.

        Raises:
            DroppedError: There is to be none.
        """
        active = self._next(path)
        match active.fault if active is not None else None:
            case Fail(status=status):
                return Answer(status, f"scripted {status}")
            case Drop():
                raise DroppedError
            case Slow(delay_s=delay_s):
                await self._clock.sleep_until(self._clock.monotonic() + delay_s)
            case Hang() if active is not None:
                await self._hang(active)
            case _:
                pass
        return None

    def _next(self, path: str) -> _Active | None:
        now = self._clock.monotonic()
        self._active = [each for each in self._active if each.is_needed(now)]
        meant = (each for each in self._active if each.left > 0 and path.startswith(each.fault.path))
        found = next(meant, None)
        if found is not None:
            found.left -= 1
        return found

    async def _hang(self, active: _Active) -> None:
        time_up = asyncio.ensure_future(self._clock.sleep_until(active.until))
        over = asyncio.ensure_future(active.over.wait())
        active.hanging += 1
        try:
            await asyncio.wait({time_up, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            active.hanging -= 1
            time_up.cancel()
            over.cancel()
