"""`SqsSender`: producing tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from cloud_tasks.core.arguments import check_not_negative
from cloud_tasks.core.task import Task
from cloud_tasks.errors import MessageRefusedError, QueueError, QueueUnavailableError, SendFailedError
from cloud_tasks.queues.batching import body_of, send_in_batches
from cloud_tasks.queues.sqs.batches import Batches
from cloud_tasks.queues.sqs.bodies import as_body
from cloud_tasks.queues.sqs.limits import BATCH_MAX, MESSAGE_BYTES_MAX, SEND_DELAY_S_MAX, whole_seconds
from cloud_tasks.queues.sqs.names import group_of

_Entry: TypeAlias = dict[str, Any]


class SqsSender:
    """Sends tasks, ten in a request; every answer is looked at.

    On a FIFO queue a task has a message group and a de-duplication id of its own, so that tasks run side by
    side, and one that is sent twice within five minutes is there once.

    Args:
        batches: The queue.
        fifo: Whether it is a FIFO queue.
    """

    def __init__(self, batches: Batches, *, fifo: bool) -> None:
        self._batches = batches
        self._fifo = fifo

    async def send_body(self, task: Task, body: bytes, delay_s: float) -> None:
        """Put a task into the queue whose message is written already; as `send`."""
        entry: _Entry = {"MessageBody": as_body(body), "DelaySeconds": whole_seconds(delay_s)}
        await self._send([(task, entry)])

    async def send(self, task: Task, delay_s: float = 0.0) -> None:
        """Put one task into the queue.

        Raises:
            MessageRefusedError: The task is not JSON, or too large.
            QueueUnavailableError: Try again later.
            ValueError: The delay is longer than 15 minutes, or there is one on a FIFO queue.
        """
        check_not_negative("delay_s", delay_s)
        limit_s = 0 if self._fifo else SEND_DELAY_S_MAX
        if delay_s > limit_s:
            raise ValueError(f"delay_s is {delay_s}, and the limit is {limit_s}")
        entry = self._entry(task)
        if delay_s:
            entry["DelaySeconds"] = whole_seconds(delay_s)
        await self._send([(task, entry)])

    async def send_many(self, tasks: Iterable[Task]) -> None:
        """Put many in, up to the first that is refused; see `TaskSender`."""
        await send_in_batches(
            tasks,
            self._entry,
            _size_of,
            self._send,
            count_max=BATCH_MAX,
            size_bytes_max=MESSAGE_BYTES_MAX,
        )

    def _entry(self, task: Task) -> _Entry:
        body = as_body(body_of(task))
        size_bytes = len(body.encode())
        if size_bytes > MESSAGE_BYTES_MAX:
            reason = f"{size_bytes} bytes, and the limit is {MESSAGE_BYTES_MAX}"
            raise MessageRefusedError(task.task_id, reason)
        entry: _Entry = {"MessageBody": body}
        if self._fifo:
            entry["MessageGroupId"] = entry["MessageDeduplicationId"] = group_of(task.task_id)
        return entry

    async def _send(self, batch: Sequence[tuple[Task, _Entry]]) -> None:
        """Send one batch.

        Raises:
            SendFailedError: Not all of it was accepted.
        """
        ids = tuple(task.task_id for task, _ in batch)
        try:
            answers = await self._batches.send([entry for _, entry in batch])
        except QueueUnavailableError as error:
            raise SendFailedError(str(error), (), ids) from error
        failed: list[tuple[str, QueueError]] = [
            (task_id, error) for task_id, error in zip(ids, answers, strict=True) if error is not None
        ]
        if failed:
            reason = f"{len(failed)} of {len(batch)} tasks were not accepted, the first: {failed[0][1]}"
            raise SendFailedError(reason, tuple(task_id for task_id, _ in failed))


def _size_of(entry: _Entry) -> int:
    return len(entry["MessageBody"].encode())
