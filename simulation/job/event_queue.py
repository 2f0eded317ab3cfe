"""`EventBroker`: the event queue itself, which delivers at least once, late and out of order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from cloud_tasks.core.events import EVENT_CLASSES, Event, EventRecord
from cloud_tasks.errors import LeaseLostError
from cloud_tasks.interfaces import FeedMessage
from cloud_tasks.queues.event_messages import order_of
from fakes.history import Fact
from fakes.message_store import MessageStore
from fakes.queue_options import QueueOptions
from simulation.fault_source import FaultSource
from simulation.faults import FaultClass
from simulation.history import History
from simulation.job.happenings import EventAccepted, EventMoved
from simulation.long_polls import LongPolls
from simulation.loop import SimulationLoop

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
    event = kind(**{name: fields[name] for name in kind.__struct_fields__ if name in fields})
    return EventRecord(fields["timestamp"], fields["hostname"], event)


class EventBroker:
    """An event queue, on true time.

    Args:
        loop: Time.
        options: How it behaves.
        faults: What goes wrong in it.
        history: Told of every message.
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
        self._polls = LongPolls(loop, self._store.next_due)

    def stir_by(self, stir: Callable[[], None]) -> None:
        """Call that whenever there may be something to take, for those who wait elsewhere."""

        def stirred() -> None:
            if self.has_visible:
                stir()

        self._polls.stirred = stirred

    @property
    def has_visible(self) -> bool:
        """Whether something can be taken."""
        return self._store.counts(self._loop.now)["visible"] > 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it, and nothing will come."""
        counts = self._store.counts(self._loop.now)
        return not (counts["visible"] or counts["in_flight"] or counts["delayed"])

    # -- workers -----------------------------------------------------------------------------------------

    def accept(self, worker: str, bodies: Sequence[bytes]) -> list[int]:
        """Take events in; returns which of them were not accepted, by their places."""
        refused = [place for place, body in enumerate(bodies) if not self._accept(worker, body)]
        self._polls.serve()
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
        now = self._loop.now
        self._history.tell(EventAccepted(at=now, worker=worker, key=key, record=record, body=body))
        if twice is not None:
            faults.had_effect(FaultClass.EVENT_TWICE)
            self._put(body, delay_s + twice.size, key)
        return True

    def _put(self, body: bytes, delay_s: float, original: str = "") -> str:
        if original:
            self._originals[str(self._store.accepted + 1)] = original
        return self._store.put(self._loop.now, body, delay_s)

    # -- monitors ----------------------------------------------------------------------------------------

    def take_now(self, messages_max: int, lease_s: float | None = None) -> tuple[FeedMessage, ...]:
        """Up to `messages_max` messages that are there now, hidden from others for so long, or as usual."""
        messages, now = self._take(messages_max), self._loop.now
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
        until = self._loop.now + min(wait_s, self._options.wait_s_max)
        self._polls.wait(until, partial(self._take, messages_max), reply, tuple[FeedMessage, ...]())

    def remove(self, receipts: Sequence[str]) -> None:
        """Remove messages; one whose lease is over stays, and comes again."""
        now = self._loop.now
        for receipt in receipts:
            key, _, _ = receipt.partition("#")
            with suppress(LeaseLostError):
                self._store.ack(now, key, receipt)
        self._polls.serve()

    def _take(self, messages_max: int) -> tuple[FeedMessage, ...]:
        messages = self._store.take(self._loop.now, min(messages_max, self._options.batch_size_max))
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

    def _observe(self, fact: Fact) -> None:
        original = self._originals.get(fact.key, fact.key)
        self._history.tell(EventMoved(at=fact.at, fact=fact, original=original))
