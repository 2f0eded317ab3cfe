"""`RabbitSender`: producing tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cloud_tasks.core.arguments import check_not_negative
from cloud_tasks.core.message import encode_task
from cloud_tasks.core.task import Task
from cloud_tasks.errors import MessageRefusedError, QueueUnavailableError, SendFailedError
from cloud_tasks.queues.rabbitmq.messages import new_message
from cloud_tasks.queues.rabbitmq.publisher import Publisher
from cloud_tasks.queues.rabbitmq.task_queue import MESSAGE_BYTES_MAX

BATCH_MAX = 500
BATCH_BYTES_MAX = 8_000_000


class RabbitSender:
    """Sends tasks; each is confirmed by the broker, up to five hundred at a time.

    Args:
        publisher: Sends messages.
        name: The queue.
    """

    def __init__(self, publisher: Publisher, name: str) -> None:
        self._publisher = publisher
        self._name = name

    async def send(self, task: Task, delay_s: float = 0.0) -> None:
        """Put one task into the queue, to be taken when the delay (of at most 30 days) is over.

        Raises:
            MessageRefusedError: The task is not JSON, or too large.
            QueueUnavailableError: Nobody knows whether it was sent.
        """
        check_not_negative("delay_s", delay_s)
        await self._publisher.send(self._name, [new_message(_body(task))], delay_s)

    async def send_many(self, tasks: Iterable[Task]) -> None:
        """Put many in, up to the first that is refused; see `TaskSender`."""
        batch: list[tuple[Task, bytes]] = []
        size_bytes = 0
        rest = iter(tasks)
        for task in rest:
            try:
                body = _body(task)
            except MessageRefusedError:
                await self._send(batch, iter(()))
                raise
            batch.append((task, body))
            size_bytes += len(body)
            if len(batch) == BATCH_MAX or size_bytes > BATCH_BYTES_MAX:
                await self._send(batch, rest)
                batch, size_bytes = [], 0
        await self._send(batch, rest)

    async def _send(self, batch: list[tuple[Task, bytes]], rest: Iterator[Task]) -> None:
        if not batch:
            return
        try:
            await self._publisher.send(self._name, [new_message(body) for _, body in batch])
        except QueueUnavailableError as error:
            unsent = tuple(task.task_id for task in rest)
            raise SendFailedError(str(error), unsent, tuple(task.task_id for task, _ in batch)) from error


def _body(task: Task) -> bytes:
    try:
        body = encode_task(task)
    except (ValueError, TypeError) as error:
        raise MessageRefusedError(task.task_id, str(error)) from error
    if len(body) > MESSAGE_BYTES_MAX:
        raise MessageRefusedError(task.task_id, f"{len(body)} bytes, and the limit is {MESSAGE_BYTES_MAX}")
    return body
