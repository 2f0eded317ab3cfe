"""Requests that workers end: from signals and from other threads, before there are workers and after."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequests:
    """Passes on requests to end; those that come before anybody takes them are kept until then."""

    def __init__(self) -> None:
        # A signal may come while its own thread is in here.
        self._lock = threading.RLock()
        self._kept: list[str] = []
        self._take: Callable[[str], None] | None = None

    def ask(self, name: str) -> None:
        """Ask for the end, with the name of a signal."""
        with self._lock:
            if self._take is None:
                self._kept.append(name)
            else:
                self._take(name)

    def connect(self, take: Callable[[str], None]) -> None:
        """From now on requests go there; so do those that have come already."""
        with self._lock:
            self._take = take
            while self._kept:
                take(self._kept.pop(0))


class Signals:
    """Has SIGINT and SIGTERM ask for the end, in place of whatever they did before.

    Args:
        ask: Told the name of a signal.
        is_over: Whether there is nobody left to be asked; a signal then does again what it did before.
    """

    def __init__(self, ask: Callable[[str], None], is_over: Callable[[], bool]) -> None:
        self._ask = ask
        self._is_over = is_over
        self._before: dict[signal.Signals, object] = {}
        self._process = 0

    @property
    def are_taken(self) -> bool:
        """Whether they have to be given back, which only the main thread can do."""
        return bool(self._before)

    def take(self) -> None:
        """Begin to listen; where this is not the main thread, its program calls the shots."""
        if threading.current_thread() is threading.main_thread():
            self._process = os.getpid()
            for number in _SIGNALS:
                self._before[number] = signal.signal(number, self._on_signal)

    def give_back(self) -> None:
        """Have signals do again what they did before."""
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, handler)  # type: ignore[arg-type] # what signal.signal gave

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        # A fork has this handler, and nobody who could be asked: its threads are not there.
        if os.getpid() == self._process and not self._is_over():
            self._ask(signal.Signals(number).name)
            return
        self.give_back()
        signal.raise_signal(number)
