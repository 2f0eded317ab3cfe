"""How often a process that runs workers looks for garbage."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator

_NEW_OBJECTS = 5_000
"""So many new objects, more than have gone by themselves, and the youngest are looked through.

The interpreter's own number is 700 (2,000 from 3.13 on): fewer than a hundred tasks have while they run.
"""
_YOUNG_ROUNDS = 20
"""So many rounds through the youngest, and those that are a little older are looked through as well."""

_FROZEN_BY_ITSELF_MAX = 1_000
"""So many objects may be frozen without the program having done it: Python 3.12 begins with 375 of them.

A program that freezes its own freezes thousands, since none has fewer.
"""


class _Garbage:
    """What the workers of this process have changed, until the last of them is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers = 0
        self._before = self._set = gc.get_threshold()
        self._has_frozen = False

    def enter(self) -> None:
        """A worker begins."""
        with self._lock:
            self._workers += 1
            if self._workers == 1:
                self._look_rarely()

    def leave(self) -> None:
        """A worker is over."""
        with self._lock:
            self._workers -= 1
            if not self._workers:
                self._look_as_before()

    def _look_rarely(self) -> None:
        self._before = self._set = gc.get_threshold()
        first, second, third = self._before
        if first:  # none: the program has turned it off
            self._set = max(first, _NEW_OBJECTS), max(second, _YOUNG_ROUNDS), third
            gc.set_threshold(*self._set)
        self._has_frozen = gc.get_freeze_count() < _FROZEN_BY_ITSELF_MAX
        if self._has_frozen:
            gc.freeze()

    def _look_as_before(self) -> None:
        if gc.get_threshold() == self._set:
            gc.set_threshold(*self._before)
        if self._has_frozen:
            gc.unfreeze()


_garbage = _Garbage()


@contextlib.contextmanager
def garbage_looked_for_rarely() -> Iterator[None]:
    """While a worker runs, do not go through all that was imported again and again.

    What is there when the first worker of the process begins counts as in use until the last one is over;
    what comes later is collected as ever, though some thousand objects later. A worker leaves next to nothing
    that only the collector can find, and a round through a hundred thousand objects that are never garbage
    takes as long as a thousand small tasks. A program's own choices stay: where it has turned the collector
    off, chosen larger numbers or frozen objects itself.
    """
    _garbage.enter()
    try:
        yield
    finally:
        _garbage.leave()
