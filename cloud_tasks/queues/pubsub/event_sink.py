"""`PubSubEventSink`: events into a topic, at least once and in order per task."""

from __future__ import annotations

import asyncio
import zlib

from cloud_tasks.core.events import EventRecord
from cloud_tasks.errors import QueueUnavailableError, SinkUnavailableError
from cloud_tasks.queues.event_messages import body_of, order_of
from cloud_tasks.queues.pubsub.limits import MESSAGE_BYTES_MAX
from cloud_tasks.queues.pubsub.publishing import Message, Publishing, message

ORDERING_KEYS = 8
"""Pub/Sub keeps the order within a key, takes 1 MB/s for each, and wants a request for each: with a key for
every task, every event would be a request of its own."""


class PubSubEventSink:
    """Publishes events, and returns when all of them were accepted.

    Events of one task have the same ordering key, whichever worker tells them. They are published in order,
    and nothing overtakes: a batch begins when the one before has been accepted, or was given up.

    Args:
        publishing: The topic of the event queue.
    """

    def __init__(self, publishing: Publishing) -> None:
        self._publishing = publishing
        self._one_at_a_time = asyncio.Lock()

    async def emit(self, records: list[EventRecord]) -> None:
        """Publish events, in order; see `EventSink`.

        After an error some of them may have been accepted; publishing them again makes duplicates, and no
        disorder but that.
        """
        by_key: dict[str, list[Message]] = {}
        for record in records:
            key = _ordering_key(record)
            by_key.setdefault(key, []).append(message(body_of(record, MESSAGE_BYTES_MAX), ordering_key=key))
        async with self._one_at_a_time:
            ends = await asyncio.gather(
                *(self._publishing.publish(messages) for messages in by_key.values()), return_exceptions=True
            )
        for end in ends:
            if isinstance(end, QueueUnavailableError):
                raise SinkUnavailableError(str(end)) from None
            if end is not None:
                raise end

    async def aclose(self) -> None:
        """Nothing is kept here: what `emit` returned from has been accepted."""


def _ordering_key(record: EventRecord) -> str:
    return str(zlib.crc32(order_of(record).encode("utf-8", "surrogatepass")) % ORDERING_KEYS)
