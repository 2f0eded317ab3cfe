"""`SqlInspector`: looking at a queue, and emptying it."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.core.message import decode_task
from cloud_tasks.core.task import Task
from cloud_tasks.queues.sql.parts import Parts
from cloud_tasks.queues.sql.rows import Rows


class SqlInspector:
    """One queue, to be looked at and managed. Counts are exact.

    Args:
        parts: What all queues of the database share.
        queue: Its name.
    """

    def __init__(self, parts: Parts, queue: str) -> None:
        self._parts = parts
        self._queue = queue
        self._rows = Rows(parts.database, parts.tables.queue, queue)

    async def depth(self) -> Mapping[str, int]:
        """Number of messages: "visible", "in_flight", "delayed", "dead"; reads the index of the queue."""
        table, dead, now = self._parts.tables.queue, self._parts.tables.dead, self._parts.database.dialect.now
        state = sa.case((table.c.visible_at <= now, 0), (table.c.leased, 1), else_=2).label("state")
        states = sa.select(state).where(table.c.queue == self._queue).subquery()
        counts = sa.select(states.c.state, sa.func.count()).group_by(states.c.state)
        buried = sa.select(sa.func.count()).select_from(dead).where(dead.c.queue == self._queue)

        async def work(connection: AsyncConnection) -> dict[str, int]:
            rows = await connection.execute(counts)
            found = {int(row[0]): int(row[1]) for row in rows}
            names = ("visible", "in_flight", "delayed")
            depth = {name: int(found.get(number, 0)) for number, name in enumerate(names)}
            return {**depth, "dead": int((await connection.execute(buried)).scalar_one())}

        return await self._parts.database.call(work)

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        """Look at the first in line, those that are leased last; nothing is changed."""
        check_positive("tasks_max", tasks_max)
        c = self._parts.tables.queue.c
        line = sa.select(c.body).where(c.queue == self._queue).order_by(c.visible_at, c.id).limit(tasks_max)

        async def work(connection: AsyncConnection) -> list[bytes]:
            return list((await connection.execute(line)).scalars())

        bodies = await self._parts.database.call(work)
        tasks = ((body, decode_task(body)) for body in bodies)
        return [task if isinstance(task, Task) else body for body, task in tasks]

    async def purge(self) -> None:
        """Remove every message that is there now, leased ones too; dead letters stay."""
        await self._rows.remove(None)

    async def create(self) -> None:
        """Nothing has to be done: a queue is there as soon as it is sent to."""

    async def delete(self) -> None:
        """Remove every message: then there is no queue of that name; dead letters stay."""
        await self._rows.remove(None)
