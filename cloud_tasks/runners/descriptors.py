"""How many descriptors this process may have: raised to what its slots need, as far as the system lets it."""

from __future__ import annotations

import contextlib
import resource
import sys
import threading

from msgspec import Struct

from cloud_tasks.errors import ConfigurationError, Problem

FILES_PER_SLOT = 5
"""A control socket, two pipes, a pidfd, and the channel of the run; the process runner and the pool alike."""
FILES_BESIDE = 64
"""What a worker needs beside its slots: a dozen with a task file, more with the connections of a queue."""
_WISHED_PER_SLOT = 8
"""Processes of the pool that are leaving overlap with those that take their place."""
_WISHED_BESIDE = 256
_OPEN_MAX_DARWIN = 10240
"""More than that macOS refuses, though it calls its hard limit infinite."""


class Limits(Struct, frozen=True):
    """A soft limit and a hard one, as the system tells them."""

    soft: int
    hard: int

    def most(self, platform: str = sys.platform) -> int | None:
        """How far the soft limit can be raised; None: there is no end."""
        if platform == "darwin":
            return _OPEN_MAX_DARWIN if _is_infinite(self.hard) else min(self.hard, _OPEN_MAX_DARWIN)
        return None if _is_infinite(self.hard) else self.hard

    def soft_for(self, slots: int, platform: str = sys.platform) -> int:
        """The soft limit that so many slots should have; never less than there is."""
        if _is_infinite(self.soft):
            return self.soft
        wished = _WISHED_BESIDE + _WISHED_PER_SLOT * slots
        most = self.most(platform)
        return max(self.soft, wished if most is None else min(wished, most))


def check_slots(slots: int, soft: int) -> None:
    """Whether so many slots can have what they cannot do without, under the limit that was to be had.

    Raises:
        ConfigurationError: They cannot.
    """
    needed = FILES_BESIDE + FILES_PER_SLOT * slots
    if _is_infinite(soft) or needed <= soft:
        return
    fitting = max((soft - FILES_BESIDE) // FILES_PER_SLOT, 0)
    fewer = (f"run at most {fitting} tasks at a time here",) if fitting else ()
    raise ConfigurationError(
        Problem(
            f"{slots} tasks at a time need {needed} descriptors (open files), "
            f"and no more than {soft} are allowed",
            helps=(
                *fewer,
                "raise the hard limit, which `ulimit -Hn` tells: `LimitNOFILE=` of a systemd unit, ...",
            ),
            notes=("no task has been taken",),
        )
    )


class Room:
    """What the runners of this process need together; there may be several, in several threads.

    The limit is not lowered when a runner is closed: by then the program may need it for something else.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots = 0
        self._soft_before: int | None = None

    def take(self, slots: int, *, refuses: bool = True) -> None:
        """Raise the soft limit for so many more slots, which are then to be given back.

        Args:
            slots: How many.
            refuses: Whether too small a hard limit is an error, and nothing is taken then.

        Raises:
            ConfigurationError: The hard limit is too small.
        """
        with self._lock:
            together = self._slots + slots
            soft = self._raise(Limits(*resource.getrlimit(resource.RLIMIT_NOFILE)), together)
            if refuses:
                check_slots(together, soft)
            self._slots = together

    def give_back(self, slots: int) -> None:
        """So many slots are needed no more."""
        with self._lock:
            self._slots -= slots

    def _raise(self, limits: Limits, slots: int) -> int:
        """Raise the soft limit; returns what it is then."""
        soft = limits.soft_for(slots)
        if soft == limits.soft:
            return soft
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, limits.hard))
        except (OSError, ValueError):
            return limits.soft  # a sandbox forbids it
        if self._soft_before is None:
            self._soft_before = limits.soft
        return soft

    def restore_in(self, pid: int) -> None:
        """Give a child the soft limit that this process had: some programs close all that there could be."""
        if self._soft_before is not None and sys.platform == "linux":
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            with contextlib.suppress(OSError, ValueError):  # it has ended, or a sandbox forbids it
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (self._soft_before, hard))


ROOM = Room()
"""Of this process: its limit is one, however many runners there are."""


def _is_infinite(limit: int) -> bool:
    return limit == resource.RLIM_INFINITY
