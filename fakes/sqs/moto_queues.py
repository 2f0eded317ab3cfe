"""What moto's queues hold, looked at and put right."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from moto.sqs import models
from moto.sqs.models import Message, Queue

from fakes.sqs import errors
from fakes.sqs.receiving import TIMEOUT_S_MAX
from fakes.sqs.values import AttributeValue, SendEntry

_NAP_S = 0.02
_STANDSTILL_S_MAX = 0.2
"""A clock that has not moved for so long while we slept is frozen."""


def now_s() -> float:
    """The time by moto's clock for SQS, which may have been replaced."""
    return float(vars(models)["unix_time"]())


def entry_of(body: str, values: Mapping[str, Any]) -> SendEntry:
    """What is to be sent, as our own checks want it."""
    attributes = values.get("message_attributes") or {}
    return SendEntry(
        message_body=body,
        message_attributes=msgspec.convert(attributes, dict[str, AttributeValue]),
        message_deduplication_id=values.get("deduplication_id"),
        message_group_id=values.get("group_id"),
    )


def refuse_group_scope(attributes: Mapping[str, Any]) -> None:
    """Refuse what moto takes and ignores.

    Raises:
        SqsError: De-duplication by message group is wanted.
    """
    if attributes.get("DeduplicationScope", "queue") != "queue":
        raise errors.unsupported("moto knows no de-duplication per message group; use python -m fakes.sqs")


def drop_old(queue: Queue) -> None:
    """Forget what is older than the retention period, so that it hides nothing."""
    oldest_ms = (now_s() - int(queue.message_retention_period)) * 1000  # type: ignore[attr-defined] # set by name
    messages = queue._messages  # noqa: SLF001 - moto's own
    kept = [message for message in messages if message.sent_timestamp > oldest_ms]
    if len(kept) < len(messages):
        queue._messages = kept  # noqa: SLF001
        queue.pending_messages.intersection_update(kept)


def give_back_expired(queue: Queue) -> None:
    """Let the leases end that are over.

    Moto does so one by one while it looks for messages; it would pass over the first of a group because the
    second was leased with it, and give out the second.
    """
    pending = queue.pending_messages
    pending.difference_update([message for message in pending if message.visible])


def find(queue: Queue, handle: str) -> Message | None:
    """The message that ever had that handle."""
    messages = queue._messages  # noqa: SLF001 - moto's own
    return next((message for message in messages if message.had_receipt_handle(handle)), None)


def forget_handles(message: Message) -> None:
    """Let a message that came to another queue be known by no handle of the one before.

    Moto takes it along with all its handles.
    """
    message.receipt_handle = None
    message._old_receipt_handles = []  # noqa: SLF001 - moto's own


def check_current(queue: Queue, message: Message | None, handle: str) -> None:
    """Look whether the lease of that handle is still held, if the queue is FIFO.

    Raises:
        SqsError: It is not.
    """
    if message is None or not queue.fifo_queue:
        return
    if message.visible or message.receipt_handle != handle:
        raise errors.handle_expired(handle)


def check_timeout(timeout_s: int) -> int:
    """The visibility timeout, if there is such a one.

    Raises:
        SqsError: There is none.
    """
    if not 0 <= int(timeout_s) <= TIMEOUT_S_MAX:
        raise errors.bad_timeout(timeout_s, TIMEOUT_S_MAX)
    return int(timeout_s)


def naps(wait_s: int) -> Iterator[bool]:
    """Sleep a little, again and again, until the time is over.

    Raises:
        SqsError: It never will be: the clock is frozen.
    """
    ends_at_s = now_s() + wait_s
    still_s, seen_at_s = 0.0, now_s()
    while now_s() < ends_at_s:
        threading.Event().wait(_NAP_S)  # in real time, whatever the clock shows
        still_s = still_s + _NAP_S if now_s() == seen_at_s else 0.0
        seen_at_s = now_s()
        if still_s > _STANDSTILL_S_MAX:
            raise errors.unsupported(
                "the clock is frozen, and a long poll would never end: receive with WaitTimeSeconds 0"
            )
        yield True
