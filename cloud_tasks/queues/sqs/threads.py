"""A few daemon threads for calls that block."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
_Call: TypeAlias = "tuple[Callable[[], Any], asyncio.Future[Any]]"


class Threads:
    """Makes calls in threads of its own, as many at a time as it has threads.

    Not the default executor, and no executor at all: Python waits for the threads of those at the end of the
    process, and a long poll lasts twenty seconds. A thread starts when there is nobody free for a call.

    Args:
        name: What the threads are called.
        count_max: How many there are at most.
    """

    def __init__(self, name: str, count_max: int) -> None:
        self._name = name
        self._count_max = count_max
        self._count = 0
        self._busy = 0
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()

    def submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """Have `function` called; the answer is its value, or raises what it raised."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._busy += 1
        if self._busy > self._count and self._count < self._count_max:
            self._count += 1
            threading.Thread(target=self._run, name=f"{self._name}-{self._count}", daemon=True).start()
        self._calls.put((function, answer))
        return answer

    def close(self) -> None:
        """Let the threads end after the calls that are waiting."""
        for _ in range(self._count):
            self._calls.put(None)
        self._count = 0

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            function, answer = call
            value, failure = None, None
            try:
                # One that was given up while it waited for a thread would take messages that nobody wants.
                value = None if answer.cancelled() else function()
            except BaseException as error:  # noqa: BLE001 - boundary: raised again where it is awaited
                failure = error
            loop = answer.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._tell, answer, value, failure)

    def _tell(self, answer: asyncio.Future[T], value: T, failure: BaseException | None) -> None:
        self._busy -= 1
        if answer.done():
            return
        if failure is None:
            answer.set_result(value)
        else:
            answer.set_exception(failure)
