"""`SqlDeadLetters`: the messages of one queue that were put aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.interfaces import DeadLetter
from cloud_tasks.queues.sql.dialect import IDS
from cloud_tasks.queues.sql.leases import as_utc, decode_history
from cloud_tasks.queues.sql.parts import Parts
from cloud_tasks.queues.sql.rows import Rows

ID_DIGITS_MAX = 18
"""Longer numbers are no ids."""


class SqlDeadLetters:
    """The dead letters of one queue; their keys are the ids of their rows.

    Args:
        parts: What all queues of the database share.
        queue: The queue's name.
    """

    def __init__(self, parts: Parts, queue: str) -> None:
        self._parts = parts
        self._queue = queue
        self._c = parts.tables.dead.c
        self._rows = Rows(parts.database, parts.tables.dead, queue)

    async def oldest(self, letters_max: int) -> list[DeadLetter]:
        """The oldest, oldest first."""
        check_positive("letters_max", letters_max)
        return await self._letters(self._select().order_by(self._c.id).limit(letters_max))

    async def find(self, key: str) -> DeadLetter | None:
        """One of them; None if there is none of that key."""
        for number in _ids((key,)):
            for letter in await self._letters(self._select().where(self._c.id == number)):
                return letter
        return None

    async def retry(self, keys: Sequence[str] | None) -> int:
        """Move them into the queue as new messages; each is never lost and never in both."""
        count = await self._rows.each_part(None if keys is None else _ids(keys), self._retry)
        if count:
            self._parts.bell.ring(self._queue)
        return count

    async def purge(self, keys: Sequence[str] | None) -> int:
        """Remove them for good."""
        return await self._rows.remove(None if keys is None else _ids(keys))

    async def _retry(self, connection: AsyncConnection, ids: Sequence[int]) -> int:
        dialect, table = self._parts.database.dialect, self._parts.tables.queue
        columns = ["queue", "body", "visible_at", "due_at", "created_at"]
        source = sa.select(self._c.queue, self._c.body, dialect.now, dialect.now, dialect.now)
        source = source.where(dialect.among(self._c.id)).order_by(self._c.id)
        await connection.execute(sa.insert(table).from_select(columns, source), {IDS: dialect.ids(ids)})
        announcement = dialect.announcement(self._queue)
        if announcement is not None:
            await connection.execute(announcement)
        return await self._rows.delete(connection, ids)

    def _select(self) -> sa.Select[Any]:
        c = self._c
        columns = (c.id, c.body, c.reason, c.deliveries, c.died_at, c.history)
        return sa.select(*columns).where(c.queue == self._queue)

    async def _letters(self, select: sa.Select[Any]) -> list[DeadLetter]:
        async def work(connection: AsyncConnection) -> list[DeadLetter]:
            return [
                DeadLetter(
                    key=str(number),
                    queue=self._queue,
                    body=body,
                    reason=reason,
                    attempts=deliveries,
                    died_at=as_utc(died_at),
                    history=decode_history(history),
                )
                for number, body, reason, deliveries, died_at, history in await connection.execute(select)
            ]

        return await self._parts.database.call(work)


def _ids(keys: Sequence[str]) -> list[int]:
    """The ids that keys are; what cannot be one is nobody's."""
    return [int(key) for key in keys if key.isascii() and key.isdecimal() and len(key) <= ID_DIGITS_MAX]
