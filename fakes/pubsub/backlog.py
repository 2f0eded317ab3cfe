"""The messages of one subscription: where they are, and what becomes of them."""

from __future__ import annotations

import itertools
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable

from fakes.deadlines import Deadlines
from fakes.pubsub.ack_ids import AckId, decode_ack_id
from fakes.pubsub.errors import INVALID_ACK_ID, UNORDERED_ACK_ID
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
        self._confirmed: set[AckId] = set()
        self._confirmations: Deadlines[AckId] = Deadlines()
        self.ready = 0

    def counts(self) -> dict[Place, int]:
        """Number of messages in each place; has to look at all of them."""
        return Counter(entry.place for entry in self._entries.values())

    def unacked(self) -> list[Published]:
        """The messages that have not been acked, oldest first."""
        return [entry.published for entry in self._entries.values() if entry.place is not Place.ACKED]

    def has_ready(self) -> bool:
        """Whether there is something that anybody may take."""
        return self._line.has_any()

    def put(self, published: Published) -> None:
        """Take in a message, the newest of all."""
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

    def ack(self, now: float, ack_ids: Iterable[str]) -> dict[str, str]:
        """Ack deliveries; returns which were refused, and why."""
        refused = {}
        read = [(text, decode_ack_id(text)) for text in ack_ids]
        if self.settings.ordered:
            read.sort(key=_message_number)  # so that one request may ack several messages of a key
        for text, ack_id in read:
            if (reason := self._ack(now, ack_id)) is not None:
                refused[text] = reason
        return refused

    def extend(self, now: float, ack_ids: Iterable[tuple[str, float]]) -> dict[str, str]:
        """Let leases end so many seconds from now, 0: at once; returns which were refused, and why."""
        refused = {}
        for text, seconds in ack_ids:
            if (reason := self._extend(now, decode_ack_id(text), seconds)) is not None:
                refused[text] = reason
        return refused

    def give_away(self, ack_id: str) -> None:
        """Let a leased message be taken by others too, as a service may that promises little."""
        entry = self._find(decode_ack_id(ack_id))
        if entry is not None and entry.place is Place.LEASED:
            self._give_back(entry)
            self._show(entry)

    def skip(self, count: int) -> bool:
        """Let the first stand behind the others; returns whether the order allows that."""
        return self._line.skip(count)

    def due(self, entry: Entry, moment: float) -> None:
        """A lease or a rest is over."""
        entry.timer = None
        if entry.place is Place.LEASED:
            self._fail(entry, moment)
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
                self._settle(entry)
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

    # ---

    @property
    def _takes_late(self) -> bool:
        """Whether the newest ack id is of use when its lease is over: where that disturbs no promise."""
        return not (self.settings.exactly_once or self.settings.ordered)

    def _ack(self, now: float, ack_id: AckId | None) -> str | None:
        entry = self._find(ack_id)
        strict = self.settings.exactly_once
        if ack_id is None or entry is None or (entry.place is not Place.LEASED and not self._takes_late):
            return self._refusal(now, ack_id)
        if strict and not self._line.may_ack(entry):
            return UNORDERED_ACK_ID
        if strict and entry.timer is not None:
            self._confirm(ack_id, entry.timer.moment)
        self._settle(entry)
        return None

    def _extend(self, now: float, ack_id: AckId | None, seconds: float) -> str | None:
        entry = self._find(ack_id)
        if entry is None or (entry.place is not Place.LEASED and not self._takes_late):
            return self._refusal(now, ack_id)
        if entry.place is Place.LEASED and seconds:
            self._stop_timer(entry)
            entry.timer = self._timers.add(now + seconds, entry)
        elif entry.place is Place.LEASED:
            self._fail(entry, now)
        elif entry.place is Place.READY and seconds and entry.holder is not None:
            self._line.remove(entry)
            self._lease(entry, now + seconds, entry.holder, again=True)
        return None

    def _find(self, ack_id: AckId | None) -> Entry | None:
        """The message whose newest delivery this is, unless it has been acked."""
        if ack_id is None or ack_id.subscription != self.number:
            return None
        entry = self._entries.get(ack_id.message)
        if entry is None or entry.delivery != ack_id.delivery or entry.place is Place.ACKED:
            return None
        return entry

    def _refusal(self, now: float, ack_id: AckId | None) -> str | None:
        """Why an ack id that is of no use is refused; None if it is passed over in silence."""
        if ack_id is None or ack_id.subscription != self.number:
            return INVALID_ACK_ID
        self._forget_confirmed(now)
        forgiven = not self.settings.exactly_once or ack_id in self._confirmed
        return None if forgiven else INVALID_ACK_ID

    def _confirm(self, ack_id: AckId, until: float) -> None:
        """Remember an ack for as long as its lease would have lasted: acking twice is no error."""
        self._confirmed.add(ack_id)
        self._confirmations.add(until, ack_id)

    def _forget_confirmed(self, now: float) -> None:
        while (old := self._confirmations.pop_due(now)) is not None:
            self._confirmed.discard(old)

    def _lease(self, entry: Entry, until: float, holder: Holder, *, again: bool = False) -> None:
        self._move(entry, Place.LEASED)
        entry.holder = holder
        entry.timer = self._timers.add(until, entry)
        if not again:
            entry.delivery = next(self._deliveries)
        holder.took(entry.size_bytes)

    def _fail(self, entry: Entry, moment: float) -> None:
        """A delivery came to nothing: it was nacked, or its lease ran out."""
        entry.failures += 1
        self._give_back(entry)
        policy, backoff = self.settings.dead_letters, self.settings.backoff
        if policy is not None and entry.failures >= policy.attempts_max and self._bury(self, entry):
            self._settle(entry)
        elif backoff is not None:
            self._move(entry, Place.RESTING)
            self._line.rest(entry)
            entry.timer = self._timers.add(moment + backoff.after(entry.failures), entry)
        else:
            self._show(entry)

    def _give_back(self, entry: Entry) -> None:
        """A message is leased no longer, and whatever of its key was handed out after it comes again."""
        self._leave(entry)
        for later in self._line.back(entry):
            self._leave(later)
            self._show(later)

    def _show(self, entry: Entry) -> None:
        self._move(entry, Place.READY)
        self._line.add(entry)

    def _settle(self, entry: Entry) -> None:
        """A message is acked, wherever it is."""
        was_leased = entry.place is Place.LEASED
        self._leave(entry)
        self._move(entry, Place.ACKED)
        done = self._line.acked(entry) if was_leased else (*self._line.remove(entry), entry)
        if not self.settings.retains_acked:
            for one in done:
                self._forget(one)

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


def _message_number(read: tuple[str, AckId | None]) -> int:
    return 0 if read[1] is None else read[1].message
