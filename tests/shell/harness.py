"""A worker in virtual time: the real shell and machine over the queue model and scripted runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from cloud_tasks.core.events import Event, EventRecord, TaskEvent
from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.task import Task
from cloud_tasks.errors import SinkUnavailableError
from cloud_tasks.interfaces import InstanceIdentity, RunSpec, TaskQueue
from cloud_tasks.metadata.static import StaticMetadata
from cloud_tasks.shell import ShellSettings, WorkerShell
from cloud_tasks.summary import Summary
from fakes.clock import VirtualClock
from fakes.history import Fact
from fakes.queue_model import InMemoryQueue
from fakes.queue_options import QueueOptions
from fakes.runner import Script, ScriptedRunner

CLOSING_S_MAX = 30.0


class ListSink:
    """Keeps events; fails as often as it is told to."""

    def __init__(self, log: list[str]) -> None:
        self.events: list[Event] = []
        self.failures = 0
        self.fault: type[Exception] = SinkUnavailableError
        self.closed = False
        self._log = log

    async def emit(self, records: list[EventRecord]) -> None:
        await asyncio.sleep(0)
        if self.failures > 0:
            self.failures -= 1
            raise self.fault("no space left")
        for record in records:
            self.events.append(record.event)
            if isinstance(record.event, TaskEvent):
                self._log.append(f"stored {record.event.task_id}")

    async def aclose(self) -> None:
        self.closed = True


class Watcher:
    """Somebody who watches."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.messages: list[str] = []

    def task_started(self, task_id: str) -> None:
        self.started.append(task_id)

    def task_progress(self, task_id: str, done: float, total: float | None) -> None:
        self.messages.append(f"{task_id}: {done} of {total}")

    def worker_message(self, text: str) -> None:
        self.messages.append(text)


class World:
    """One worker with all that it needs."""

    def __init__(
        self,
        script: Callable[[RunSpec], Script] = lambda _: Script(),
        *,
        options: QueueOptions | None = None,
        notice: tuple[float, float | None] = (float("inf"), None),
        keepalive_s: float = 0.0,
        **machine: Any,
    ) -> None:
        self.log: list[str] = []
        self.clock = VirtualClock()
        self.model = InMemoryQueue(self.clock, options or QueueOptions(), self._observe)
        self.queue: TaskQueue = self.model
        self.runner = ScriptedRunner(self.clock, script)
        self.sink = ListSink(self.log)
        self.watcher = Watcher()
        self._notice = notice
        self._keepalive_s = keepalive_s
        self._machine = {"slots": 2, "max_runtime_s": 100.0, "grace_s": 30.0, **machine}
        self.shell: WorkerShell | None = None

    def _observe(self, fact: Fact) -> None:
        self.log.append(f"{fact.kind.value} {fact.key}")

    async def send(self, *task_ids: str) -> None:
        for task_id in task_ids:
            await self.model.send(Task(task_id, {}))

    def start(self) -> asyncio.Task[Summary]:
        after, in_s = self._notice
        shell = WorkerShell(
            MachineSettings(**self._machine),
            ShellSettings(worker_id="w1", hostname="here", pid=1, keepalive_s=self._keepalive_s),
            queue=self.queue,
            runner=self.runner,
            sink=self.sink,
            metadata=StaticMetadata(
                InstanceIdentity("", "i-1"), None if after == float("inf") else after, in_s, self.clock
            ),
            clock=self.clock,
            observer=self.watcher,
        )
        self.shell = shell
        return asyncio.ensure_future(shell.run())

    async def run_for(self, seconds: float) -> None:
        await self.clock.run_for(seconds)

    async def finish(self, running: asyncio.Task[Summary], limit_s: float = 10_000.0) -> Summary:
        """Let time go by until the worker has ended."""
        spent = 0.0
        while not running.done() and spent < limit_s:
            await self.clock.run_for(1.0)
            spent += 1.0
        # Closing what hangs is bounded in the loop's own time, which is real here.
        await asyncio.wait({running}, timeout=CLOSING_S_MAX)
        assert running.done(), "the worker has not ended"
        return running.result()

    async def cancel(self, running: asyncio.Task[Summary], times: int = 1) -> None:
        """Cancel the worker, and let time go by until it has ended."""
        for _ in range(times):
            running.cancel()
            await asyncio.sleep(0)
        while not running.done():
            await self.clock.run_for(0.1)

    def events(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.sink.events if isinstance(event, kind)]
