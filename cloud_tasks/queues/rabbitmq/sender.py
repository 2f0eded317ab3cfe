"""`RabbitSender`: producing tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cloud_tasks.core.task import Task
from cloud_tasks.queues.batching import body_of, send_in_batches
from cloud_tasks.queues.delays import check_delay
from cloud_tasks.queues.rabbitmq.messages import new_message
from cloud_tasks.queues.rabbitmq.publisher import Publisher
from cloud_tasks.queues.rabbitmq.task_queue import MESSAGE_BYTES_MAX
from cloud_tasks.queues.rabbitmq.topology import DELAY_S_MAX

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
        """Put one task into the queue, to be taken when the delay is over.

        Raises:
            MessageRefusedError: The task is not JSON, or too large.
            QueueUnavailableError: Nobody knows whether it was sent.
            ValueError: The delay is longer than 30 days.
        """
        check_delay(delay_s, DELAY_S_MAX, "RabbitMQ")
        await self._publisher.send(self._name, [new_message(_body(task))], delay_s)

    async def send_many(self, tasks: Iterable[Task]) -> None:
        """Put many in, up to the first that is refused; see `TaskSender`."""
        await send_in_batches(
            tasks, _body, len, self._send, count_max=BATCH_MAX, size_bytes_max=BATCH_BYTES_MAX
        )

    async def _send(self, batch: Sequence[tuple[Task, bytes]]) -> None:
        await self._publisher.send(self._name, [new_message(body) for _, body in batch])


def _body(task: Task) -> bytes:
    return body_of(task, MESSAGE_BYTES_MAX)
