"""The state of a queue with leases: which message is where, and who may settle it.

Pure: every call is told what time it is. Every call first catches up with what has become due since the last
one, so that nothing has to happen in between.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from cloud_tasks.errors import LeaseLostError
from fakes.deadlines import Deadlines
from fakes.history import Fact, FactKind
from fakes.messages import DeadLetter, Message, Place
from fakes.queue_options import QueueOptions

# Bound once: to fetch a member from its enum takes as long as a call, and every message takes a dozen.
_SENT, _DELIVERED, _EXTENDED = FactKind.SENT, FactKind.DELIVERED, FactKind.EXTENDED
_EXPIRED, _ACKED, _NACKED = FactKind.EXPIRED, FactKind.ACKED, FactKind.NACKED
_DEAD_LETTERED, _REMOVED = FactKind.DEAD_LETTERED, FactKind.REMOVED
_NOWHERE, _VISIBLE, _IN_FLIGHT, _DELAYED = Place.NOWHERE, Place.VISIBLE, Place.IN_FLIGHT, Place.DELAYED


class MessageStore:
    """Messages in their places. Costs the same per call however many there are.

    Attributes:
        dead: The dead-letter queue, oldest first.
        accepted: How many messages were ever put in.
        acked: How many were settled for good.
        removed: How many were purged or outlived their retention.
    """

    def __init__(self, options: QueueOptions, observe: Callable[[Fact], None] | None = None) -> None:
        self.dead: list[DeadLetter] = []
        self.accepted = 0
        self.acked = 0
        self.removed = 0
        self._options = options
        self._observe = observe
        self._live: dict[str, Message] = {}
        self._visible: OrderedDict[str, Message] = OrderedDict()
        self._timers: Deadlines[Message] = Deadlines()
        self._retention: Deadlines[Message] = Deadlines()
        self._in_flight_count = 0

    def counts(self, now: float) -> dict[str, int]:
        """Number of messages in each place."""
        self._catch_up(now)
        visible, in_flight = len(self._visible), self._in_flight_count
        delayed = len(self._live) - visible - in_flight
        return {"visible": visible, "in_flight": in_flight, "delayed": delayed, "dead": len(self.dead)}

    def visible(self, now: float) -> Iterator[Message]:
        """The messages that can be taken, in the order in which they will be."""
        self._catch_up(now)
        return iter(self._visible.values())

    def next_due(self) -> float | None:
        """When something will happen by itself; None if nothing will."""
        timer, retention = self._timers.next_moment(), self._retention.next_moment()
        if timer is None or retention is None:
            return retention if timer is None else timer
        return min(timer, retention)

    def put(self, now: float, body: bytes, delay_s: float) -> str:
        """Accept a message; returns its key."""
        self._catch_up(now)
        self.accepted += 1
        message = Message(str(self.accepted), body)
        self._live[message.key] = message
        if self._options.retention_s is not None:
            message.retention = self._retention.add(now + self._options.retention_s, message)
        self._tell(_SENT, now, message, until=now + delay_s)
        self._show_after(now, message, delay_s)
        return message.key

    def take(self, now: float, messages_max: int) -> list[Message]:
        """Lease up to `messages_max` messages, each under a new receipt."""
        self._catch_up(now)
        taken: list[Message] = []
        while self._visible and len(taken) < messages_max:
            _, message = self._visible.popitem(last=False)
            message.place = _NOWHERE
            if self._is_exhausted(message):
                self._bury(now, message, "max_receive_count")
            else:
                self._deliver(now, message)
                taken.append(message)
        return taken

    def extend(self, now: float, key: str, receipt: str, seconds: float) -> Message:
        """Make the lease end `seconds` from now, or as late as the limits allow; returns the message."""
        message = self._held(now, key, receipt)
        until = min(
            now + min(seconds, self._options.lease_s_max),
            message.held_since + self._options.lease_total_s_max,
        )
        if until <= now:
            raise LeaseLostError(f"message {key}: it was held as long as it may be")
        self._leave_place(message)
        self._hold(message, until)
        if self._options.extend_renews_receipt:
            message.new_receipt()
        self._tell(_EXTENDED, now, message, until=until)
        return message

    def show_first(self, now: float, place: int) -> None:
        """Let the visible message at this place, counted from 0, be the next to be taken.

        Raises:
            IndexError: So many are not visible.
        """
        self._catch_up(now)
        self._visible.move_to_end(list(self._visible)[place], last=False)

    def forget_ack(self, now: float, key: str, receipt: str) -> None:
        """Confirm an ack, or raise what it would raise, and carry nothing out, as brokers do now and then."""
        self._held(now, key, receipt).forgotten = True

    def ack(self, now: float, key: str, receipt: str) -> None:
        """Settle for good."""
        message = self._held(now, key, receipt)
        self.acked += 1
        self._tell(_ACKED, now, message)
        self._forget(message)

    def nack(self, now: float, key: str, receipt: str, delay_s: float, *, interrupted: bool) -> None:
        """Give back; visible again after the delay."""
        message = self._held(now, key, receipt)
        if (
            interrupted
            and self._options.counts_interruptions
            and message.interrupted != message.delivery_count
        ):
            message.interrupted = message.delivery_count
            message.interruptions += 1
        delay_s = min(delay_s, self._options.delay_s_max)
        self._tell(
            _NACKED,
            now,
            message,
            until=now + delay_s,
            reason="interrupted" if interrupted else "retry",
        )
        self._leave_place(message)
        self._show_after(now, message, delay_s)

    def dead_letter(self, now: float, key: str, receipt: str, reason: str) -> None:
        """Settle by moving the message to the dead-letter queue."""
        self._bury(now, self._held(now, key, receipt), reason)

    def show_too_early(self, now: float, key: str) -> bool:
        """Let a leased message be delivered to somebody else, as a broker does by mistake now and then.

        Returns whether it was leased.
        """
        self._catch_up(now)
        message = self._live.get(key)
        if message is None or message.place is not _IN_FLIGHT:
            return False
        self._tell(_EXPIRED, now, message, reason="duplicate")
        self._leave_place(message)
        self._show_after(now, message, 0.0)
        return True

    def purge(self, now: float) -> None:
        """Remove every message but the dead letters."""
        self._catch_up(now)
        for message in list(self._live.values()):
            self._remove(now, message, "purged")

    def _catch_up(self, now: float) -> None:
        """Carry out what became due, in order of time, each thing dated when it was due."""
        if now < self._timers.soonest and now < self._retention.soonest:
            return
        while (due := self.next_due()) is not None and due <= now:
            if (message := self._retention.pop_due(due)) is not None:
                self._remove(due, message, "retention")
            elif (message := self._timers.pop_due(due)) is not None:
                self._wake(due, message)

    def _wake(self, due: float, message: Message) -> None:
        if message.place is _IN_FLIGHT:
            self._tell(_EXPIRED, due, message, reason="forgotten" if message.forgotten else "")
        self._leave_place(message)
        self._show_after(due, message, 0.0)

    def _held(self, now: float, key: str, receipt: str) -> Message:
        """The message, if this receipt may settle it: the newest one may, while the lease lasts."""
        self._catch_up(now)
        message = self._live.get(key)
        if message is None or message.receipt != receipt:
            raise LeaseLostError(f"message {key}: receipt {receipt} is out of date")
        if message.place is not _IN_FLIGHT and not self._may_settle_late(message):
            raise LeaseLostError(f"message {key}: the lease of receipt {receipt} is over")
        return message

    def _may_settle_late(self, message: Message) -> bool:
        return self._options.settles_after_expiry and message.place is _VISIBLE

    def _is_exhausted(self, message: Message) -> bool:
        limit = self._options.max_receive_count
        return limit is not None and message.delivery_count - message.interruptions >= limit

    def _deliver(self, now: float, message: Message) -> None:
        message.delivery_count += 1
        message.held_since = now
        message.forgotten = False
        message.new_receipt()
        self._hold(message, now + self._options.lease_s)
        self._tell(_DELIVERED, now, message, until=now + self._options.lease_s)

    def _hold(self, message: Message, until: float) -> None:
        message.place = _IN_FLIGHT
        self._in_flight_count += 1
        message.timer = self._timers.add(until, message)

    def _show_after(self, now: float, message: Message, delay_s: float) -> None:
        """Put a message that is in no place in line, or let it wait for that."""
        if delay_s > 0:
            message.place = _DELAYED
            message.timer = self._timers.add(now + delay_s, message)
            return
        message.place = _VISIBLE
        self._visible[message.key] = message

    def _leave_place(self, message: Message) -> None:
        """Undo what the message's place had put down for it."""
        if message.place is _VISIBLE:
            del self._visible[message.key]
        self._in_flight_count -= message.place is _IN_FLIGHT
        message.place = _NOWHERE
        if message.timer is not None:
            self._timers.discard(message.timer)
            message.timer = None

    def _bury(self, now: float, message: Message, reason: str) -> None:
        self._tell(_DEAD_LETTERED, now, message, reason=reason)
        self.dead.append(DeadLetter(message.key, message.body, reason, now, message.delivery_count))
        self._forget(message)

    def _remove(self, now: float, message: Message, reason: str) -> None:
        self.removed += 1
        self._tell(_REMOVED, now, message, reason=reason)
        self._forget(message)

    def _forget(self, message: Message) -> None:
        self._leave_place(message)
        if message.retention is not None:
            self._retention.discard(message.retention)
            message.retention = None
        del self._live[message.key]

    def _tell(
        self, kind: FactKind, at: float, message: Message, *, until: float | None = None, reason: str = ""
    ) -> None:
        if self._observe is not None:
            self._observe(Fact(kind, at, message.key, message.receipt, message.delivery_count, until, reason))
