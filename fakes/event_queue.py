"""`InMemoryEventQueue`: an event queue with leases, in memory and on any clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from cloud_tasks.core.arguments import check_receive
from cloud_tasks.core.events import EventRecord
from cloud_tasks.errors import LeaseLostError
from cloud_tasks.interfaces import Clock, FeedMessage
from fakes.history import Fact
from fakes.long_poll import LongPoll
from fakes.message_store import MessageStore
from fakes.queue_options import QueueOptions


class InMemoryEventQueue:
    """An `EventSink` and a `MessageFeed` at once: what workers tell, monitors take.

    What is taken and not acked comes again when its lease is over. Several may share one queue: `aclose` only
    sends waiting receivers home.

    Args:
        clock: What time it is; leases end on its monotonic side.
        options: How the queue behaves.
        observe: Called with every fact, in order; the `append` of a list, for instance.
    """

    def __init__(
        self, clock: Clock, options: QueueOptions | None = None, observe: Callable[[Fact], None] | None = None
    ) -> None:
        self._clock = clock
        self._options = options or QueueOptions()
        self._store = MessageStore(self._options, observe)
        self._poll = LongPoll(clock)

    async def emit(self, records: list[EventRecord]) -> None:
        """Accept events; see `EventSink`."""
        for record in records:
            self.put(record.encode())

    def put(self, body: bytes) -> None:
        """Accept any message, as from a foreign or faulty sender."""
        self._store.put(self._clock.monotonic(), body, 0.0)
        self._poll.wake_one()

    async def receive(self, messages_max: int, wait_s: float) -> list[FeedMessage]:
        """Take up to `messages_max` messages; see `MessageFeed`."""
        check_receive(messages_max, wait_s)
        taken = self._take(messages_max)
        deadline = self._clock.monotonic() + min(wait_s, self._options.wait_s_max)
        while not taken and self._clock.monotonic() < deadline:
            due = self._store.next_due()
            if not await self._poll.wait(deadline if due is None else min(due, deadline)):
                break
            taken = self._take(messages_max)
        return taken

    async def ack(self, messages: list[FeedMessage]) -> None:
        """Remove messages; one whose lease is over stays, and comes again. See `MessageFeed`."""
        now_s = self._clock.monotonic()
        for message in messages:
            key, _, _ = message.receipt.partition("#")
            with suppress(LeaseLostError):
                self._store.ack(now_s, key, message.receipt)

    def depth(self) -> Mapping[str, int]:
        """Number of messages: "visible", "in_flight", "delayed", "dead"; exact."""
        return self._store.counts(self._clock.monotonic())

    async def aclose(self) -> None:
        """Send waiting receivers home, with nothing. The queue stays as it is."""
        self._poll.close()

    def _take(self, messages_max: int) -> list[FeedMessage]:
        """Nothing is awaited between taking and returning, so that a cancelled receiver has taken nothing."""
        count = min(messages_max, self._options.batch_size_max)
        messages = self._store.take(self._clock.monotonic(), count)
        if messages:
            self._poll.expect(self._store.next_due())
        return [FeedMessage(message.body, message.receipt) for message in messages]
