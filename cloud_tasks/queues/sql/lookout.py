"""`Lookout`: one look at the database for all who wait for its queues."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.queues.sql.database import Database, outcome
from cloud_tasks.queues.sql.direct import Found
from cloud_tasks.queues.sql.leases import US
from cloud_tasks.queues.sql.tables import Tables

Look: TypeAlias = Callable[[Sequence[str]], Awaitable[list[tuple[str, float]]]]
"""Of some queues, those that have messages: in how many seconds the next can be had; 0 or less: now."""
SIZES = (1, 10, 100)
"""How many queues one statement asks about; its last places repeat a name where there are fewer."""


class Lookout:
    """Asks about any number of queues.

    Args:
        database: Where to look.
        tables: The tables.
    """

    def __init__(self, database: Database, tables: Tables) -> None:
        self._database = database
        self._statements = {size: _next_in(tables, database.dialect.now, size) for size in SIZES}
        self._directly = {size: database.dialect.direct(one) for size, one in self._statements.items()}

    async def look(self, names: Sequence[str]) -> list[tuple[str, float]]:
        """See `Look`.

        Raises:
            QueueUnavailableError: Nobody could be asked.
        """
        found: list[tuple[str, float]] = []
        for begin in range(0, len(names), SIZES[-1]):
            found += await self._ask(names[begin : begin + SIZES[-1]])
        return found

    async def _ask(self, names: Sequence[str]) -> list[tuple[str, float]]:
        size = next(size for size in SIZES if size >= len(names))
        parameters = {f"b_{number}": names[min(number, len(names) - 1)] for number in range(size)}
        return [
            (names[number], in_us / US)
            for number, in_us in await self._rows(size, parameters)
            if number < len(names) and in_us is not None
        ]

    async def _rows(self, size: int, parameters: dict[str, str]) -> Found:
        direct = self._directly[size]
        if direct is not None:
            return await outcome(self._database.start_direct(direct, parameters))

        async def work(connection: AsyncConnection) -> Found:
            return [tuple(row) for row in await connection.execute(self._statements[size], parameters)]

        return await self._database.call(work)


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
