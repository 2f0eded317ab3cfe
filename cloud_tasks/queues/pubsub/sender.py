"""`PubSubSender`: producing tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cloud_tasks.core.arguments import check_not_negative
from cloud_tasks.core.task import Task
from cloud_tasks.errors import MessageRefusedError
from cloud_tasks.queues.batching import body_of
from cloud_tasks.queues.pubsub.limits import MESSAGE_BYTES_MAX
from cloud_tasks.queues.pubsub.publishing import Message, Publishing, message


class PubSubSender:
    """Publishes tasks, as many in a request as fit; every answer is looked at.

    Args:
        publishing: The topic.
    """

    def __init__(self, publishing: Publishing) -> None:
        self._publishing = publishing

    async def send(self, task: Task, delay_s: float = 0.0) -> None:
        """Put one task into the queue.

        Raises:
            MessageRefusedError: The task is not JSON, or too large.
            QueueUnavailableError: Try again later.
            ValueError: A delay was asked for, and Pub/Sub has none.
        """
        check_not_negative("delay_s", delay_s)
        if delay_s:
            raise ValueError(f"delay_s is {delay_s}, and Pub/Sub takes no delay")
        await self._publishing.publish_batch([_message_of(task)])

    async def send_many(self, tasks: Iterable[Task]) -> None:
        """Put many in, up to the first that is refused.

        Raises:
            MessageRefusedError: That one; those before it are in the queue.
            QueueUnavailableError: Try again later. Some may be in the queue by now.
        """
        refused: list[MessageRefusedError] = []
        await self._publishing.publish(_up_to_the_first_refused(tasks, refused))
        if refused:
            raise refused[0]


def _up_to_the_first_refused(tasks: Iterable[Task], refused: list[MessageRefusedError]) -> Iterator[Message]:
    for task in tasks:
        try:
            one = _message_of(task)
        except MessageRefusedError as error:
            refused.append(error)
            return
        yield one


def _message_of(task: Task) -> Message:
    return message(body_of(task, MESSAGE_BYTES_MAX))
