"""The event queue: `SqsEventSink` for workers, `SqsFeed` for monitors."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import Struct

from cloud_tasks.core.arguments import check_receive
from cloud_tasks.core.events import EventRecord
from cloud_tasks.errors import QueueUnavailableError, SinkUnavailableError
from cloud_tasks.interfaces import FeedMessage
from cloud_tasks.queues.event_messages import body_of, order_of
from cloud_tasks.queues.sqs.batches import Batches
from cloud_tasks.queues.sqs.bodies import as_body
from cloud_tasks.queues.sqs.calls import Calls
from cloud_tasks.queues.sqs.limits import BATCH_MAX, MESSAGE_BYTES_MAX, WAIT_S_MAX
from cloud_tasks.queues.sqs.names import digest, group_of

FEED_LEASE_S = 60
"""How long a monitor has to store what it took."""
BATCHES_AT_ONCE = 4


class _Prepared(Struct, frozen=True):
    """An event, ready to be sent."""

    record: EventRecord
    whose: str
    body: str
    size_bytes: int


class SqsEventSink:
    """Sends events, and returns when all of them were accepted.

    Batches of ten go out side by side; those that hold events of the same task go one after the other. What
    was accepted is remembered until the rest is, so that a retry sends only the rest.

    Args:
        batches: The event queue.
        fifo: Whether it is a FIFO queue; each task and each machine has a message group there.
    """

    def __init__(self, batches: Batches, *, fifo: bool) -> None:
        self._batches = batches
        self._fifo = fifo
        self._one_at_a_time = asyncio.Lock()
        self._accepted: dict[int, EventRecord] = {}

    async def emit(self, records: list[EventRecord]) -> None:
        """Send events; see `EventSink`."""
        async with self._one_at_a_time:
            missing = [_prepared(record) for record in records if id(record) not in self._accepted]
            for wave in _waves(missing):
                await self._send_wave(wave)
            for record in records:
                self._accepted.pop(id(record), None)

    async def aclose(self) -> None:
        """Nothing is kept here: what `emit` returned from has been accepted."""

    async def _send_wave(self, wave: list[list[_Prepared]]) -> None:
        ends = await asyncio.gather(*(self._send(batch) for batch in wave), return_exceptions=True)
        for end in ends:
            if isinstance(end, QueueUnavailableError):
                raise SinkUnavailableError(f"the event queue: {end}") from None
            if end is not None:
                raise end

    async def _send(self, batch: list[_Prepared]) -> None:
        answers = await self._batches.send([self._entry(one) for one in batch])
        for one, error in zip(batch, answers, strict=True):
            if error is None:
                # Holding the record keeps its identity from being used again.
                self._accepted[id(one.record)] = one.record
        failed = [error for error in answers if error is not None]
        if failed:
            raise QueueUnavailableError(f"{len(failed)} of {len(batch)} were not accepted: {failed[0]}")

    def _entry(self, one: _Prepared) -> dict[str, Any]:
        if not self._fifo:
            return {"MessageBody": one.body}
        return {
            "MessageBody": one.body,
            "MessageGroupId": group_of(one.whose),
            "MessageDeduplicationId": digest(one.body.encode()),
        }


class SqsFeed:
    """Takes messages and removes them.

    Args:
        calls: The connection.
        url: The queue's address.
    """

    def __init__(self, calls: Calls, url: str) -> None:
        self._calls = calls
        self._url = url
        self._batches = Batches(calls, url)

    async def receive(self, messages_max: int, wait_s: float) -> list[FeedMessage]:
        """Take up to `messages_max` messages, ten at most; see `MessageFeed`."""
        check_receive(messages_max, wait_s)
        answer = await self._calls.poll(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(messages_max, BATCH_MAX),
            WaitTimeSeconds=int(min(wait_s, WAIT_S_MAX)),
            VisibilityTimeout=FEED_LEASE_S,
        )
        return [
            FeedMessage(one.get("Body", "").encode("utf-8", "surrogatepass"), one["ReceiptHandle"])
            for one in answer.get("Messages", ())
        ]

    async def ack(self, messages: list[FeedMessage]) -> None:
        """Remove messages; see `MessageFeed`."""
        receipts = [one.receipt for one in messages]
        parts = [receipts[start : start + BATCH_MAX] for start in range(0, len(receipts), BATCH_MAX)]
        await asyncio.gather(*(self._batches.delete(part) for part in parts))

    async def aclose(self) -> None:
        """Nothing is kept here; the threads belong to the backend."""


def _waves(prepared: list[_Prepared]) -> list[list[list[_Prepared]]]:
    """Batches that may go out side by side, and before those of the next wave: in order for each task."""
    waves: list[list[list[_Prepared]]] = []
    names: set[str] = set()
    size_bytes = 0
    for one in prepared:
        full = bool(waves) and (
            len(waves[-1][-1]) == BATCH_MAX or size_bytes + one.size_bytes > MESSAGE_BYTES_MAX
        )
        if not waves or one.whose in names or (full and len(waves[-1]) == BATCHES_AT_ONCE):
            waves.append([[]])
            names, size_bytes = set(), 0
        elif full:
            waves[-1].append([])
            size_bytes = 0
        names.add(one.whose)
        size_bytes += one.size_bytes
        waves[-1][-1].append(one)
    return waves


def _prepared(record: EventRecord) -> _Prepared:
    body = body_of(record, MESSAGE_BYTES_MAX, lambda one: as_body(one.encode()).encode())
    return _Prepared(record, order_of(record), body.decode(), len(body))
