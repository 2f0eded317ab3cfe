"""`LongPolls`: receives that wait in a queue until something can be taken, or their time is over."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any, TypeVar

from msgspec import Struct

from simulation.loop import SimulationLoop
from simulation.steps import Step

T = TypeVar("T", bound=Sized)


class _Poll(Struct, eq=False):
    take: Callable[[], Any]
    reply: Callable[[Any], None]
    nothing: Any
    timer: Step | None = None


class LongPolls:
    """Serves those that wait one after the other, in the order in which they came.

    Args:
        loop: Time.
        next_due: When something changes in the queue by itself; None: it does not.
        stirred: Called whenever the queue has been looked at; also where nobody waits.
    """

    def __init__(
        self,
        loop: SimulationLoop,
        next_due: Callable[[], float | None],
        stirred: Callable[[], None] | None = None,
    ) -> None:
        self.stirred = stirred
        self._loop = loop
        self._next_due = next_due
        self._waiting: list[_Poll] = []
        self._alarm: Step | None = None

    def wait(self, until: float, take: Callable[[], T], reply: Callable[[T], None], nothing: T) -> None:
        """Reply with what `take` gives as soon as that is something, or with nothing at `until`."""
        poll = _Poll(take, reply, nothing)
        poll.timer = self._loop.at(self._loop.world, until, self._give_up, poll)
        self._waiting.append(poll)
        self._watch()

    def serve(self) -> None:
        """Give what has become visible to those who wait."""
        while self._waiting:
            poll = self._waiting[0]
            taken = poll.take()
            if not taken:
                break
            self._waiting.pop(0)
            if poll.timer is not None:
                poll.timer.cancel()
            poll.reply(taken)
        if self.stirred is not None:
            self.stirred()
        self._watch()

    def _give_up(self, poll: _Poll) -> None:
        if poll in self._waiting:
            self._waiting.remove(poll)
            poll.reply(poll.nothing)

    def _watch(self) -> None:
        """Look again when something becomes visible by itself, while somebody may wait."""
        due = self._next_due() if self._waiting or self.stirred is not None else None
        if due is None:
            return
        if self._alarm is not None and not self._alarm.cancelled():
            if self._alarm.moment <= due:
                return
            self._alarm.cancel()
        self._alarm = self._loop.at(self._loop.world, max(due, self._loop.now), self.serve)
