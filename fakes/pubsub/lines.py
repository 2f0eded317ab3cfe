"""In which order the messages of a subscription are handed out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

from fakes.pubsub.holders import Holder
from fakes.pubsub.message import Entry


class Line(Protocol):
    """The messages of a subscription that are ready, or hold up others."""

    def add(self, entry: Entry) -> None:
        """A message is ready; for the first time, or again."""
        ...

    def rest(self, entry: Entry) -> None:
        """A message that came back is to wait before it is ready."""
        ...

    def take(self, holder: Holder) -> Entry | None:
        """Take out the next message for a holder, who has it from now on; None if there is none for him."""
        ...

    def may_ack(self, entry: Entry) -> bool:
        """Whether all that had to be acked before an outstanding message has been."""
        ...

    def acked(self, entry: Entry) -> Iterable[Entry]:
        """An outstanding message was acked; returns those that can never come again from now on."""
        ...

    def back(self, entry: Entry) -> Iterable[Entry]:
        """An outstanding message comes back; returns what has to come again after it, to be added."""
        ...

    def remove(self, entry: Entry) -> Iterable[Entry]:
        """A message is gone, wherever it was; returns those that can never come again without it."""
        ...

    def has_any(self) -> bool:
        """Whether there is something that anybody may take."""
        ...

    def skip(self, count: int) -> bool:
        """Let up to `count` of the first stand behind the others; returns whether the order allows that."""
        ...


class PlainLine:
    """First come, first served; what comes back stands behind."""

    def __init__(self) -> None:
        self._entries: OrderedDict[int, Entry] = OrderedDict()

    def add(self, entry: Entry) -> None:
        """See `Line`."""
        self._entries[entry.published.number] = entry

    def rest(self, entry: Entry) -> None:
        """See `Line`."""

    def take(self, holder: Holder) -> Entry | None:
        """See `Line`."""
        return self._entries.popitem(last=False)[1] if self._entries else None

    def may_ack(self, entry: Entry) -> bool:
        """See `Line`."""
        return True

    def acked(self, entry: Entry) -> Iterable[Entry]:
        """See `Line`."""
        return (entry,)

    def back(self, entry: Entry) -> Iterable[Entry]:
        """See `Line`."""
        return ()

    def remove(self, entry: Entry) -> Iterable[Entry]:
        """See `Line`."""
        self._entries.pop(entry.published.number, None)
        return ()

    def has_any(self) -> bool:
        """See `Line`."""
        return bool(self._entries)

    def skip(self, count: int) -> bool:
        """See `Line`."""
        for _ in range(min(count, len(self._entries))):
            self._entries.move_to_end(next(iter(self._entries)))
        return True
