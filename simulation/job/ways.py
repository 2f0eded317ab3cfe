"""The ways to the event queue, as workers and monitors have them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from cloud_tasks.core.arguments import check_receive
from cloud_tasks.core.events import EventRecord
from cloud_tasks.errors import QueueUnavailableError, SinkUnavailableError
from cloud_tasks.interfaces import EventSink, FeedMessage
from simulation.faults import FaultClass
from simulation.happenings import CallAnswered, CallIssued, EventStored, StoreFailed, StoreIssued
from simulation.history import History
from simulation.hosts import Host
from simulation.job.event_queue import EventBroker
from simulation.job.happenings import ServiceAnswered, ServiceCalled
from simulation.link import Link
from simulation.link_calls import Asked, LinkFaults
from simulation.loop import SimulationLoop

BATCH_MAX = 10
"""Events of one call."""
OF_EVENTS = LinkFaults(
    slow=FaultClass.EVENTS_SLOW,
    throttled=FaultClass.EVENTS_THROTTLED,
    request_lost=FaultClass.EVENTS_REQUEST_LOST,
    reply_lost=FaultClass.EVENTS_REPLY_LOST,
    outage=FaultClass.EVENTS_OUTAGE,
)


def aside(history: History) -> History:
    """A history for a link that is not to be taken for one between a worker and the task queue."""
    own = History()

    def issued(call: CallIssued) -> None:
        history.tell(
            ServiceCalled(at=call.at, worker=call.worker, operation=call.operation, number=call.number)
        )

    def answered(call: CallAnswered) -> None:
        history.tell(
            ServiceAnswered(
                at=call.at,
                worker=call.worker,
                operation=call.operation,
                number=call.number,
                error=call.error,
            )
        )

    own.on(CallIssued, issued)
    own.on(CallAnswered, answered)
    return own


class EventQueueSink:
    """An `EventSink`: events into the event queue, ten in a call, one call after the other.

    When a call fails, what it was about is sent again with all that was to be sent, as adapters may do.

    Args:
        host: The worker.
        broker: The event queue.
        link: The way to it.
    """

    def __init__(self, host: Host, broker: EventBroker, link: Link) -> None:
        self._host = host
        self._broker = broker
        self._link = link

    async def emit(self, records: list[EventRecord]) -> None:
        """Store events; see `EventSink`."""
        for batch in _batches(records):
            bodies = [record.encode() for record in batch]
            effect = partial(self._broker.accept, self._host.name, bodies)
            try:
                refused = await self._link.call(Asked(operation="send_events"), effect)
            except QueueUnavailableError as error:
                raise SinkUnavailableError(f"the event queue: {error}") from None
            if refused:
                raise SinkUnavailableError(f"the event queue: {len(refused)} of {len(batch)} were refused")

    async def aclose(self) -> None:
        """There is no connection to let go of."""


def _batches(records: Sequence[EventRecord]) -> list[Sequence[EventRecord]]:
    return [records[start : start + BATCH_MAX] for start in range(0, len(records), BATCH_MAX)]


class Witnessed:
    """An `EventSink` over another one, which tells what has become durable, and when nothing has.

    Args:
        loop: Time.
        host: The worker.
        sink: The other one.
        history: Told of each event, and of each failure.
    """

    def __init__(self, loop: SimulationLoop, host: Host, sink: EventSink, history: History) -> None:
        self._loop = loop
        self._host = host
        self._sink = sink
        self._history = history

    async def emit(self, records: list[EventRecord]) -> None:
        """Store events; see `EventSink`."""
        name = self._host.name
        self._history.tell(StoreIssued(at=self._loop.now, worker=name))
        try:
            await self._sink.emit(records)
        except SinkUnavailableError:
            self._history.tell(StoreFailed(at=self._loop.now, worker=name))
            raise
        now = self._loop.now
        for record in records:
            self._history.tell(EventStored(at=now, worker=name, event=record.event))

    async def aclose(self) -> None:
        """Let go; see `EventSink`."""
        await self._sink.aclose()


class SimulatedFeed:
    """A `MessageFeed` over a link.

    Args:
        broker: The event queue.
        link: The way to it.
    """

    def __init__(self, broker: EventBroker, link: Link) -> None:
        self._broker = broker
        self._link = link

    async def receive(self, messages_max: int, wait_s: float) -> list[FeedMessage]:
        """Take up to `messages_max` messages; see `MessageFeed`."""
        check_receive(messages_max, wait_s)
        asked = Asked(operation="read_events", seconds=wait_s, tasks_max=messages_max)
        return list(await self._link.start(asked, partial(self._broker.take, messages_max, wait_s)))

    async def ack(self, messages: list[FeedMessage]) -> None:
        """Remove messages; see `MessageFeed`."""
        receipts = [message.receipt for message in messages]
        await self._link.call(Asked(operation="remove_events"), partial(self._broker.remove, receipts))

    async def aclose(self) -> None:
        """There is no connection to let go of."""
