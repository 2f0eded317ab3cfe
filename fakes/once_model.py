"""What is done once, in memory: the model of `OnceDriver`'s parts."""

from __future__ import annotations

from typing import Literal

from cloud_tasks.core.arguments import check_positive
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import Clock
from fakes.queue_model import InMemoryQueue


class InMemoryOnce:
    """Both parts for one queue; see `OnceSender` and `OnceBook`.

    Args:
        clock: Claims follow it.
        queue: Where tasks are sent; None: nowhere, for a book alone.
    """

    def __init__(self, clock: Clock, queue: InMemoryQueue | None = None) -> None:
        self._clock = clock
        self._queue = queue
        self._done: set[str] = set()
        self._claims: dict[str, float] = {}

    async def send_once(self, key: str, task: Task) -> bool:
        """Put a task into the queue, unless one was sent with this key."""
        assert self._queue is not None  # noqa: S101 - a book alone sends nothing
        if key in self._done:
            return False
        await self._queue.send(task)
        self._done.add(key)
        return True

    async def claim(self, key: str, seconds: float) -> Literal["ours", "theirs", "done"]:
        """Say that somebody does it, for so long."""
        check_positive("seconds", seconds)
        if key in self._done:
            return "done"
        if self._claims.get(key, 0.0) > self._clock.monotonic():
            return "theirs"
        self._claims[key] = self._clock.monotonic() + seconds
        return "ours"

    async def settle(self, key: str) -> None:
        """It is done."""
        self._done.add(key)
        self._claims.pop(key, None)

    async def newest(self, not_after: str) -> str | None:
        """The greatest key that is done."""
        return max((key for key in self._done if key <= not_after), default=None)

    async def forget(self, before: str) -> None:
        """Let go of lesser keys."""
        self._done = {key for key in self._done if key >= before}
        self._claims = {key: until for key, until in self._claims.items() if key >= before}
