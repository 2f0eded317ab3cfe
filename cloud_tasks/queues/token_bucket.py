"""How many of something there may be in a while."""

from __future__ import annotations

import asyncio
from collections import deque

from msgspec import Struct

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.interfaces import Clock


class RateLimit(Struct, frozen=True):
    """How many tasks may be handed out, in any stretch of time of that length.

    Attributes:
        max_calls: How many.
        period_s: The length, in seconds.
    """

    max_calls: int
    period_s: float

    def __post_init__(self) -> None:
        """Refuse a limit that lets nothing through.

        Raises:
            ValueError: A number is not positive.
        """
        check_positive("max_calls", self.max_calls)
        check_positive("period_s", self.period_s)


class TokenBucket:
    """As many tokens as there may be calls; each comes back a period after it was spent.

    So no stretch of a period's length has more calls, wherever it begins.

    Args:
        limit: How many, and how long they stay away.
        clock: Time.
    """

    def __init__(self, limit: RateLimit, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._free = limit.max_calls
        self._back_at: deque[tuple[float, int]] = deque()
        self._changed: set[asyncio.Future[None]] = set()

    def take(self, tokens_max: int) -> int:
        """Set up to so many tokens aside; returns how many. Each is then to be spent, or given back."""
        now = self._clock.monotonic()
        while self._back_at and self._back_at[0][0] <= now:
            self._free += self._back_at.popleft()[1]
        taken = min(tokens_max, self._free)
        self._free -= taken
        return taken

    def settle(self, *, taken: int, spent: int) -> None:
        """Of the tokens that were set aside some were spent, now; the others are given back."""
        if spent:
            self._back_at.append((self._clock.monotonic() + self._limit.period_s, spent))
        self._free += taken - spent
        self.wake()

    def wake(self) -> None:
        """Let those who wait look again."""
        for waiter in self._changed:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, until: float) -> None:
        """Return when a token may be there, or at that moment."""
        if self._back_at:
            until = min(until, self._back_at[0][0])
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleep = asyncio.ensure_future(self._clock.sleep_until(until))
        self._changed.add(waiter)
        try:
            await asyncio.wait((waiter, sleep), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._changed.discard(waiter)
            sleep.cancel()
