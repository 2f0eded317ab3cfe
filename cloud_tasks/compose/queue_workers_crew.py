"""Puts the worker of one queue together: a shell with one slot, over a process that stays."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from cloud_tasks.compose.fleet_service import FleetService, LentMetadata
from cloud_tasks.compose.naming import new_worker_id
from cloud_tasks.compose.queue_workers_ask import Terms
from cloud_tasks.compose.queue_workers_lines import Lines, QueueLog, Words
from cloud_tasks.compose.queue_workers_settings import WorkersSettings
from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.policy import Backoff, RetryPolicy
from cloud_tasks.core.task import Json
from cloud_tasks.interfaces import Clock, InstanceMetadata, QueueDriver, TaskQueue
from cloud_tasks.queues.rate_limit import rate_limited
from cloud_tasks.runners.host import Host
from cloud_tasks.runners.resident import Hooks, ResidentRunner
from cloud_tasks.shell import ShellSettings, WorkerShell
from cloud_tasks.sinks.tee import TeeSink

PAUSE_S_MAX = 60.0
"""Longest pause before a worker that keeps dying is started again."""
_START_S_MAX = 3600.0
"""A payload may wait so long for a worker that cannot begin, and is then handed back."""
_UNSETTLED_MAX = 64
_POLL_WAIT_S = 60.0
"""Longest receive: hundreds of workers that wait are not to ask anew all the time."""
_GIB = 1024**3


class Manner(Struct, frozen=True):
    """How workers are run this time.

    Attributes:
        quiet: Whether nothing is logged.
        halt_when_empty: Whether each worker ends when its queue is empty.
        scheduler: Whether schedules are fired.
    """

    quiet: bool = False
    halt_when_empty: bool = False
    scheduler: bool = False


class Shared(Struct, frozen=True):
    """What all workers share; closed by whoever has opened it.

    Attributes:
        host: The helper processes.
        driver: Where the queues are.
        metadata: What the machine can be asked.
        url: The address of the queues, for the workers' own processes.
        lines: Where everything is written.
        service: Who tells the service manager.
        clock: Time.
    """

    host: Host
    driver: QueueDriver
    metadata: InstanceMetadata
    url: str
    lines: Lines
    service: FleetService
    clock: Clock


class Crew:
    """Makes workers.

    Args:
        settings: What they are told.
        manner: How they are run this time.
        shared: What they share.
    """

    def __init__(self, settings: WorkersSettings, manner: Manner, shared: Shared) -> None:
        self._settings = settings
        self._manner = manner
        self._shared = shared
        self._hostname = socket.gethostname()

    def maker(self, queue: str, terms: Terms) -> Callable[[], Awaitable[WorkerShell]]:
        """A function that puts the worker of a queue together, as often as it is called."""

        async def make() -> WorkerShell:
            return await self._make(queue, terms)

        return make

    async def _make(self, queue: str, terms: Terms) -> WorkerShell:
        shared, words = self._shared, Words(self._shared.lines)
        watcher = QueueLog(queue, terms.worker, words)
        pauses = Backoff(
            base_s=self._settings.seconds("asynctask_workers_check_child_interval"),
            cap_s=PAUSE_S_MAX,
            jitter=0.0,
        )
        runner = ResidentRunner(shared.host, self._hooks(queue, terms), watcher, output=words, pauses=pauses)
        shell = WorkerShell(
            self._machine_settings(),
            self._shell_settings(queue),
            queue=self._queue(queue, terms),
            runner=runner,
            sink=TeeSink([], best_effort=[watcher, shared.service.sink]),
            metadata=LentMetadata(shared.metadata),
            clock=shared.clock,
            observer=shared.service.observer(queue),
        )
        await runner.open()  # what follows is the shell's to close
        return shell

    def _hooks(self, queue: str, terms: Terms) -> Hooks:
        start: dict[str, Json] = {
            "queue": queue,
            "worker": terms.worker,
            "options": dict(terms.options),
            "transport": self._shared.url,
            "quiet": self._manner.quiet,
        }
        return Hooks(start, lambda asked: {"asked": asked})

    def _queue(self, name: str, terms: Terms) -> TaskQueue:
        driver, clock = self._shared.driver, self._shared.clock
        queue = driver.tasks(name, self._settings.seconds("asynctask_workers_lease"))
        if terms.limit is None:
            return queue
        return rate_limited(queue, terms.limit, clock, driver.inspector(name))

    def _shell_settings(self, queue: str) -> ShellSettings:
        memory_gb = self._settings.number("asynctask_workers_max_memory")
        return ShellSettings(
            worker_id=new_worker_id(self._hostname, queue),
            hostname=self._hostname,
            pid=os.getpid(),
            memory_limit_bytes=None if memory_gb is None else int(memory_gb * _GIB),
        )

    def _machine_settings(self) -> MachineSettings:
        settings, halts = self._settings, self._manner.halt_when_empty
        runtime_ms = settings.number("asynctask_workers_max_runtime")
        attempts = settings.number("asynctask_workers_max_attempts")
        usual = MachineSettings(
            slots=1,
            max_runtime_s=inf if runtime_ms is None else runtime_ms / 1000,
            grace_s=settings.seconds("asynctask_workers_grace_period"),
            retry=RetryPolicy(
                on_exit=True,
                on_exception=settings.switch("asynctask_workers_retry_on_exception"),
                on_timeout=settings.switch("asynctask_workers_retry_on_timeout"),
                attempts_max=None if attempts is None else int(attempts),
                keep_failed=True,
            ),
            poll_wait_s=_POLL_WAIT_S,
            unsettled_max=_UNSETTLED_MAX,
            start_s_max=_START_S_MAX,
        )
        if not halts:
            return usual
        poll_s = settings.seconds("asynctask_workers_poll_interval")
        return replace(usual, idle_exit_s=0.0, poll_wait_s=poll_s)
