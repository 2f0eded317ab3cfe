"""Whose turn it is: how the simulation chooses among hosts that all could run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from simulation.hosts import Host


class Schedule(Protocol):
    """Chooses among hosts. Asked only when there is a choice."""

    def choose(self, ready: Sequence[Host]) -> int:
        """Index of the host that runs next."""
        ...


class InTurn:
    """First come, first served: one schedule, always the same."""

    def choose(self, ready: Sequence[Host]) -> int:
        """The host that has been ready for longest."""
        return 0


class RandomSchedule:
    """Any of them, with equal odds.

    Args:
        stream: Random numbers for this alone.
    """

    def __init__(self, stream: random.Random) -> None:
        self._random = stream.random

    def choose(self, ready: Sequence[Host]) -> int:
        """One at random."""
        return int(self._random() * len(ready))


class PctSchedule:
    """Priorities that change at a few moments that are drawn beforehand.

    Finds a fault that takes `changes` + 1 ordered steps with a probability that does not fall with the
    number of other hosts (Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of
    Finding Bugs", ASPLOS 2010).

    Args:
        stream: Random numbers for this alone.
        steps: About how many choices the run will have.
        changes: How often the host of highest priority falls to the end of the line.
    """

    def __init__(self, stream: random.Random, steps: int = 10_000, changes: int = 3) -> None:
        self._random = stream
        self._changes = {stream.randrange(steps): -1 - number for number in range(changes)}
        self._priorities: dict[int, float] = {}
        self._step = 0

    def choose(self, ready: Sequence[Host]) -> int:
        """The one of highest priority."""
        best = max(range(len(ready)), key=lambda index: self._priority(ready[index]))
        change = self._changes.get(self._step)
        if change is not None:
            self._priorities[ready[best].number] = change
        self._step += 1
        return best

    def _priority(self, host: Host) -> float:
        priority = self._priorities.get(host.number)
        if priority is None:
            priority = self._priorities[host.number] = self._random.random()
        return priority
