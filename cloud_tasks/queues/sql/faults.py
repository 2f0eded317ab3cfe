"""What a statement that failed for good says of the tables: somebody may have changed them meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import inf

from cloud_tasks.errors import ConfigurationError, Problem, QueueError
from cloud_tasks.interfaces import Clock

LOOK_AGAIN_S = 30.0
"""How long what a look found is good for: faults may come by the hundred."""


class Faults:
    """Looks at the tables again after a fault, and remembers for a while what it found.

    A statement can fail for one row, or for all of them; only in the second case the work must end.

    Args:
        look: Looks at them as `SqlDriver.connect` does.
        clock: Time.
    """

    def __init__(self, look: Callable[[], Awaitable[None]], clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._found: ConfigurationError | None = None
        self._looked_at = -inf
        self._turn = asyncio.Lock()

    async def after_fault(self) -> ConfigurationError | None:
        """Why the tables cannot be used; None if they can, or nobody could be asked."""
        async with self._turn:
            if self._clock.monotonic() - self._looked_at >= LOOK_AGAIN_S:
                self._found = await self._seen()
                self._looked_at = self._clock.monotonic()
            return self._found

    async def remembered(self) -> ConfigurationError | None:
        """The same without a fault at hand: nobody is asked unless there was a reason before."""
        return None if self._found is None else await self.after_fault()

    async def _seen(self) -> ConfigurationError | None:
        try:
            await self._look()
        except ConfigurationError as error:
            # What is told in the notes is told to somebody who starts a program.
            problems = (Problem(one.message, helps=one.helps) for one in error.problems)
            return ConfigurationError(*problems)
        except QueueError:
            return None
        return None
