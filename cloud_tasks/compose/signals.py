"""SIGINT and SIGTERM while a worker runs."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


_watches: list[SignalWatch] = []
"""Those that listen now; a program may run several workers, and a signal is meant for all of them."""
_before: dict[signal.Signals, object] = {}


class SignalWatch:
    """Passes the names of signals on, as a context; who receives them may change meanwhile.

    A worker that is not run in the main thread gets no signals: its program calls the shots.
    """

    def __init__(self, receiver: Callable[[str], None]) -> None:
        """Pass signals on to `receiver`."""
        self.receiver = receiver

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            if not _watches:
                _install(asyncio.get_running_loop())
            _watches.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self in _watches:
            _watches.remove(self)
            if not _watches:
                _uninstall(asyncio.get_running_loop())


def _install(loop: asyncio.AbstractEventLoop) -> None:
    for number in _SIGNALS:
        _before[number] = signal.getsignal(number)
        loop.add_signal_handler(number, _pass_on, number.name)


def _uninstall(loop: asyncio.AbstractEventLoop) -> None:
    for number in _SIGNALS:
        loop.remove_signal_handler(number)
        signal.signal(number, _before.pop(number))  # type: ignore[arg-type] # what getsignal gave


def _pass_on(name: str) -> None:
    for watch in tuple(_watches):
        watch.receiver(name)
