"""A few daemon threads of our own: the loop's default executor would keep the program from ending."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class DaemonThreads:
    """Runs calls in threads that are started as needed and never hold up the end of the program."""

    def __init__(self, threads_max: int) -> None:
        self._threads_max = threads_max
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._started = 0
        self._unfinished = 0
        self._lock = threading.Lock()

    def submit(self, call: Callable[[], None]) -> None:
        """Run `call` in a thread; it must not raise."""
        with self._lock:
            self._unfinished += 1
            needed = self._unfinished > self._started and self._started < self._threads_max
            if needed:
                self._started += 1
        if needed:
            threading.Thread(target=self._serve, name="cloud_tasks inline", daemon=True).start()
        self._calls.put(call)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call
            with self._lock:
                self._unfinished -= 1

    def close(self) -> None:
        """Let the threads end when their present calls return; does not wait."""
        for _ in range(self._started):
            self._calls.put(None)
