"""One daemon thread that does what might block, one call after the other."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TypeAlias

_Waiter: TypeAlias = "asyncio.Future[None]"


class Background:
    """Calls functions in a thread of its own, in order, while the event loop goes on.

    The thread is a daemon, so that a call that never returns (a dead network file system) cannot keep the
    process alive. It starts with the first call: a process that has not used it can still be forked.
    """

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[[], None], _Waiter] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def used(self) -> bool:
        """Whether there was a call."""
        return self._thread.ident is not None

    async def call(self, function: Callable[[], None]) -> None:
        """Run `function` in the thread and wait for it; what it raises is raised here."""
        if not self.used:
            self._thread.start()
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        self._calls.put((function, waiter))
        await waiter

    def end(self) -> None:
        """End the thread after the calls that were made before."""
        self._calls.put(None)

    def _run(self) -> None:
        while (item := self._calls.get()) is not None:
            function, waiter = item
            try:
                function()
            except Exception as error:  # noqa: BLE001 - boundary: the caller gets it
                _answer(waiter, error)
            else:
                _answer(waiter, None)


def _answer(waiter: _Waiter, error: Exception | None) -> None:
    loop = waiter.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(_resolve, waiter, error)


def _resolve(waiter: _Waiter, error: Exception | None) -> None:
    if waiter.done():
        return
    if error is None:
        waiter.set_result(None)
    else:
        waiter.set_exception(error)
