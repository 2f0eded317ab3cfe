"""The real clock. Nothing else in the package may ask the operating system for the time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

_NAP_S_MAX = 3600.0
"""Longest single timer given to the event loop: some loops cannot hold infinite or very distant ones."""


class SystemClock:
    """The machine's clocks, as a `Clock`."""

    def monotonic(self) -> float:
        """Seconds on the machine's monotonic clock; task processes see the same one."""
        return time.monotonic()

    def utc_now(self) -> datetime:
        """The time of day, aware, in UTC; it may step either way."""
        return datetime.now(UTC)

    async def sleep_until(self, moment: float) -> None:
        """Sleep until `monotonic()` reaches `moment`; gives way to other tasks at least once."""
        left_s = moment - time.monotonic()
        await asyncio.sleep(min(left_s, _NAP_S_MAX))
        while (left_s := moment - time.monotonic()) > 0:  # noqa: ASYNC110 - nothing but time to wait for
            await asyncio.sleep(min(left_s, _NAP_S_MAX))
