"""What can be seen of results on their way to a Conductor server."""

from __future__ import annotations

from simulation.happenings import Happening


class ResultTold(Happening, frozen=True, kw_only=True):
    """A result has reached the server, whether or not it still had an effect there.

    Attributes:
        receipt: Of the delivery that it is about.
    """

    receipt: str


class ResultKept(Happening, frozen=True, kw_only=True):
    """A result is on disk.

    Attributes:
        receipt: Of the delivery that it is about.
        disk: Which.
    """

    receipt: str
    disk: str


class ResultRemoved(Happening, frozen=True, kw_only=True):
    """A result is on disk no more.

    Attributes:
        receipt: Of the delivery that it is about.
        disk: Which.
    """

    receipt: str
    disk: str


class DiskTaken(Happening, frozen=True, kw_only=True):
    """A worker begins on the machine that has this disk.

    Attributes:
        disk: Which.
    """

    disk: str


class DiskGone(Happening, frozen=True, kw_only=True):
    """A machine was taken away, and its disk with it.

    Attributes:
        disk: Which.
    """

    disk: str
