"""Things that become due, in order of time, at a cost that does not grow with what was cancelled."""

from __future__ import annotations

import heapq
import itertools
import math
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")

_DISCARDED_MAX = 64
"""Below this many discarded entries a clean-up is not worth its while."""


class Deadline(Struct, Generic[T], eq=False):
    """One entry; hold on to it to discard it."""

    moment: float
    item: T | None


class Deadlines(Generic[T]):
    """Entries by moment; those of the same moment in the order in which they were added.

    Discarded entries stay in the heap until they come up or outnumber the live ones, so that discarding
    costs next to nothing and memory stays in proportion to what is live.

    Attributes:
        soonest: Nothing is due before this moment. It may be that of an entry that was discarded.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Deadline[T]]] = []
        self._numbers = itertools.count()
        self._discarded = 0
        self.soonest = math.inf

    def __len__(self) -> int:
        return len(self._heap) - self._discarded

    def add(self, moment: float, item: T) -> Deadline[T]:
        """Let `item` become due at `moment`."""
        entry = Deadline(moment, item)
        heapq.heappush(self._heap, (moment, next(self._numbers), entry))
        self.soonest = min(self.soonest, moment)
        return entry

    def discard(self, entry: Deadline[T]) -> None:
        """Forget an entry; one that has come up or was discarded before is left alone."""
        if entry.item is None:
            return
        entry.item = None
        self._discarded += 1
        if self._discarded > _DISCARDED_MAX and self._discarded * 2 > len(self._heap):
            self._clean_up()

    def next_moment(self) -> float | None:
        """When the next item becomes due; None if there is none."""
        heap = self._heap
        while heap and heap[0][2].item is None:
            heapq.heappop(heap)
            self._discarded -= 1
        self.soonest = heap[0][0] if heap else math.inf
        return heap[0][0] if heap else None

    def pop_due(self, now: float) -> T | None:
        """Take out the next item that is due at `now`; None if none is."""
        moment = self.next_moment()
        if moment is None or moment > now:
            return None
        entry = heapq.heappop(self._heap)[2]
        self.soonest = self._heap[0][0] if self._heap else math.inf
        item, entry.item = entry.item, None
        return item

    def _clean_up(self) -> None:
        self._heap = [entry for entry in self._heap if entry[2].item is not None]
        heapq.heapify(self._heap)
        self._discarded = 0
