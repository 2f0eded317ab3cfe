"""`SqlOnce`: what several try to do, and one does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.core.task import Task
from cloud_tasks.queues.sql.leases import US
from cloud_tasks.queues.sql.parts import Parts
from cloud_tasks.queues.sql.sender import sql_body_of

Claim = Literal["ours", "theirs", "done"]


class SqlOnce:
    """A row for each key: its queue and the key are its primary key; see `OnceSender` and `OnceBook`.

    Args:
        parts: What all queues of the database share.
        queue: Its name.
        ready: Sees that the table is there.
    """

    def __init__(self, parts: Parts, queue: str, ready: Callable[[], Awaitable[None]]) -> None:
        self._parts = parts
        self._queue = queue
        self._ready = ready
        self._table = parts.tables.once
        self._now = parts.database.dialect.now

    async def send_once(self, key: str, task: Task) -> bool:
        """Put a task into the queue, in the transaction that enters the key; see `OnceSender`."""
        body = sql_body_of(task)
        await self._ready()
        parts = self._parts
        insert = parts.database.dialect.announcing(parts.statements.insert_soon, self._queue)

        async def work(connection: AsyncConnection) -> bool:
            if not await self._entered(connection, key, None):
                return False
            await connection.execute(insert, {"b_queue": self._queue, "b_body": body, "b_delay": 0})
            return True

        sent = await parts.database.transaction(work, durable=True)
        if sent:
            parts.bell.ring(self._queue)
        return sent

    async def claim(self, key: str, seconds: float) -> Claim:
        """Say that we do it, for so long; see `OnceBook`."""
        check_positive("seconds", seconds)
        await self._ready()
        until = self._now + int(seconds * US)
        c = self._table.c
        take_over = sa.update(self._table).where(*self._one(key), c.claimed_until <= self._now)
        look = sa.select(c.claimed_until).where(*self._one(key))

        async def work(connection: AsyncConnection) -> Claim:
            if (await connection.execute(take_over.values(claimed_until=until))).rowcount:
                return "ours"
            row = (await connection.execute(look)).first()
            if row is not None:
                return "done" if row[0] is None else "theirs"
            return "ours" if await self._entered(connection, key, until) else "theirs"

        return await self._parts.database.transaction(work, durable=True)

    async def settle(self, key: str) -> None:
        """Say that it is done; see `OnceBook`."""
        await self._ready()
        done = sa.update(self._table).where(*self._one(key)).values(claimed_until=None)

        async def work(connection: AsyncConnection) -> None:
            if not (await connection.execute(done)).rowcount and not await self._entered(
                connection, key, None
            ):
                await connection.execute(done)

        await self._parts.database.transaction(work, durable=True)

    async def newest(self, not_after: str) -> str | None:
        """The greatest key that is done; see `OnceBook`."""
        await self._ready()
        c = self._table.c
        newest = sa.select(sa.func.max(c.once_key)).where(
            c.queue == self._queue, c.once_key <= not_after, c.claimed_until.is_(None)
        )

        async def work(connection: AsyncConnection) -> str | None:
            key: str | None = (await connection.execute(newest)).scalar()
            return key

        return await self._parts.database.call(work)

    async def forget(self, before: str) -> None:
        """Remove all rows of lesser keys; see `OnceBook`."""
        await self._ready()
        c = self._table.c
        old = sa.delete(self._table).where(c.queue == self._queue, c.once_key < before)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(old)

        await self._parts.database.call(work)

    async def _entered(
        self, connection: AsyncConnection, key: str, until: sa.ColumnElement[int] | None
    ) -> bool:
        """Make the row of a key, if there is none."""
        values = {"queue": self._queue, "once_key": key, "claimed_until": until}
        insert = self._parts.database.dialect.insert_new(self._table, values)
        try:
            result = await connection.execute(insert, execution_options={"preserve_rowcount": True})
        except sa.exc.IntegrityError:
            return False
        return bool(result.rowcount)

    def _one(self, key: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
        return self._table.c.queue == self._queue, self._table.c.once_key == key
