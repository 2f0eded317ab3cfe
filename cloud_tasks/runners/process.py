"""The default runner: every attempt in an operating-system process of its own.

    worker (asyncio) -> template (holds the program) -> slot (watches) -> leader (the task) -> what it starts

Isolation costs a fork, because the template has imported the program already. See docs/architecture.md.
"""

from __future__ import annotations

import asyncio
import contextlib

from cloud_tasks.interfaces import RunListener, RunSpec
from cloud_tasks.runners.attempt import ProcessAttempt
from cloud_tasks.runners.host import Host
from cloud_tasks.runners.output import Output
from cloud_tasks.runners.program import Program

CLOSE_S_MAX = 5.0
_NET_INTERVAL_S = 1.0


class ProcessRunner:
    """Runs each attempt in a process forked for it (or executed, with `spawn`)."""

    def __init__(self, program: Program, *, output: Output, start_method: str = "forkserver") -> None:
        """Take note of what to run; `open` does the work.

        Args:
            program: The function and its settings, which say how many tasks run at a time.
            output: Gets what tasks write to their standard streams.
            start_method: "forkserver" (a fresh interpreter imports the program once, tasks are forks of it),
                "fork" (tasks are forks of this very program) or "spawn" (a new interpreter per task).

        Raises:
            ConfigurationError: There is no such start method.
        """
        self._host = Host(program, start_method, program.worker_data.num_simultaneous_tasks)
        self.output = output
        self.preamble = b""
        self.tree = self._host.tree
        self.oom = self._host.oom
        self._active: dict[ProcessAttempt, None] = {}
        self._all_over: asyncio.Event | None = None
        self._net: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        """Start the template, and have the program imported.

        Raises:
            ConfigurationError: There cannot be descriptors for so many tasks at a time.
            ProgramError: The program or its function cannot be used.
            RunnerError: The system refused to start the process.
        """
        await self._host.open()
        self._loop = asyncio.get_running_loop()
        self.preamble = self._host.preamble
        self._cast_net()

    def start(self, spec: RunSpec, listener: RunListener) -> ProcessAttempt:
        """Start one attempt; returns at once."""
        assert self._loop is not None, "open() comes first"  # noqa: S101 - a mistake in our own shell
        attempt = ProcessAttempt(self, spec, listener, self._loop)
        self._active[attempt] = None
        self.tree.take(attempt)
        return attempt

    def attempt_over(self, attempt: ProcessAttempt) -> None:
        """Forget an attempt."""
        self._active.pop(attempt, None)
        if not self._active and self._all_over is not None:
            self._all_over.set()

    def notify(self, *, termination: bool = False, shutdown: bool = False) -> None:
        """Set the flags that every task sees; they stay set."""
        self._host.flags.set(termination=termination, shutdown=shutdown)

    async def aclose(self) -> None:
        """Kill what still runs, and end the helper processes; takes a few seconds at the very most."""
        self._all_over = asyncio.Event()
        for attempt in list(self._active):
            attempt.kill()
        if self._active:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_over.wait(), CLOSE_S_MAX)
        if self._net is not None:
            self._net.cancel()
        await self._host.aclose()

    def _cast_net(self) -> None:
        """A safety net under attempts whose slot was stopped by a task, and will never tell anything."""
        loop = asyncio.get_running_loop()
        for attempt in list(self._active):
            attempt.look_after(loop.time())
        self._net = loop.call_later(_NET_INTERVAL_S, self._cast_net)
