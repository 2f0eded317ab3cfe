"""Sending many tasks as few batches, with the same promises on every backend that can."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from cloud_tasks.core.message import encode_task
from cloud_tasks.core.task import Task
from cloud_tasks.errors import MessageRefusedError, QueueUnavailableError, SendFailedError

M = TypeVar("M")


def body_of(task: Task, size_bytes_max: int | None = None) -> bytes:
    """The message's body for a task.

    Raises:
        MessageRefusedError: The task is not JSON, or larger than `size_bytes_max`.
    """
    try:
        body = encode_task(task)
    except (ValueError, TypeError) as error:
        raise MessageRefusedError(task.task_id, str(error)) from error
    if size_bytes_max is not None and len(body) > size_bytes_max:
        raise MessageRefusedError(task.task_id, f"{len(body)} bytes, and the limit is {size_bytes_max}")
    return body


async def send_in_batches(
    tasks: Iterable[Task],
    message_of: Callable[[Task], M],
    size_of: Callable[[M], int],
    send: Callable[[Sequence[tuple[Task, M]]], Awaitable[None]],
    *,
    count_max: int,
    size_bytes_max: int,
) -> None:
    """Send tasks in order, up to the first that is refused; holds one batch of them at a time.

    Args:
        tasks: What is sent.
        message_of: The message for a task; raises `MessageRefusedError`.
        size_of: How large a message is, in bytes.
        send: Sends one batch. A `SendFailedError` of it tells which of the batch were not sent; any other
            `QueueUnavailableError`, that nobody knows of any.
        count_max: Most messages of a batch.
        size_bytes_max: Most bytes of a batch of more than one.

    Raises:
        MessageRefusedError: A task can never be sent; those before it were.
        SendFailedError: Not all were sent; names those that were not, and those of which nobody knows.
    """
    batch: list[tuple[Task, M]] = []
    size_bytes = 0
    rest = iter(tasks)
    for task in rest:
        try:
            message = message_of(task)
        except MessageRefusedError:
            await _send(send, batch, iter(()))
            raise
        added_bytes = size_of(message)
        if batch and (len(batch) == count_max or size_bytes + added_bytes > size_bytes_max):
            await _send(send, batch, chain((task,), rest))
            batch, size_bytes = [], 0
        batch.append((task, message))
        size_bytes += added_bytes
    await _send(send, batch, iter(()))


async def _send(
    send: Callable[[Sequence[tuple[Task, M]]], Awaitable[None]],
    batch: list[tuple[Task, M]],
    rest: Iterator[Task],
) -> None:
    """Send a batch; where that fails, name those behind it as well."""
    if not batch:
        return
    try:
        await send(batch)
    except SendFailedError as error:
        unsent = (*error.unsent, *(task.task_id for task in rest))
        raise SendFailedError(str(error), unsent, error.in_doubt) from error
    except QueueUnavailableError as error:
        unsent = tuple(task.task_id for task in rest)
        raise SendFailedError(str(error), unsent, tuple(task.task_id for task, _ in batch)) from error
