"""Calls to a queue that may be away for a while: one at a time tries again then, after growing pauses."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.loading.values import LoadSettings

_DOUBLINGS_MAX = 16


class Outage:
    """Bounds the rate of calls while they fail.

    As long as calls work, any number of them may be under way. After one has failed, the others wait
    for their turn, and each turn begins with a pause.

    Attributes:
        gave_up: The last error, once the queue was away for too long.
    """

    def __init__(self, settings: LoadSettings, clock: Clock, chance: random.Random) -> None:
        self.gave_up: QueueUnavailableError | None = None
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._since: float | None = None
        self._failures = 0
        self._turn = asyncio.Lock()

    async def call(self, send: Callable[[], Awaitable[None]]) -> None:
        """Make one call.

        Raises:
            QueueUnavailableError: It failed; the next one will wait.
        """
        if self._since is None:
            await self._try(send)
            return
        async with self._turn:
            if self._since is not None:
                await self._clock.sleep_until(self._clock.monotonic() + self._pause_s())
                self._failures += 1
            await self._try(send)

    async def _try(self, send: Callable[[], Awaitable[None]]) -> None:
        try:
            await send()
        except QueueUnavailableError as error:
            now = self._clock.monotonic()
            if self._since is None:
                self._since = now
            if now - self._since >= self._settings.outage_s_max:
                self.gave_up = error
            raise
        self._since, self._failures = None, 0

    def _pause_s(self) -> float:
        pause_s: float = self._settings.pause_s_first * 2 ** min(self._failures, _DOUBLINGS_MAX)
        return min(pause_s, self._settings.pause_s_max) * self._chance.uniform(0.5, 1.0)
