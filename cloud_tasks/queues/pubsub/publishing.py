"""Publishing, in requests of the size that Pub/Sub takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from google.pubsub_v1.types import PublishRequest, PubsubMessage

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.queues.pubsub.calls import Calls
from cloud_tasks.queues.pubsub.limits import PUBLISH_BYTES_MAX, PUBLISH_MESSAGES_MAX, REQUEST_OVERHEAD_BYTES

Message: TypeAlias = Any
"""A `PubsubMessage` as protobuf has it, without the wrapper."""

_Message = PubsubMessage.pb()
_Request = PublishRequest.pb()


def message(data: bytes, *, ordering_key: str = "", **attributes: str) -> Message:
    """A message to be published."""
    return _Message(data=data, ordering_key=ordering_key, attributes=attributes)


class Publishing:
    """Publishes to one topic."""

    def __init__(self, calls: Calls, topic: str) -> None:
        self._calls = calls
        self._topic = topic

    async def publish(self, messages: Iterable[Message]) -> None:
        """Publish in order, as many requests as it takes, one after the other; returns when all are accepted.

        Raises:
            QueueUnavailableError: One request was not; those before it were.
        """
        for batch in _batches(messages):
            await self.publish_batch(batch)

    async def publish_batch(self, batch: Sequence[Message]) -> None:
        """Publish what fits into one request.

        Raises:
            QueueUnavailableError: It was not accepted, or not all of it.
        """
        request = PublishRequest.wrap(_Request(topic=self._topic, messages=batch))
        message_ids = await self._calls.publish(request)
        accepted = sum(1 for message_id in message_ids if message_id)
        if accepted != len(batch):
            raise QueueUnavailableError(f"Publish: {len(batch)} messages sent, and {accepted} accepted")


def _batches(messages: Iterable[Message]) -> Iterator[list[Message]]:
    batch: list[Message] = []
    room_bytes = PUBLISH_BYTES_MAX - REQUEST_OVERHEAD_BYTES
    left_bytes = room_bytes
    for one in messages:
        size_bytes = one.ByteSize() + 8  # its tag and its length
        if batch and (size_bytes > left_bytes or len(batch) == PUBLISH_MESSAGES_MAX):
            yield batch
            batch, left_bytes = [], room_bytes
        batch.append(one)
        left_bytes -= size_bytes
    if batch:
        yield batch
