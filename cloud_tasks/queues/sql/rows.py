"""Going through the rows of one queue, some thousand in a transaction, so that nobody waits for long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.queues.sql.database import Database
from cloud_tasks.queues.sql.dialect import IDS

PART_MAX = 2_000


class Rows:
    """The rows of a queue in one of the tables.

    Args:
        database: Where.
        table: Which table.
        queue: The queue's name.
    """

    def __init__(self, database: Database, table: sa.Table, queue: str) -> None:
        self._database = database
        self._table = table
        self._queue = queue

    async def remove(self, ids: Sequence[int] | None) -> int:
        """Remove rows; None: all that are there now. Returns how many."""
        return await self.each_part(ids, self.delete)

    async def each_part(
        self, ids: Sequence[int] | None, act: Callable[[AsyncConnection, Sequence[int]], Awaitable[int]]
    ) -> int:
        """Do something with rows, in the order of their ids; None: with all that are there now.

        Args:
            ids: Which.
            act: Gets ids that are locked, in a transaction; returns with how many it was done.
        """
        wanted = None if ids is None else sorted(set(ids))
        last = await self._newest() if wanted is None else (wanted or [0])[-1]
        done, after = 0, 0
        while after < last:
            part = None if wanted is None else [one for one in wanted if one > after][:PART_MAX]

            async def work(
                connection: AsyncConnection, after: int = after, part: list[int] | None = part
            ) -> tuple[int, int]:
                found: list[int] = list((await connection.execute(self._next(after, last, part))).scalars())
                end = part[-1] if part else found[-1] if found else last
                return (await act(connection, found) if found else 0), end

            count, after = await self._database.transaction(work, durable=True)
            done += count
        return done

    async def delete(self, connection: AsyncConnection, ids: Sequence[int]) -> int:
        """Remove these."""
        dialect = self._database.dialect
        statement = sa.delete(self._table).where(dialect.among(self._table.c.id))
        return (await connection.execute(statement, {IDS: dialect.ids(ids)})).rowcount

    def _next(self, after: int, last: int, part: list[int] | None) -> sa.Select[Any]:
        c = self._table.c
        rows = sa.select(c.id).where(c.queue == self._queue, c.id > after, c.id <= last)
        if part is not None:
            rows = rows.where(c.id.in_(part))
        return rows.order_by(c.id).limit(PART_MAX).with_for_update()

    async def _newest(self) -> int:
        newest = sa.select(sa.func.max(self._table.c.id))

        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(newest)).scalar() or 0

        return await self._database.call(work)
