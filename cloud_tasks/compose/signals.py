"""SIGINT and SIGTERM while a worker runs."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SignalWatch:
    """Passes the names of signals on, as a context; who receives them may change meanwhile.

    A worker that is not run in the main thread gets no signals: its program calls the shots.
    """

    def __init__(self, receiver: Callable[[str], None]) -> None:
        """Pass signals on to `receiver`."""
        self.receiver = receiver
        self._installed: list[signal.Signals] = []
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            for number in _SIGNALS:
                self._before[number] = signal.getsignal(number)
                loop.add_signal_handler(number, self._pass_on, number.name)
                self._installed.append(number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in self._installed:
            loop.remove_signal_handler(number)
            signal.signal(number, self._before[number])  # type: ignore[arg-type] # what getsignal gave

    def _pass_on(self, name: str) -> None:
        self.receiver(name)
