"""A monitor over an event queue in memory, on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from cloud_tasks.errors import QueueUnavailableError
from cloud_tasks.interfaces import FeedMessage
from cloud_tasks.monitor import EventMonitor, MonitorSettings, OutputFile
from cloud_tasks.task_db import Applied, EventBook, Snapshot
from fakes.clock import VirtualClock
from fakes.event_queue import InMemoryEventQueue
from tests.task_db.jobs import plain


class Watcher:
    """A `MonitorView` that remembers."""

    def __init__(self) -> None:
        self.shown: list[Snapshot] = []
        self.events: list[Applied] = []
        self.said: list[str] = []

    def show(self, snapshot: Snapshot, now_s: float) -> None:
        self.shown.append(snapshot)

    def event(self, applied: Applied) -> None:
        self.events.append(applied)

    def say(self, text: str) -> None:
        self.said.append(text)


class Feed:
    """The queue, with outages, and somebody who looks on before each ack."""

    def __init__(self, queue: InMemoryEventQueue) -> None:
        self.queue = queue
        self.receives_fail = False
        self.acks_fail = False
        self.calls = 0
        self.before_ack: Callable[[list[FeedMessage]], None] = lambda _: None

    async def receive(self, messages_max: int, wait_s: float) -> list[FeedMessage]:
        self.calls += 1
        if self.receives_fail:
            raise QueueUnavailableError("ReceiveMessage: no answer")
        return await self.queue.receive(messages_max, wait_s)

    async def ack(self, messages: list[FeedMessage]) -> None:
        self.calls += 1
        self.before_ack(messages)
        if self.acks_fail:
            raise QueueUnavailableError("DeleteMessageBatch: no answer")
        await self.queue.ack(messages)

    async def aclose(self) -> None:
        await self.queue.aclose()


class Watch:
    """One run of a monitor over a job of tasks."""

    def __init__(self, path: Path, clock: VirtualClock, queue: InMemoryEventQueue) -> None:
        self.path = path
        self.clock = clock
        self.feed = Feed(queue)
        self.view = Watcher()
        self.book = EventBook(path)
        self.output: OutputFile | None = None
        self.settings = MonitorSettings()
        self._monitor: EventMonitor | None = None
        self._run: asyncio.Future[Snapshot] | None = None

    def start(self) -> asyncio.Future[Snapshot]:
        self._monitor = EventMonitor(
            self.feed, self.book, self.view, self.settings, clock=self.clock, output=self.output
        )
        self._run = asyncio.ensure_future(self._monitor.run())
        return self._run

    def stop(self) -> None:
        assert self._monitor is not None
        self._monitor.stop()

    async def end(self) -> Snapshot:
        """Let time go on until the monitor has ended."""
        run = self._run or self.start()
        for _ in range(1000):
            await self.clock.run_for(1.0)
            if run.done():
                return run.result()
        raise AssertionError("the monitor does not end")

    def left(self) -> int:
        """How many messages are still in the queue, taken or not."""
        depth = self.feed.queue.depth()
        return depth["visible"] + depth["in_flight"]


def ids_of(path: Path) -> list[str]:
    """The tasks of the events in an output file."""
    return [plain(line)["task_id"] for line in path.read_bytes().splitlines()]
