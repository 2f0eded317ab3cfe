"""Happenings with their moments, from several sources, to be put in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from simulation.happenings import Happening

H = TypeVar("H", bound=Happening)

FIRST, FACT, ANSWER, LAST = range(4)
"""Of several things at one moment: what is asked, what it comes to, what is told of it, what follows."""


class Occurrences:
    """Collects happenings, and gives them in order of time."""

    def __init__(self) -> None:
        self._all: list[tuple[float, int, int, Happening]] = []

    def add(self, happening: Happening, rank: int = FACT) -> None:
        """Take one in; of the same moment and rank the one that was added first comes first."""
        self._all.append((happening.at, rank, len(self._all), happening))

    def add_all(self, happenings: Iterable[Happening], rank: int = FACT) -> None:
        """Take several in."""
        for happening in happenings:
            self.add(happening, rank)

    def in_order(self) -> Iterator[Happening]:
        """All of them."""
        for *_, happening in sorted(self._all, key=lambda one: one[:3]):
            yield happening

    def of(self, kind: type[H]) -> Iterator[H]:
        """Those of a type, as they were added."""
        return (happening for *_, happening in self._all if isinstance(happening, kind))
