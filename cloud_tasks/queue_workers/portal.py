"""An event loop in a thread of its own, for calls from programs that have none."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_lock = threading.Lock()
_portals: dict[int, Portal] = {}


class Portal:
    """Has coroutines run on its loop, and waits for them."""

    def __init__(self) -> None:
        """Start the thread; it ends with the process."""
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="cloud-tasks-transport", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it to its end, and return what it returns; a KeyboardInterrupt gives it up."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:  # boundary: given up where it goes on, and raised again
            future.cancel()
            raise


def portal() -> Portal:
    """That of this process; a fork has one of its own."""
    pid = os.getpid()
    with _lock:
        if pid not in _portals:
            _portals[pid] = Portal()
        return _portals[pid]
