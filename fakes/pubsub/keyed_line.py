"""Messages with ordering keys: each key in order, and in the hands of one holder at a time."""

from __future__ import annotations

import heapq
import itertools
from collections import OrderedDict
from collections.abc import Iterable

from fakes.pubsub.holders import Holder
from fakes.pubsub.lines import PlainLine
from fakes.pubsub.message import Entry, Place


class Key:
    """The messages of one ordering key.

    Attributes:
        name: The key.
        waiting: Those to be handed out, by number; some may have gone elsewhere meanwhile.
        out: Those that were handed out, in order: outstanding, or acked before one that is.
        holder: Who has them; None if nobody has.
        resting: The message that came back and makes the others wait.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting: list[tuple[int, int, Entry]] = []
        self.out: dict[int, Entry] = {}
        self.holder: Holder | None = None
        self.resting: Entry | None = None

    def first(self) -> Entry | None:
        """The next message to be handed out; None if there is none, or it has to wait."""
        if self.resting is not None:
            return None
        while self.waiting and self.waiting[0][2].place is not Place.READY:
            heapq.heappop(self.waiting)
        return self.waiting[0][2] if self.waiting else None


class KeyedLine:
    """Keys in turn, and all that there is of a key at once; messages without a key as they come.

    While a message of a key is outstanding, only its holder is given more of that key. When one comes back,
    all that were handed out after it come again, acked or not.
    """

    def __init__(self) -> None:
        self._plain = PlainLine()
        self._keys: dict[str, Key] = {}
        self._open: OrderedDict[str, Key] = OrderedDict()
        self._ties = itertools.count()

    def add(self, entry: Entry) -> None:
        """See `Line`."""
        if not entry.key:
            self._plain.add(entry)
            return
        key = self._keys.setdefault(entry.key, Key(entry.key))
        if key.resting is entry:
            key.resting = None
        heapq.heappush(key.waiting, (entry.published.number, next(self._ties), entry))
        self._settle(key)

    def rest(self, entry: Entry) -> None:
        """See `Line`."""
        if entry.key:
            key = self._keys.setdefault(entry.key, Key(entry.key))
            key.resting = entry
            self._settle(key)

    def take(self, holder: Holder) -> Entry | None:
        """See `Line`."""
        key = next(iter(holder.keys.values()), None) or next(iter(self._open.values()), None)
        entry = None if key is None else key.first()
        if key is None or entry is None:
            return self._plain.take(holder)
        heapq.heappop(key.waiting)
        key.out[entry.published.number] = entry
        key.holder = holder
        self._settle(key, taken=entry)
        return entry

    def may_ack(self, entry: Entry) -> bool:
        """See `Line`."""
        key = self._keys.get(entry.key)
        return key is None or next(iter(key.out.values()), entry) is entry

    def acked(self, entry: Entry) -> Iterable[Entry]:
        """See `Line`."""
        key = self._keys.get(entry.key)
        if key is None:
            return self._plain.acked(entry)
        return self._finish(key)

    def back(self, entry: Entry) -> Iterable[Entry]:
        """See `Line`."""
        key = self._keys.get(entry.key)
        if key is None:
            return ()
        later = [one for number, one in key.out.items() if number > entry.published.number]
        for one in (entry, *later):
            key.out.pop(one.published.number, None)
        self._settle(key)
        return later

    def remove(self, entry: Entry) -> Iterable[Entry]:
        """See `Line`."""
        key = self._keys.get(entry.key)
        if key is None:
            return self._plain.remove(entry)
        key.out.pop(entry.published.number, None)
        if key.resting is entry:
            key.resting = None
        return self._finish(key)

    def has_any(self) -> bool:
        """See `Line`."""
        return bool(self._open) or self._plain.has_any()

    def skip(self, count: int) -> bool:
        """See `Line`."""
        return False

    def _finish(self, key: Key) -> list[Entry]:
        """Let go of the acked messages that no outstanding one stands before."""
        done = []
        while key.out and (first := next(iter(key.out.values()))).place is Place.ACKED:
            del key.out[first.published.number]
            done.append(first)
        self._settle(key)
        return done

    def _settle(self, key: Key, taken: Entry | None = None) -> None:
        """Open, close, hand over or forget a key."""
        if not key.out and key.holder is not None:
            key.holder.keys.pop(key.name, None)
            key.holder = None
        has_more = _has_more(key, taken)
        if key.holder is None and has_more:
            self._open.setdefault(key.name, key)
        else:
            self._open.pop(key.name, None)
        if key.holder is not None and has_more:
            key.holder.keys.setdefault(key.name, key)
            key.holder.wake()
        elif key.holder is not None:
            key.holder.keys.pop(key.name, None)
        if not key.out and not has_more and key.resting is None:
            self._keys.pop(key.name, None)


def _has_more(key: Key, taken: Entry | None) -> bool:
    """Whether there is another message; the one that is being taken reads as ready until it is leased."""
    entry = key.first()
    return entry is not None and entry is not taken
