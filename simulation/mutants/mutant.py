"""What a mutant is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from msgspec import Struct


class Mutant(Struct, frozen=True):
    """A deliberate bug of the worker.

    Attributes:
        number: In the table; 0 for the one that changes nothing.
        name: For commands.
        what: What it does, in a sentence.
        breaks: The invariants, of which one is expected to find it; none for the one that changes nothing.
        patch: Puts it on.
    """

    number: int
    name: str
    what: str
    breaks: tuple[str, ...]
    patch: Callable[[], AbstractContextManager[None]]

    @property
    def survives(self) -> bool:
        """Whether nobody can see that it is there."""
        return not self.breaks
