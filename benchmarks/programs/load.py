"""`load_queue` as a user calls it; prints tasks a second, start-up of the interpreter left out.

`load.py memory COUNT ARGUMENTS...` puts them into a queue in this very process, `load.py cloud COUNT
ARGUMENTS...` where the arguments and variables say.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from typing import Literal

from cloud_tasks.cli import main
from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.backends import BackendSettings
from cloud_tasks.compose.backends import open_backend as open_cloud
from cloud_tasks.errors import SinkUnavailableError
from cloud_tasks.interfaces import EventSink, MessageFeed, QueueBackend, TaskQueue
from fakes.queue_model import InMemoryQueue


class MemoryBackend:
    """A pair of queues in memory, for one load."""

    def __init__(self) -> None:
        clock = SystemClock()
        self._queues = {"tasks": InMemoryQueue(clock), "events": InMemoryQueue(clock)}

    async def check(self, *, tasks: bool, events: bool, create: bool) -> None:
        """Both are there."""

    async def tasks(self) -> TaskQueue:
        """Nobody takes tasks here."""
        return self._queues["tasks"]

    async def sender(self) -> InMemoryQueue:
        """Where tasks go."""
        return self._queues["tasks"]

    async def sink(self) -> EventSink:
        """Nobody tells events here."""
        raise SinkUnavailableError

    async def feed(self) -> MessageFeed:
        """As above."""
        raise SinkUnavailableError

    async def inspector(self, which: Literal["tasks", "events"]) -> InMemoryQueue:
        """A queue to look at."""
        return self._queues[which]

    async def aclose(self) -> None:
        """There is nothing to close."""


def memory(settings: BackendSettings) -> QueueBackend:
    """Whatever the settings are."""
    return MemoryBackend()


def load(where: str, count: int, arguments: list[str]) -> float:
    """Load; tasks a second."""
    open_backend = memory if where == "memory" else open_cloud
    printed = io.StringIO()
    began = time.perf_counter()
    with contextlib.redirect_stdout(printed):
        status = main(["load_queue", *arguments], open_backend=open_backend)
    took_s = time.perf_counter() - began
    assert status == 0, status
    assert f"{count:,} tasks sent" in printed.getvalue(), printed.getvalue()
    return count / took_s


if __name__ == "__main__":
    print(load(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
