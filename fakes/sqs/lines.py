"""In which order the messages of a queue are handed out."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from typing import Protocol

from fakes.sqs.message import Message, Place


class Line(Protocol):
    """The visible messages of a queue."""

    def add(self, message: Message) -> None:
        """A message has become visible."""
        ...

    def discard(self, message: Message) -> None:
        """A visible message is gone for another reason than being offered."""
        ...

    def offer(self) -> Iterator[Message]:
        """Take out one message after the other, as many as the caller asks for in one receive."""
        ...

    def hold(self, message: Message) -> None:
        """A message that was offered is in flight."""
        ...

    def release(self, message: Message) -> None:
        """A message is in flight no longer; called before it is visible again."""
        ...

    def has_any(self) -> bool:
        """Whether there is something to offer."""
        ...

    def skip(self, count: int) -> None:
        """Let up to `count` of the first stand behind the others; where order is kept, do nothing."""
        ...


class StandardLine:
    """First come, first served; what comes back stands behind."""

    def __init__(self) -> None:
        self._messages: OrderedDict[int, Message] = OrderedDict()

    def add(self, message: Message) -> None:
        """See `Line`."""
        self._messages[message.number] = message

    def discard(self, message: Message) -> None:
        """See `Line`."""
        del self._messages[message.number]

    def offer(self) -> Iterator[Message]:
        """See `Line`."""
        while self._messages:
            yield self._messages.popitem(last=False)[1]

    def hold(self, message: Message) -> None:
        """See `Line`."""

    def release(self, message: Message) -> None:
        """See `Line`."""

    def has_any(self) -> bool:
        """See `Line`."""
        return bool(self._messages)

    def skip(self, count: int) -> None:
        """See `Line`."""
        for _ in range(min(count, len(self._messages))):
            self._messages.move_to_end(next(iter(self._messages)))


class _Group:
    """The messages of one group: those to be offered, oldest first, and how many are in flight."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, Message]] = []
        self.in_flight = 0

    def first(self) -> Message | None:
        while self.waiting:
            message = self.waiting[0][1]
            if message.place is Place.VISIBLE:
                return message
            heapq.heappop(self.waiting)  # it was discarded where it stood
        return None


class FifoLine:
    """Groups in turn; in each the oldest first, and none while one of its messages is in flight."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._open: OrderedDict[str, _Group] = OrderedDict()

    def add(self, message: Message) -> None:
        """See `Line`."""
        group = self._groups.setdefault(message.group, _Group())
        heapq.heappush(group.waiting, (message.sequence_number, message))
        if not group.in_flight:
            self._open[message.group] = group

    def discard(self, message: Message) -> None:
        """See `Line`."""
        self._settle(message.group)

    def offer(self) -> Iterator[Message]:
        """See `Line`."""
        while self._open:
            name, group = next(iter(self._open.items()))
            while (message := group.first()) is not None:
                heapq.heappop(group.waiting)
                yield message
            self._open.pop(name, None)
            self._settle(name)

    def hold(self, message: Message) -> None:
        """See `Line`."""
        # A message whose lease is changed has just left, maybe as the last of its group.
        self._groups.setdefault(message.group, _Group()).in_flight += 1
        self._open.pop(message.group, None)

    def release(self, message: Message) -> None:
        """See `Line`."""
        self._groups[message.group].in_flight -= 1
        self._settle(message.group)

    def has_any(self) -> bool:
        """See `Line`."""
        return bool(self._open)

    def skip(self, count: int) -> None:
        """See `Line`."""

    def _settle(self, name: str) -> None:
        """Open, close or forget a group."""
        group = self._groups[name]
        if group.in_flight:
            return
        if group.first() is not None:
            self._open.setdefault(name, group)
        else:
            self._open.pop(name, None)
            del self._groups[name]
