"""`EventBroker`: the event queue itself, which delivers at least once, late and out of order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from cloud_tasks.core.events import EVENT_CLASSES, Event, EventRecord
from cloud_tasks.errors import LeaseLostError
from cloud_tasks.interfaces import FeedMessage
from cloud_tasks.queues.event_messages import order_of
from fakes.history import Fact
from fakes.message_store import MessageStore
from fakes.queue_options import QueueOptions
from simulation.faults import FaultClass, FaultSource
from simulation.history import History
from simulation.job.happenings import EventAccepted, EventMoved
from simulation.loop import SimulationLoop, Step

LATE_S_MAX = 600.0
"""The longest that an event is not to be seen."""
TWICE_S_MAX = 300.0
"""The longest from an event to its second coming."""
Take = Callable[[tuple[FeedMessage, ...]], None]


_CLASSES: dict[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in EVENT_CLASSES}


def _read(body: bytes) -> EventRecord:
    """The event in a message."""
    fields: dict[str, Any] = msgspec.json.decode(body)
    kind = _CLASSES[fields["event_type"]]
    event = kind(**{name: fields[name] for name in kind.__struct_fields__})
    return EventRecord(fields["timestamp"], fields["hostname"], event)


class _Waiter:
    """A long poll that waits in the queue."""

    __slots__ = ("messages_max", "reply", "timer")

    def __init__(self, messages_max: int, reply: Take) -> None:
        self.messages_max = messages_max
        self.reply = reply
        self.timer: Step | None = None


class EventBroker:
    """An event queue, on true time.

    Args:
        loop: Time.
        options: How it behaves.
        faults: What goes wrong in it.
        history: Told of every message.

    Attributes:
        stir: Called when there may be something to take, by those who wait elsewhere; None: nobody does.
    """

    def __init__(
        self, loop: SimulationLoop, options: QueueOptions, faults: FaultSource, history: History
    ) -> None:
        self._loop = loop
        self._options = options
        self._faults = faults
        self._history = history
        self._originals: dict[str, str] = {}
        self._store = MessageStore(options, self._observe)
        self._waiters: list[_Waiter] = []
        self._alarm: Step | None = None
        self.stir: Callable[[], None] | None = None

    @property
    def has_visible(self) -> bool:
        """Whether something can be taken."""
        return self._store.counts(self._loop.time())["visible"] > 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it, and nothing will come."""
        counts = self._store.counts(self._loop.time())
        return not (counts["visible"] or counts["in_flight"] or counts["delayed"])

    # -- workers -----------------------------------------------------------------------------------------

    def accept(self, worker: str, bodies: Sequence[bytes]) -> list[int]:
        """Take events in; returns which of them were not accepted, by their places."""
        refused = [place for place, body in enumerate(bodies) if not self._accept(worker, body)]
        self._serve()
        return refused

    def _accept(self, worker: str, body: bytes) -> bool:
        faults, record = self._faults, _read(body)
        whom = f"event of {order_of(record)}"
        faults.occasions[whom] += 1
        which = faults.occasions[whom]
        if faults.strikes(FaultClass.EVENT_REFUSED, whom, which) is not None:
            faults.had_effect(FaultClass.EVENT_REFUSED)
            return False
        late = faults.strikes(FaultClass.EVENT_LATE, whom, which, lambda share: LATE_S_MAX * share**3)
        twice = faults.strikes(FaultClass.EVENT_TWICE, whom, which, lambda share: TWICE_S_MAX * share**3)
        delay_s = 0.0
        if late is not None:
            faults.had_effect(FaultClass.EVENT_LATE)
            delay_s = late.size
        key = self._put(body, delay_s)
        now = self._loop.time()
        self._history.tell(EventAccepted(at=now, worker=worker, key=key, record=record, body=body))
        if twice is not None:
            faults.had_effect(FaultClass.EVENT_TWICE)
            self._put(body, delay_s + twice.size, key)
        return True

    def _put(self, body: bytes, delay_s: float, original: str = "") -> str:
        if original:
            self._originals[str(self._store.accepted + 1)] = original
        return self._store.put(self._loop.time(), body, delay_s)

    # -- monitors ----------------------------------------------------------------------------------------

    def take_now(self, messages_max: int, lease_s: float | None = None) -> tuple[FeedMessage, ...]:
        """Up to `messages_max` messages that are there now, hidden from others for so long, or as usual."""
        messages, now = self._take(messages_max), self._loop.time()
        if lease_s is not None:
            for message in messages:
                key, _, _ = message.receipt.partition("#")
                self._store.extend(now, key, message.receipt, lease_s)
        return messages

    def take(self, messages_max: int, wait_s: float, reply: Take) -> None:
        """Give up to `messages_max` messages to `reply`, now or within `wait_s`; none after that."""
        messages = self._take(messages_max)
        if messages or wait_s <= 0:
            reply(messages)
            return
        waiter = _Waiter(messages_max, reply)
        until = self._loop.time() + min(wait_s, self._options.wait_s_max)
        waiter.timer = self._loop.at(self._loop.world, until, self._give_up, waiter)
        self._waiters.append(waiter)
        self._watch()

    def remove(self, receipts: Sequence[str]) -> None:
        """Remove messages; one whose lease is over stays, and comes again."""
        now = self._loop.time()
        for receipt in receipts:
            key, _, _ = receipt.partition("#")
            with suppress(LeaseLostError):
                self._store.ack(now, key, receipt)
        self._serve()

    def _take(self, messages_max: int) -> tuple[FeedMessage, ...]:
        messages = self._store.take(self._loop.time(), min(messages_max, self._options.batch_size_max))
        taken = tuple(FeedMessage(message.body, message.receipt) for message in messages)
        if not taken or self._faults.idle:
            return taken
        self._faults.occasions["read_events"] += 1
        which = self._faults.occasions["read_events"]
        if self._faults.strikes(FaultClass.EVENTS_DISORDERED, "read_events", which) is None:
            return taken
        if len(taken) > 1:
            self._faults.had_effect(FaultClass.EVENTS_DISORDERED)
        return taken[::-1]

    def _serve(self) -> None:
        """Give what has become visible to those who wait."""
        while self._waiters:
            waiter = self._waiters[0]
            messages = self._take(waiter.messages_max)
            if not messages:
                break
            self._waiters.pop(0)
            if waiter.timer is not None:
                waiter.timer.cancel()
            waiter.reply(messages)
        if self.stir is not None and self.has_visible:
            self.stir()
        self._watch()

    def _give_up(self, waiter: _Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            waiter.reply(())

    def _watch(self) -> None:
        """Look again when something becomes visible by itself, while somebody may wait."""
        due = self._store.next_due() if self._waiters or self.stir is not None else None
        if due is None:
            return
        if self._alarm is not None and not self._alarm.cancelled():
            if self._alarm.moment <= due:
                return
            self._alarm.cancel()
        self._alarm = self._loop.at(self._loop.world, max(due, self._loop.time()), self._serve)

    def _observe(self, fact: Fact) -> None:
        original = self._originals.get(fact.key, fact.key)
        self._history.tell(EventMoved(at=fact.at, fact=fact, original=original))
