"""A worker's events on a channel of Redis, as an event sink of the kind whose failures never matter."""

from __future__ import annotations

from cloud_tasks.core.events import EventRecord
from cloud_tasks.sinks.redis_channel import RedisChannel
from cloud_tasks.sinks.worker_events import WorkerEvents
from cloud_tasks.sinks.worker_messages import Encode


class RedisEventSink:
    """Translates events and puts them on the channel.

    Args:
        channel: The channel; who made it closes it.
        words: Says what is told of an event.
        encode: Makes bytes of that.
    """

    def __init__(self, channel: RedisChannel, words: WorkerEvents, encode: Encode) -> None:
        self._channel = channel
        self._words = words
        self._encode = encode

    async def emit(self, records: list[EventRecord]) -> None:
        """Have them published; does not wait."""
        for record in records:
            message = self._words.translate(record)
            if message is not None:
                self._channel.put(self._encode(message))

    async def aclose(self) -> None:
        """Nothing is held."""
