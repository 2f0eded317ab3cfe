"""A worker's events on a channel of Redis, as an event sink of the kind whose failures never matter."""

from __future__ import annotations

from cloud_tasks.core.events import EventRecord
from cloud_tasks.sinks.redis_channel import RedisChannel
from cloud_tasks.sinks.worker_events import WorkerEvents


class RedisEventSink:
    """Translates events and puts them on the channel."""

    def __init__(self, channel: RedisChannel, words: WorkerEvents) -> None:
        """Take over the channel; it is closed with this."""
        self._channel = channel
        self._words = words

    async def emit(self, records: list[EventRecord]) -> None:
        """Have them published; does not wait."""
        for record in records:
            message = self._words.translate(record)
            if message is not None:
                self._channel.put(message)

    async def aclose(self) -> None:
        """Publish what waits, and let go."""
        await self._channel.aclose()
