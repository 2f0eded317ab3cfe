"""What queues are called, and what the members of a FIFO message are."""

from __future__ import annotations

import hashlib
import re

FIFO_SUFFIX = ".fifo"
_DEAD_SUFFIX = "-dead"
QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}")
HOW_TO_NAME = "1 to 75 of a-z, A-Z, 0-9, _ and -: SQS takes 80, and its dead letters are in NAME-dead"


def full_name(queue: str, *, fifo: bool) -> str:
    """The name of a queue at SQS."""
    return queue + FIFO_SUFFIX if fifo else queue


def dead_letter_name(queue: str, *, fifo: bool) -> str:
    """The name of the queue for what could not be done."""
    return full_name(queue + _DEAD_SUFFIX, fifo=fifo)


def name_in_arn(arn: str) -> str:
    """The queue's name, which is the last part of its ARN."""
    return arn.rpartition(":")[2]


def group_of(task_id: str) -> str:
    """The message group of a task: one of its own, so that tasks run side by side.

    A digest, because a group takes 128 characters of ASCII and a task id any text.
    """
    return digest(task_id.encode("utf-8", "surrogatepass"))


def digest(data: bytes) -> str:
    """A name for some bytes."""
    return hashlib.sha256(data).hexdigest()[:64]
