"""`SqlSender`: producing tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy.ext.asyncio import AsyncConnection

from cloud_tasks.core.arguments import check_not_negative
from cloud_tasks.core.message import encode_task
from cloud_tasks.core.task import Task
from cloud_tasks.errors import MessageRefusedError, QueueUnavailableError, SendFailedError
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
        """Put one task into the queue; a delay is clipped to a year.

        Raises:
            MessageRefusedError: The task is not JSON, or too large.
            QueueUnavailableError: Nobody knows whether it was sent.
        """
        check_not_negative("delay_s", delay_s)
        parameters = {
            "b_queue": self._queue,
            "b_body": _body_of(task),
            "b_delay": int(min(delay_s, YEAR_S) * US),
        }
        statements, dialect = self._parts.statements, self._parts.database.dialect
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
        ids: list[str] = []
        bodies: list[bytes] = []
        size_bytes = 0
        rest = iter(tasks)
        for task in rest:
            try:
                body = _body_of(task)
            except MessageRefusedError:
                await self._send(ids, bodies, iter(()))
                raise
            if len(ids) == SEND_MAX or (ids and size_bytes + len(body) > SEND_BYTES_MAX):
                await self._send(ids, bodies, _and_rest(task, rest))
                ids, bodies, size_bytes = [], [], 0
            ids.append(task.task_id)
            bodies.append(body)
            size_bytes += len(body)
        await self._send(ids, bodies, iter(()))

    async def _send(self, ids: list[str], bodies: list[bytes], unsent: Iterator[str]) -> None:
        """Send one batch, as a whole or not at all.

        Raises:
            SendFailedError: Nobody knows whether it was sent; names `unsent`, which was not.
        """
        if not ids:
            return
        try:
            await self._parts.database.transaction(lambda one: self._insert(one, bodies), durable=True)
        except QueueUnavailableError as error:
            raise SendFailedError(str(error), tuple(unsent), tuple(ids)) from error
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


def _body_of(task: Task) -> bytes:
    try:
        body = encode_task(task)
    except (ValueError, TypeError) as error:
        raise MessageRefusedError(task.task_id, str(error)) from error
    if len(body) > BODY_BYTES_MAX:
        raise MessageRefusedError(task.task_id, f"{len(body)} bytes, and the limit is {BODY_BYTES_MAX}")
    return body


def _and_rest(task: Task, rest: Iterator[Task]) -> Iterator[str]:
    yield task.task_id
    for one in rest:
        yield one.task_id
