"""Classes as programs define them for their arguments."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import NamedTuple


class Point(NamedTuple):
    x: object
    y: object


class Measure:
    """A class of the usual kind."""

    def __init__(self, size: float, notes: dict[object, object]) -> None:
        self.size = size
        self.notes = notes

    @classmethod
    def parse(cls, text: str) -> Measure:
        return cls(float(text), {})

    def larger(self) -> float:
        return self.size + 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Measure) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(self.size)


@dataclass
class Plain:
    name: str
    sizes: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Frozen:
    name: str
    size: int


class Count(int):
    """A number of its own type."""


class Names(list[str]):
    """A list of its own type."""

    origin: object = None


class Guarded:
    """Holds what no other process can have."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def held(self) -> bool:
        return self.lock.locked()
