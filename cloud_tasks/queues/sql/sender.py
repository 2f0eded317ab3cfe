"""`SqlSender`: producing tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.core.task import Task
from cloud_tasks.queues.batching import body_of, send_in_batches
from cloud_tasks.queues.delays import check_delay
from cloud_tasks.queues.sql.leases import US
from cloud_tasks.queues.sql.limits import BODY_BYTES_MAX, SEND_BYTES_MAX, SEND_MAX, YEAR_S
from cloud_tasks.queues.sql.parts import Parts


class SqlSender:
    """Puts tasks into a queue, up to a thousand in one transaction.

    Args:
        parts: What all queues of the database share.
        queue: Its name.
    """

    def __init__(self, parts: Parts, queue: str) -> None:
        self._parts = parts
        self._queue = queue

    async def send(self, task: Task, delay_s: float = 0.0) -> None:
        """Put one task into the queue, to be taken when the delay is over.

        Raises:
            MessageRefusedError: The task is not JSON, or too large.
            QueueUnavailableError: Nobody knows whether it was sent.
            ValueError: The delay is longer than a year.
        """
        dialect = self._parts.database.dialect
        check_delay(delay_s, YEAR_S, dialect.name)
        parameters = {
            "b_queue": self._queue,
            "b_body": sql_body_of(task),
            "b_delay": int(delay_s * US),
        }
        statements = self._parts.statements
        insert = (
            statements.insert_soon if delay_s else dialect.announcing(statements.insert_soon, self._queue)
        )

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert, parameters)

        if dialect.durable is None:
            await self._parts.database.call(work)
        else:
            await self._parts.database.transaction(work, durable=True)
        self._parts.bell.ring(self._queue)

    async def send_many(self, tasks: Iterable[Task]) -> None:
        """Put many in, up to the first that is refused; see `TaskSender`."""
        await send_in_batches(
            tasks, sql_body_of, len, self._send, count_max=SEND_MAX, size_bytes_max=SEND_BYTES_MAX
        )

    async def _send(self, batch: Sequence[tuple[Task, bytes]]) -> None:
        """Send one batch, as a whole or not at all."""
        bodies = [body for _, body in batch]
        await self._parts.database.transaction(lambda one: self._insert(one, bodies), durable=True)
        self._parts.bell.ring(self._queue)

    async def _insert(self, connection: AsyncConnection, bodies: list[bytes]) -> None:
        statements = self._parts.statements
        if statements.insert_many is not None:
            await connection.execute(statements.insert_many, {"b_queue": self._queue, "b_bodies": bodies})
        else:
            now_us = (await connection.execute(statements.now)).scalar_one()
            shared = {"b_queue": self._queue, "b_visible": now_us, "b_created": now_us}
            await connection.execute(statements.insert, [{**shared, "b_body": body} for body in bodies])
        announcement = self._parts.database.dialect.announcement(self._queue)
        if announcement is not None:
            await connection.execute(announcement)


def sql_body_of(task: Task) -> bytes:
    """The message, if a row can hold it.

    Raises:
        MessageRefusedError: It cannot.
    """
    return body_of(task, BODY_BYTES_MAX)
