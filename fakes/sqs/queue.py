"""One queue: where its messages are, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable

from cloud_tasks.interfaces import Clock
from fakes.deadlines import Deadlines
from fakes.long_poll import LongPoll
from fakes.sqs.deduplication import Deduplication
from fakes.sqs.errors import handle_expired, invalid_handle, lease_too_long, no_such_message, over_limit
from fakes.sqs.lines import FifoLine, Line, StandardLine
from fakes.sqs.message import Handle, Message, Place, decode_handle, sequence_number
from fakes.sqs.queue_attributes import QueueAttributes

IN_FLIGHT_MAX = 120_000
"""As many messages of a queue can be in flight at SQS."""

LEASE_TOTAL_S_MAX = 43_200
"""How long a message may be held altogether, from its receive."""


class Queue:
    """The messages of one queue in their places. Costs the same per call however many there are.

    Every call first catches up with what has become due, so that nothing has to happen in between.

    Args:
        number: Its number in its service.
        name: Its name.
        arn: Its name in all of AWS.
        attributes: What it is set to.
        clock: For leases, delays, retention.
        dead_letters: Finds the queue that a queue's dead letters go to; None if it is not there.
        in_flight_max: Above this many in flight a receive gets nothing more.

    Attributes:
        created_s: When it was made, in seconds of the epoch.
        modified_s: When it was last set to something else, likewise.
        purged_at_s: When it was last purged, on the clock; None: never.
        tags: Its tags.
        poll: Who waits for a message.
        deduplication: What was sent to it of late; for FIFO queues.
        last_sequence: The number last given, in a FIFO queue.
    """

    def __init__(
        self,
        number: int,
        name: str,
        arn: str,
        attributes: QueueAttributes,
        *,
        clock: Clock,
        dead_letters: Callable[[Queue], Queue | None],
        in_flight_max: int = IN_FLIGHT_MAX,
    ) -> None:
        self.number = number
        self.name = name
        self.arn = arn
        self.attributes = attributes
        self.created_s = self.modified_s = int(clock.utc_now().timestamp())
        self.purged_at_s: float | None = None
        self.tags: dict[str, str] = {}
        self.poll = LongPoll(clock)
        self.deduplication = Deduplication()
        self.last_sequence = 0
        self._clock = clock
        self._dead_letters = dead_letters
        self._in_flight_max = in_flight_max
        self._live: dict[int, Message] = {}
        self._line: Line = FifoLine() if attributes.is_fifo else StandardLine()
        self._timers: Deadlines[Message] = Deadlines()
        self._retention: Deadlines[Message] = Deadlines()
        self._counts = dict.fromkeys(Place, 0)

    def counts(self) -> dict[Place, int]:
        """Number of messages in each place."""
        self._catch_up()
        return dict(self._counts)

    def put(self, message: Message, delay_s: float = 0.0) -> None:
        """Take in a message that is in no place."""
        self._catch_up()
        if self.attributes.is_fifo:
            self.last_sequence += 1
            message.sequence_number = sequence_number(self.last_sequence)
        self._live[message.number] = message
        message.retention = self._retention.add(message.kept_since_s, message)
        self._show_after(message, delay_s)
        self._stir()

    def take_over(self, message: Message, source_arn: str) -> None:
        """Take in a dead letter of another queue; only in a FIFO queue its retention begins anew."""
        message.source_arn = source_arn
        if self.attributes.is_fifo:
            message.kept_since_s = self._clock.monotonic()
        self.put(message)

    def take(self, count: int, lease_s: float, *, long: bool = False) -> list[Message]:
        """Hand out up to `count` messages.

        Raises:
            SqsError: Too many are in flight, and the caller does not wait.
        """
        self._catch_up()
        room = self._in_flight_max - self._counts[Place.IN_FLIGHT]
        if room <= 0 and not long and not self.attributes.is_fifo:
            raise over_limit(self._in_flight_max)
        taken: list[Message] = []
        if room > 0:
            for message in self._line.offer():
                self._move(message, Place.NOWHERE)
                self._hand_out(message, lease_s, taken)
                if len(taken) >= min(count, room):
                    break
        self._stir()
        return taken

    async def wait(self, until_s: float) -> bool:
        """Wait until there may be a message; returns whether to go on waiting if there is none."""
        due = self._timers.next_moment()
        return await self.poll.wait(until_s if due is None else min(until_s, due))

    def handle_of(self, message: Message) -> str:
        """The handle of a message's last receive."""
        return Handle(self.number, message.number, message.receive_count).encode()

    def delete(self, handle: str) -> None:
        """Remove the message for good; nothing, if that has been done.

        Raises:
            SqsError: The handle is none of this queue, or out of date in a FIFO queue.
        """
        message = self._find(handle)
        if message is not None:
            self._forget(message)
            self._stir()

    def hold_until(self, handle: str, timeout_s: float) -> None:
        """Let the lease end so many seconds from now; also one that is over.

        Raises:
            SqsError: The handle is none of this queue, or out of date in a FIFO queue; the message is
                gone, or would be held for longer than it may be.
        """
        message = self._find(handle)
        if message is None:
            raise no_such_message(handle)
        until = self._clock.monotonic() + timeout_s
        if timeout_s and until > message.received_at_s + LEASE_TOTAL_S_MAX:
            raise lease_too_long(timeout_s, LEASE_TOTAL_S_MAX)
        self._leave_place(message)
        if timeout_s:
            self._hold(message, until)
        else:
            self._show(message)
        self._stir()

    def skip(self, count: int) -> None:
        """Let the first messages stand behind the others, as a service without order may."""
        self._line.skip(count)

    def purge(self) -> None:
        """Remove every message."""
        self.purged_at_s = self._clock.monotonic()
        for message in list(self._live.values()):
            self._forget(message)

    def _catch_up(self) -> None:
        now = self._clock.monotonic()
        while (message := self._retention.pop_due(now - self.attributes.retention_s)) is not None:
            message.retention = None
            self._forget(message)
        while (message := self._timers.pop_due(now)) is not None:
            self._leave_place(message)
            self._show(message)

    def _hand_out(self, message: Message, lease_s: float, taken: list[Message]) -> None:
        redrive = self.attributes.redrive
        spent = redrive is not None and message.receive_count >= redrive.max_receive_count
        # Where there is no such queue any more it is handed out: it must not be lost.
        if spent and (target := self._dead_letters(self)) is not None:
            self._forget(message)
            target.take_over(message, self.arn)
            return
        now = self._clock.monotonic()
        message.receive_count += 1
        message.received_at_s = now
        message.first_received_ms = message.first_received_ms or int(self._clock.utc_now().timestamp() * 1000)
        self._hold(message, now + lease_s)
        taken.append(message)

    def _find(self, text: str) -> Message | None:
        """The message of a handle; None if it has been deleted."""
        self._catch_up()
        handle = decode_handle(text)
        if handle is None or handle.queue != self.number:
            raise invalid_handle(text)
        message = self._live.get(handle.message)
        if message is not None and self.attributes.is_fifo and not _is_current(handle, message):
            raise handle_expired(text)
        return message

    def _hold(self, message: Message, until: float) -> None:
        self._line.hold(message)
        self._move(message, Place.IN_FLIGHT)
        message.timer = self._timers.add(until, message)

    def _show_after(self, message: Message, delay_s: float) -> None:
        if delay_s <= 0:
            self._show(message)
            return
        self._move(message, Place.DELAYED)
        message.timer = self._timers.add(self._clock.monotonic() + delay_s, message)

    def _show(self, message: Message) -> None:
        self._move(message, Place.VISIBLE)
        self._line.add(message)

    def _leave_place(self, message: Message) -> None:
        """Undo what the message's place had put down for it."""
        place = message.place
        self._move(message, Place.NOWHERE)
        if place is Place.VISIBLE:
            self._line.discard(message)
        elif place is Place.IN_FLIGHT:
            self._line.release(message)
        if message.timer is not None:
            self._timers.discard(message.timer)
            message.timer = None

    def _move(self, message: Message, place: Place) -> None:
        self._counts[message.place] -= 1
        self._counts[place] += 1
        message.place = place

    def _forget(self, message: Message) -> None:
        self._leave_place(message)
        if message.retention is not None:
            self._retention.discard(message.retention)
            message.retention = None
        del self._live[message.number]

    def _stir(self) -> None:
        """Wake one who waits if there is something, and see to it that the others wake in time."""
        # Who would get nothing must not be woken: he would wake the next in turn, and so on without end.
        if self._line.has_any() and self._counts[Place.IN_FLIGHT] < self._in_flight_max:
            self.poll.wake_one()
        self.poll.expect(self._timers.next_moment())


def _is_current(handle: Handle, message: Message) -> bool:
    return message.place is Place.IN_FLIGHT and handle.receive == message.receive_count
