"""`Polls`: long polls that wait for a message in a service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simulation.loop import SimulationLoop
from simulation.steps import Step


class Waiting(Protocol):
    """Something that waits for a message."""

    def make(self) -> None:
        """There may be one, or the time is over."""
        ...


class Polls:
    """Lets polls go on one after the other when there is something for them.

    Args:
        loop: Time.
        has_any: Whether there is something.
        lag_s: How long to wait for the service to see that, too.
    """

    def __init__(self, loop: SimulationLoop, has_any: Callable[[], bool], lag_s: float) -> None:
        self._loop = loop
        self._has_any = has_any
        self._lag_s = lag_s
        self._waiting: dict[Waiting, Step] = {}
        self._planned: Step | None = None

    def wait(self, poll: Waiting, until: float) -> bool:
        """Let a poll wait; returns False if it need not."""
        if self._has_any() and not self._waiting:
            return False
        self._waiting[poll] = self._loop.at(self._loop.world, until, self._give_up, poll)
        return True

    def leave(self, poll: Waiting) -> None:
        """A poll does not wait any more."""
        timer = self._waiting.pop(poll, None)
        if timer is not None:
            timer.cancel()

    def stir(self) -> None:
        """There may be something."""
        if self._waiting and self._planned is None:
            self._planned = self._loop.at(self._loop.world, self._loop.now + self._lag_s, self._serve)

    def _serve(self) -> None:
        self._planned = None
        while self._waiting and self._has_any():
            poll = next(iter(self._waiting))
            self.leave(poll)
            poll.make()

    def _give_up(self, poll: Waiting) -> None:
        if self._waiting.pop(poll, None) is not None:
            poll.make()
