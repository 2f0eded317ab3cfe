"""The messages of one subscription: where they are, and what becomes of them."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable

from fakes.deadlines import Deadlines
from fakes.pubsub.ack_ids import AckId
from fakes.pubsub.holders import Holder
from fakes.pubsub.keyed_line import KeyedLine
from fakes.pubsub.lines import Line, PlainLine
from fakes.pubsub.message import Entry, Place, Published
from fakes.pubsub.settings import SubscriptionSettings


class Backlog:
    """What a subscription has not seen acked, and what it keeps although it was.

    Costs the same per call however many messages there are. It learns from others what time it is, and when
    something has become due.

    Args:
        number: The subscription's number.
        settings: How it behaves.
        timers: Ends of leases and rests, of all subscriptions; who owns them calls `due`.
        bury: Publishes a message that came back too often to the dead-letter topic; returns whether it could.

    Attributes:
        number: The subscription's number.
        settings: How it behaves.
        ready: How many messages are ready.
    """

    def __init__(
        self,
        number: int,
        settings: SubscriptionSettings,
        timers: Deadlines[Entry],
        bury: Callable[[Backlog, Entry], bool],
    ) -> None:
        self.number = number
        self.settings = settings
        self._timers = timers
        self._bury = bury
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._line: Line = KeyedLine() if settings.ordered else PlainLine()
        self._deliveries = itertools.count(1)
        self.ready = 0

    def unacked(self) -> list[Published]:
        """The messages that have not been acked, oldest first."""
        return [entry.published for entry in self._entries.values() if entry.place is not Place.ACKED]

    def has_ready(self) -> bool:
        """Whether there is something that anybody may take."""
        return self._line.has_any()

    def put(self, published: Published) -> None:
        """Take in a message, the newest of all; what is too old by then goes, taken or not."""
        self.drop_old(published.at_s)
        entry = Entry(published, self)
        self._entries[published.number] = entry
        self._show(entry)

    def take(
        self, now: float, count: int, bytes_max: int, holder: Holder, lease_s: float | None = None
    ) -> list[Entry]:
        """Lease up to `count` messages to a holder, as many bytes as fit, and one message at least."""
        self.drop_old(now)
        until = now + (self.settings.ack_deadline_s if lease_s is None else lease_s)
        taken: list[Entry] = []
        size_bytes = 0
        while len(taken) < count and size_bytes < bytes_max and holder.room():
            entry = self._line.take(holder)
            if entry is None:
                break
            size_bytes += entry.size_bytes
            self._lease(entry, until, holder)
            taken.append(entry)
        return taken

    def ack_id(self, entry: Entry) -> str:
        """The ack id of a message's newest delivery."""
        return AckId(self.number, entry.published.number, entry.delivery).encode()

    def delivery_attempt(self, entry: Entry) -> int:
        """The number that is told with a delivery; 0 without a dead-letter policy."""
        return 0 if self.settings.dead_letters is None else entry.failures + 1

    def find(self, ack_id: AckId | None) -> Entry | None:
        """The message whose newest delivery this is, unless it has been acked."""
        if ack_id is None or ack_id.subscription != self.number:
            return None
        entry = self._entries.get(ack_id.message)
        if entry is None or entry.delivery != ack_id.delivery or entry.place is Place.ACKED:
            return None
        return entry

    def may_ack(self, entry: Entry) -> bool:
        """Whether all that had to be acked before an outstanding message has been."""
        return self._line.may_ack(entry)

    def extend(self, entry: Entry, until: float) -> None:
        """Let the lease of a message end at another time; lease it to its last holder again if it is over."""
        if entry.place is Place.LEASED:
            self._stop_timer(entry)
            entry.timer = self._timers.add(until, entry)
        elif entry.place is Place.READY and entry.holder is not None:
            self._line.remove(entry)
            self._lease(entry, until, entry.holder, again=True)

    def fail(self, entry: Entry, moment: float) -> None:
        """A delivery came to nothing: it was nacked, or its lease ran out."""
        entry.failures += 1
        self._give_back(entry)
        policy, backoff = self.settings.dead_letters, self.settings.backoff
        if policy is not None and entry.failures >= policy.attempts_max and self._bury(self, entry):
            self.settle(entry)
        elif backoff is not None:
            self._move(entry, Place.RESTING)
            self._line.rest(entry)
            entry.timer = self._timers.add(moment + backoff.after(entry.failures), entry)
        else:
            self._show(entry)

    def settle(self, entry: Entry) -> None:
        """A message is acked, wherever it is; it may have gone meanwhile, for it was too old."""
        if entry.published.number not in self._entries:
            return
        was_leased = entry.place is Place.LEASED
        self._leave(entry)
        self._move(entry, Place.ACKED)
        done = self._line.acked(entry) if was_leased else (*self._line.remove(entry), entry)
        if not self.settings.retains_acked:
            for one in done:
                self._forget(one)

    def give_away(self, entry: Entry) -> None:
        """Let a leased message be taken by others too, as a service may that promises little."""
        if entry.place is Place.LEASED:
            self._give_back(entry)
            self._show(entry)

    def skip(self, count: int) -> bool:
        """Let the first stand behind the others; returns whether the order allows that."""
        return self._line.skip(count)

    def due(self, entry: Entry, moment: float) -> None:
        """A lease or a rest is over."""
        entry.timer = None
        if entry.place is Place.LEASED:
            self.fail(entry, moment)
        elif entry.place is Place.RESTING:
            self._leave(entry)
            self._show(entry)

    def drop_old(self, now: float) -> None:
        """Forget what is older than the retention time."""
        limit = now - self.settings.retention_s
        while self._entries and (entry := next(iter(self._entries.values()))).published.at_s <= limit:
            self._remove(entry)

    def replay(self, now: float, wanted: Iterable[Published]) -> None:
        """Let exactly these messages be unacked; those that are keep their place."""
        wanted_by_number = {published.number: published for published in wanted}
        for number, entry in list(self._entries.items()):
            if number not in wanted_by_number and entry.place is not Place.ACKED:
                self.settle(entry)
            elif number in wanted_by_number and entry.place is Place.ACKED:
                self._remove(entry)
        for number, published in wanted_by_number.items():
            if number not in self._entries:
                self.put(published)
        self._entries = OrderedDict(sorted(self._entries.items()))
        self.drop_old(now)

    def kept(self) -> list[Published]:
        """All messages that are there, acked or not, oldest first."""
        return [entry.published for entry in self._entries.values()]

    def clear(self) -> None:
        """Forget everything."""
        for entry in list(self._entries.values()):
            self._remove(entry)

    def _lease(self, entry: Entry, until: float, holder: Holder, *, again: bool = False) -> None:
        self._move(entry, Place.LEASED)
        entry.holder = holder
        entry.timer = self._timers.add(until, entry)
        if not again:
            entry.delivery = next(self._deliveries)
        holder.took(entry.size_bytes)

    def _give_back(self, entry: Entry) -> None:
        """A message is leased no longer, and whatever of its key was handed out after it comes again."""
        self._leave(entry)
        for later in self._line.back(entry):
            self._leave(later)
            self._show(later)

    def _show(self, entry: Entry) -> None:
        self._move(entry, Place.READY)
        self._line.add(entry)

    def _remove(self, entry: Entry) -> None:
        self._leave(entry)
        for one in self._line.remove(entry):
            if not self.settings.retains_acked:
                self._forget(one)
        self._forget(entry)

    def _forget(self, entry: Entry) -> None:
        self._move(entry, Place.NOWHERE)
        self._entries.pop(entry.published.number, None)

    def _leave(self, entry: Entry) -> None:
        """Undo what the message's place had put down for it."""
        if entry.place is Place.LEASED and entry.holder is not None:
            entry.holder.released(entry.size_bytes)
        self._stop_timer(entry)
        self._move(entry, Place.NOWHERE)

    def _stop_timer(self, entry: Entry) -> None:
        if entry.timer is not None:
            self._timers.discard(entry.timer)
            entry.timer = None

    def _move(self, entry: Entry, place: Place) -> None:
        if entry.place is Place.READY:
            self.ready -= 1
        elif place is Place.READY:
            self.ready += 1
        entry.place = place
