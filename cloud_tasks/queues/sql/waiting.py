"""Waiting for messages: told by those who send, or looking again after pauses that grow."""

from __future__ import annotations

import asyncio
import contextlib

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.sql.dialect import Listen

PAUSE_S_MIN = 0.02
TOLD_PAUSE_S_MAX = 10.0
"""Longest pause between two looks where the database tells."""
RECONNECT_S_MAX = 5.0
"""Longest pause before listening is tried again."""


class Bell:
    """Wakes those who wait for a queue: rung by this process's own calls, and by the database where it can.

    It listens as long as somebody is open.

    Args:
        listen: Listens to the database; None where it cannot tell.
        clock: Time.
        poll_s: Longest pause between two looks where the database does not tell, in seconds.
    """

    def __init__(self, listen: Listen | None, clock: Clock, poll_s: float) -> None:
        self._listen = listen
        self._clock = clock
        self._poll_s = poll_s
        self._waiting: dict[str, set[asyncio.Future[bool]]] = {}
        self._open = 0
        self._hears = False
        self._listener: asyncio.Task[None] | None = None

    @property
    def pause_s_max(self) -> float:
        """Longest pause between two looks."""
        return TOLD_PAUSE_S_MAX if self._hears else self._poll_s

    def open(self) -> None:
        """Somebody is going to wait."""
        self._open += 1
        if self._listen is not None and self._listener is None:
            self._listener = asyncio.ensure_future(self._keep_listening(self._listen))

    async def close(self) -> None:
        """Who called `open` waits no more."""
        self._open -= 1
        if self._open or self._listener is None:
            return
        listener, self._listener = self._listener, None
        while not listener.done():
            listener.cancel()
            await asyncio.wait((listener,), timeout=1.0)

    def stir(self) -> None:
        """Work is being done, so that more may come soon: of interest to those who have to look."""

    def ring(self, queue: str | None) -> None:
        """There may be something in a queue; None: in any."""
        for name in [queue] if queue is not None else list(self._waiting):
            for waiter in self._waiting.get(name, ()):
                if not waiter.done():
                    waiter.set_result(queue is not None)

    def waiter(self, queue: str) -> asyncio.Future[bool]:
        """What `ring` ends, true if this queue was meant; give it back to `forget`."""
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(queue, set()).add(waiter)
        return waiter

    def forget(self, queue: str, waiter: asyncio.Future[bool]) -> None:
        """It is not waited for any more."""
        waiters = self._waiting[queue]
        waiters.discard(waiter)
        if not waiters:
            del self._waiting[queue]

    async def _keep_listening(self, listen: Listen) -> None:
        pause_s = PAUSE_S_MIN
        while True:
            try:
                with contextlib.suppress(QueueUnavailableError):
                    await listen(self._heard)
            finally:
                heard, self._hears = self._hears, False
            pause_s = PAUSE_S_MIN if heard else min(2 * pause_s, RECONNECT_S_MAX)
            await self._clock.sleep_until(self._clock.monotonic() + pause_s)

    def _heard(self, queue: str | None) -> None:
        self._hears = True
        self.ring(queue)
