"""Accepting messages."""

from __future__ import annotations

import itertools
import random
import re
import uuid

import msgspec

from cloud_tasks.interfaces import Clock
from fakes.sqs import digests
from fakes.sqs.content import SIZE_BYTES_MAX, check_message, size_bytes
from fakes.sqs.deduplication import Accepted, content_id
from fakes.sqs.errors import SqsError, batch_error, invalid_parameter, invalid_value, missing_parameter
from fakes.sqs.message import Message
from fakes.sqs.queue import Queue
from fakes.sqs.values import SendEntry, Sent

_DELAY_S_MAX = 900
_ID = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}")
"""Letters, digits and punctuation: what groups and de-duplication ids may be."""


class Sender:
    """Makes messages of what is sent.

    Args:
        clock: When they are sent.
        seed: Of the ids of messages.
    """

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._random = random.Random(f"{seed}:messages")  # noqa: S311 - ids, not secrets
        self._numbers = itertools.count(1)

    def send(self, queue: Queue, entry: SendEntry) -> Sent:
        """Put a message into a queue, unless it is there already.

        Raises:
            SqsError: The queue does not take such a message.
        """
        check_message(entry, queue.attributes.size_bytes_max)
        _check_delay(queue, entry.delay_seconds)
        if queue.attributes.is_fifo:
            return _answer(entry, self._send_once(queue, entry))
        if entry.message_deduplication_id is not None:
            raise _not_for_this_queue("MessageDeduplicationId", entry.message_deduplication_id)
        check_id("MessageGroupId", entry.message_group_id)
        return _answer(entry, self._put(queue, entry))

    def _send_once(self, queue: Queue, entry: SendEntry) -> Accepted:
        check_fifo(queue, entry)
        check_id("MessageGroupId", entry.message_group_id)
        check_id("MessageDeduplicationId", entry.message_deduplication_id)
        deduplication_id = entry.message_deduplication_id or content_id(entry)
        scope = (entry.message_group_id or "") if queue.attributes.deduplicates_by_group else ""
        now = self._clock.monotonic()
        known = queue.deduplication.find(now, scope, deduplication_id)
        if known is not None:
            return known
        entry = msgspec.structs.replace(entry, message_deduplication_id=deduplication_id)
        accepted = self._put(queue, entry)
        queue.deduplication.remember(now, scope, deduplication_id, accepted)
        return accepted

    def _put(self, queue: Queue, entry: SendEntry) -> Accepted:
        message = Message(
            next(self._numbers),
            str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            entry,
            sent_ms=int(self._clock.utc_now().timestamp() * 1000),
            kept_since_s=self._clock.monotonic(),
        )
        delay_s = queue.attributes.delay_s if entry.delay_seconds is None else entry.delay_seconds
        queue.put(message, queue.attributes.delay_s if queue.attributes.is_fifo else delay_s)
        return Accepted(message.message_id, message.sequence_number)


def check_fifo(queue: Queue, entry: SendEntry) -> None:
    """Refuse a message to a FIFO queue that does not say where it belongs, or what makes it the same.

    Raises:
        SqsError: Such a message.
    """
    if entry.message_group_id is None:
        raise missing_parameter("MessageGroupId")
    if entry.message_deduplication_id is None and not queue.attributes.deduplicates_by_content:
        raise invalid_parameter(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )


def check_batch_size(entries: tuple[SendEntry, ...]) -> None:
    """Refuse messages that are too large together.

    Raises:
        SqsError: They are.
    """
    total = sum(map(size_bytes, entries))
    if total > SIZE_BYTES_MAX:
        raise batch_error(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {SIZE_BYTES_MAX} bytes. You have sent {total} bytes.",
        )


def _answer(entry: SendEntry, accepted: Accepted) -> Sent:
    return Sent(
        message_id=accepted.message_id,
        md5_of_message_body=digests.of_body(entry.message_body),
        id=entry.id,
        md5_of_message_attributes=digests.of_attributes(entry.message_attributes),
        md5_of_message_system_attributes=digests.of_attributes(entry.message_system_attributes),
        sequence_number=accepted.sequence_number or None,
    )


def _check_delay(queue: Queue, delay_s: int | None) -> None:
    if delay_s is None:
        return
    if not 0 <= delay_s <= _DELAY_S_MAX:
        raise invalid_value("DelaySeconds", delay_s, f"DelaySeconds must be >= 0 and <= {_DELAY_S_MAX}.")
    if queue.attributes.is_fifo and delay_s:
        raise _not_for_this_queue("DelaySeconds", delay_s)


def check_id(name: str, value: str | None) -> None:
    """Refuse what no message group and no id of de-duplication can be; None is none.

    Raises:
        SqsError: Such a value.
    """
    if value is not None and not _ID.fullmatch(value):
        raise invalid_value(
            name,
            value,
            f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        )


def _not_for_this_queue(name: str, value: object) -> SqsError:
    return invalid_value(name, value, "The request include parameter that is not valid for this queue type.")
