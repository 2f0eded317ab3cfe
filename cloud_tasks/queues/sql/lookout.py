"""`Lookout`: one look at the database for all who wait for its queues, where it cannot tell."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.interfaces import Clock
from cloud_tasks.queues.sql.database import Database, outcome
from cloud_tasks.queues.sql.direct import Found
from cloud_tasks.queues.sql.leases import US
from cloud_tasks.queues.sql.tables import Tables
from cloud_tasks.queues.sql.waiting import PAUSE_S_MIN, Bell

SIZES = (1, 10, 100)
"""How many queues one statement asks about; its last places repeat a name where there are fewer."""
ROUNDING_S = 0.001
"""A moment of the database's is waited for a little longer than it says: clocks are of different grain."""


class Lookout(Bell):
    """A bell that is rung by looking, for all queues that are waited for at once.

    The pauses between two looks grow, and are short again after `stir`, and when somebody waits where nobody
    did.

    Args:
        database: Where to look.
        tables: The tables.
        clock: Time.
        poll_s: Longest pause between two looks, in seconds.
    """

    def __init__(self, database: Database, tables: Tables, clock: Clock, poll_s: float) -> None:
        super().__init__(None, clock, poll_s)
        self._database = database
        self._statements = {size: _next_in(tables, database.dialect.now, size) for size in SIZES}
        self._directly = {size: database.dialect.direct(one) for size, one in self._statements.items()}
        self._pause_s = PAUSE_S_MIN
        self._stirred = asyncio.Event()

    def open(self) -> None:
        """Somebody is going to wait."""
        self._open += 1
        if self._listener is None:
            self._stirred = asyncio.Event()
            self._listener = asyncio.ensure_future(self._keep_looking())

    def waiter(self, queue: str) -> asyncio.Future[bool]:
        """What `ring` ends, and a failure to look; give it back to `forget`."""
        if not self._waiting:
            self.stir()
        return super().waiter(queue)

    def forget(self, queue: str, waiter: asyncio.Future[bool]) -> None:
        """It is not waited for any more."""
        super().forget(queue, waiter)
        if waiter.done() and not waiter.cancelled():
            waiter.exception()  # looked at here, so that nobody has to

    def stir(self) -> None:
        """Work is being done, so that more may come soon."""
        self._pause_s = PAUSE_S_MIN
        self._stirred.set()

    async def _keep_looking(self) -> None:
        while True:
            self._stirred.clear()
            if not self._waiting:
                await self._stirred.wait()
                continue
            soonest_s = await self._look()
            pause_s = min(self._pause_s, soonest_s + ROUNDING_S)
            self._pause_s = min(2 * self._pause_s, self._poll_s)
            await self._nap(pause_s)

    async def _nap(self, seconds: float) -> None:
        sleep = asyncio.ensure_future(self._clock.sleep_until(self._clock.monotonic() + seconds))
        stirred = asyncio.ensure_future(self._stirred.wait())
        try:
            await asyncio.wait((sleep, stirred), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            stirred.cancel()

    async def _look(self) -> float:
        """Ring where something can be had; in how many seconds the next can be, of those that are known."""
        soonest_s = inf
        names = list(self._waiting)
        try:
            for begin in range(0, len(names), SIZES[-1]):
                for name, in_s in await self._ask(names[begin : begin + SIZES[-1]]):
                    if in_s <= 0:
                        self.ring(name)
                    else:
                        soonest_s = min(soonest_s, in_s)
        except Exception as error:  # noqa: BLE001 - boundary: whatever it is, those who wait are told
            self._fail(error)
        return soonest_s

    async def _ask(self, names: Sequence[str]) -> list[tuple[str, float]]:
        """When the next message of each queue can be had, in seconds; nothing for one without messages."""
        size = next(size for size in SIZES if size >= len(names))
        parameters = {f"b_{number}": names[min(number, len(names) - 1)] for number in range(size)}
        rows = await self._rows(size, parameters)
        return [
            (names[number], in_us / US) for number, in_us in rows if number < len(names) and in_us is not None
        ]

    async def _rows(self, size: int, parameters: dict[str, str]) -> Found:
        direct = self._directly[size]
        if direct is not None:
            return await outcome(self._database.start_direct(direct, parameters))

        async def work(connection: AsyncConnection) -> Found:
            return [tuple(row) for row in await connection.execute(self._statements[size], parameters)]

        return await self._database.call(work)

    def _fail(self, error: Exception) -> None:
        for waiters in self._waiting.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(error)


def _next_in(tables: Tables, now: sa.ColumnElement[int], size: int) -> sa.CompoundSelect[tuple[int, int]]:
    """Number of each queue, and in how many microseconds its next message can be had: one seek for each."""
    c = tables.queue.c

    def one(number: int) -> sa.Select[tuple[int, int]]:
        next_in = (
            sa.select(c.visible_at - now)
            .where(c.queue == sa.bindparam(f"b_{number}"))
            .order_by(c.visible_at)
            .limit(sa.literal_column("1"))
            .scalar_subquery()
        )
        return sa.select(sa.literal_column(str(number), sa.Integer), next_in)

    return sa.union_all(*(one(number) for number in range(size)))
