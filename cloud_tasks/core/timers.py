"""A heap of moments. Cancelling is lazy, and the heap never grows beyond a multiple of what is alive."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

NEVER = float("inf")
"""The moment of what is not planned."""

ENDING_TIMER = 0
RECEIVE_TIMER = -1
"""Keys of the worker's own; attempts have numbers from 1."""

_SLACK = 64


class Timers:
    """At most one moment for each key.

    Attributes:
        soonest: Nothing is due before this moment. It may be one that another took the place of: to look does
            no harm.
    """

    __slots__ = ("_heap", "_moments", "_serial", "soonest")

    def __init__(self) -> None:
        """Nothing is planned."""
        self._heap: list[tuple[float, int, int]] = []
        self._moments: dict[int, float] = {}
        self._serial = 0
        self.soonest = NEVER

    def plan(self, key: int, moment: float) -> None:
        """Wake `key` at `moment`, in place of what was planned for it before."""
        self._moments[key] = moment
        self._serial += 1
        heappush(self._heap, (moment, self._serial, key))
        if len(self._heap) > 2 * len(self._moments) + _SLACK:
            self._heap = [entry for entry in self._heap if self._moments.get(entry[2]) == entry[0]]
            heapify(self._heap)
        self.soonest = self._heap[0][0]

    def drop(self, key: int) -> None:
        """Do not wake `key`; no effect if nothing is planned for it."""
        if self._moments.pop(key, None) == self.soonest:
            self._shed()

    def _shed(self) -> None:
        """Take off what means nothing any more: else every task that has ended would wake its worker."""
        heap, moments = self._heap, self._moments
        while heap and moments.get(heap[0][2]) != heap[0][0]:
            heappop(heap)
        self.soonest = heap[0][0] if heap else NEVER

    def pop_due(self, now: float) -> int | None:
        """Take out one key whose moment has come, earliest first; None when there is none."""
        heap = self._heap
        while self.soonest <= now:
            moment, _, key = heappop(heap)
            self.soonest = heap[0][0] if heap else NEVER
            if self._moments.get(key) == moment:
                del self._moments[key]
                return key
        return None
