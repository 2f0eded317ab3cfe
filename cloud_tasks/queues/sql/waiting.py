"""Waiting for messages: told by those who send, or looking again after pauses that grow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from math import inf

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.sql.dialect import Listen
from cloud_tasks.queues.sql.lookout import Look

PAUSE_S_MIN = 0.02
TOLD_PAUSE_S_MAX = 10.0
"""Longest pause between two looks where the database tells."""
RECONNECT_S_MAX = 5.0
"""Longest pause before listening is tried again."""
ROUNDING_S = 0.001
"""A moment of the database's is waited for a little longer than it says: clocks are of different grain."""


class Bell:
    """Wakes those who wait for a queue.

    It is rung by this process's own calls, by the database where it can tell, and by looking, at once for all
    queues that are waited for. The pauses between two looks grow; they are short again after `stir`, and when
    somebody waits where nobody did. Nobody looks while nobody waits.

    Args:
        look: Asks the database.
        listen: Listens to the database, as long as somebody is open; None where it cannot tell.
        clock: Time.
        poll_s: Longest pause between two looks where the database does not tell, in seconds.
    """

    def __init__(self, look: Look, listen: Listen | None, clock: Clock, poll_s: float) -> None:
        self._look = look
        self._listen = listen
        self._clock = clock
        self._poll_s = poll_s
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._open = 0
        self._hears = False
        self._pause_s = PAUSE_S_MIN
        self._stirred = asyncio.Event()
        self._helpers: list[asyncio.Task[None]] = []

    def open(self) -> None:
        """Somebody is going to wait."""
        self._open += 1
        if not self._helpers:
            self._stirred = asyncio.Event()
            self._help(self._keep_looking())
            if self._listen is not None:
                self._help(self._keep_listening(self._listen))

    def _help(self, work: Coroutine[object, object, None]) -> None:
        self._helpers.append(asyncio.ensure_future(work))

    async def close(self) -> None:
        """Who called `open` waits no more."""
        self._open -= 1
        if self._open:
            return
        helpers, self._helpers = self._helpers, []
        while helpers := [one for one in helpers if not one.done()]:
            for one in helpers:
                one.cancel()
            await asyncio.wait(helpers, timeout=1.0)

    def ring(self, queue: str) -> None:
        """There may be something in a queue."""
        for waiter in self._waiting.get(queue, ()):
            if not waiter.done():
                waiter.set_result(None)

    def fail(self, error: Exception) -> None:
        """Nobody has to wait any more, and this is why."""
        for waiters in self._waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(error)

    def stir(self) -> None:
        """Work is being done, so that more may come soon."""
        self._pause_s = PAUSE_S_MIN
        self._stirred.set()

    def waiter(self, queue: str) -> asyncio.Future[None]:
        """What `ring` ends, and a failure to look; give it back to `forget`."""
        if not self._waiting:
            self.stir()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(queue, set()).add(waiter)
        return waiter

    def forget(self, queue: str, waiter: asyncio.Future[None]) -> None:
        """It is not waited for any more."""
        waiters = self._waiting[queue]
        waiters.discard(waiter)
        if not waiters:
            del self._waiting[queue]
        if waiter.done() and not waiter.cancelled():
            waiter.exception()  # looked at here, so that nobody has to

    # --- Looking

    async def _keep_looking(self) -> None:
        while True:
            self._stirred.clear()
            if not self._waiting:
                await self._stirred.wait()
                continue
            soonest_s = await self._look_once()
            pause_s = min(self._pause_s, soonest_s + ROUNDING_S)
            self._pause_s = min(2 * self._pause_s, TOLD_PAUSE_S_MAX if self._hears else self._poll_s)
            await self._nap(pause_s)

    async def _nap(self, seconds: float) -> None:
        sleep = asyncio.ensure_future(self._clock.sleep_until(self._clock.monotonic() + seconds))
        stirred = asyncio.ensure_future(self._stirred.wait())
        try:
            await asyncio.wait((sleep, stirred), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            stirred.cancel()

    async def _look_once(self) -> float:
        """Ring where something can be had; in how many seconds the next can be, of those that are known."""
        soonest_s = inf
        try:
            for queue, in_s in await self._look(list(self._waiting)):
                if in_s <= 0:
                    self.ring(queue)
                else:
                    soonest_s = min(soonest_s, in_s)
        except Exception as error:  # noqa: BLE001 - boundary: whatever it is, those who wait are told
            self.fail(error)
        return soonest_s

    # --- Listening

    async def _keep_listening(self, listen: Listen) -> None:
        pause_s = PAUSE_S_MIN
        while True:
            try:
                with contextlib.suppress(QueueUnavailableError):
                    await listen(self._heard)
            finally:
                heard, self._hears = self._hears, False
            self.stir()
            pause_s = PAUSE_S_MIN if heard else min(2 * pause_s, RECONNECT_S_MAX)
            await self._clock.sleep_until(self._clock.monotonic() + pause_s)

    def _heard(self, queue: str | None) -> None:
        self._hears = True
        if queue is None:
            self.stir()
        else:
            self.ring(queue)
