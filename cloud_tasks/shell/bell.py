"""`Bell`: what wakes the one coroutine that waits for it."""

from __future__ import annotations

import asyncio


class Bell:
    """An `asyncio.Event` for a single waiter that is heard once, for what every task waits for.

    An event asks for the running loop whenever it is waited for, which is a system call up to Python 3.11.
    """

    __slots__ = ("_loop", "_rung", "_waiter")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake who waits; if nobody does, who waits next does not have to."""
        self._rung = True
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def is_rung(self) -> bool:
        """Whether who waits next does not have to."""
        return self._rung

    async def wait(self) -> None:
        """Wait until it rings, unless it has since the last wait.

        Raises:
            RuntimeError: Somebody else waits.
        """
        if not self._rung:
            if self._waiter is not None:
                raise RuntimeError("somebody waits for this bell already")
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._rung = False
