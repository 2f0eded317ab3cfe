"""What the exit status of `python -m simulation` says."""

from __future__ import annotations

import enum


class Status(enum.IntEnum):
    """One for each kind of end."""

    CLEAN = 0
    """Every promise was kept."""
    UNSAFE = 1
    """A safety invariant was broken."""
    USAGE = 2
    """A mistake in options or files; standard output, or what a clean soak has done, cannot be written;
    processes that run seeds cannot be started, or were killed."""
    STUCK = 3
    """A liveness invariant was broken."""
    NOT_DETERMINISTIC = 4
    """The same plan gave two different runs."""
    VACUOUS = 5
    """The run reached nothing of what it was for."""
    SURVIVED = 6
    """A mutant was not found out, or its smallest case does not show it again."""
    DISAGREED = 7
    """What is true in virtual time is not so in real time."""
    INTERRUPTED = 130
    """Ctrl-C, or SIGTERM."""
    UNHEARD = 141
    """Nobody reads any more what is told: `| head`, for instance."""


def of_invariant(name: str) -> Status:
    """The status for a broken invariant."""
    return Status.STUCK if name.startswith("L") else Status.UNSAFE
