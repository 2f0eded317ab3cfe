"""A server on the loop of the test, and programs that run workers against it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from cloud_tasks.clock import SystemClock
from fakes.conductor import ConductorService
from fakes.conductor.server import ConductorServer
from fakes.conductor.values import Task

START_S_MAX = 30.0
WAIT_S_MAX = 30.0


class Rig:
    """A service, its server, and where its workers keep results.

    Attributes:
        service: What the server serves.
        server: The server.
        results: Directory of results that it could not be told.
    """

    def __init__(self, results: Path) -> None:
        self.clock = SystemClock()
        self.service = ConductorService(self.clock)
        self.server = ConductorServer(self.service)
        self.results = results

    def open_again(self) -> None:
        """A new server for the same service, where the old one was."""
        self.server = ConductorServer(self.service, port=self.server.port)

    def kept(self) -> list[Path]:
        """Results on disk that are complete: `*` alone would match those that are being written as well."""
        return sorted(self.results.glob("[!.]*.json"))

    def status(self, task: Task) -> str:
        """What the server has of a task now."""
        now = self.service.task(task.task_id)
        assert now is not None
        return now.status.value

    async def until(self, condition: Callable[[], bool], what: str = "") -> None:
        """Wait for something to come about."""
        end = self.clock.monotonic() + WAIT_S_MAX
        while not condition():
            assert self.clock.monotonic() < end, what or "it has not come about"
            await asyncio.sleep(0.02)

    async def until_status(self, status: str, *tasks: Task) -> None:
        """Wait until tasks are in a status."""
        await self.until(
            lambda: all(self.status(task) == status for task in tasks),
            f"not {status}: {[self.status(task) for task in tasks]}",
        )

    def attempts(self, task: Task) -> list[Task]:
        """All attempts of a task, in order."""
        return [live.shown for live in self.service.workflow(task.workflow_instance_id).tasks]

    @contextlib.asynccontextmanager
    async def program(self, types: str, *more: str, **environ: str) -> AsyncIterator[Program]:
        """A program with workers of these types, started; killed at the end if it is still there."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.compose.conductor.workers",
            self.server.url,
            f"types={types}",
            f"results={self.results}",
            *more,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **environ},
        )
        program = Program(process)
        try:
            await program.line("started")
            yield program
        finally:
            await program.kill()


class Program:
    """A program that runs workers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []

    async def line(self, wanted: str) -> None:
        """Wait for it to say a line."""
        assert self.process.stdout is not None
        async with asyncio.timeout(START_S_MAX):
            while wanted not in self.said:
                line = (await self.process.stdout.readline()).decode()
                assert line, "\n".join(self.said)
                self.said.append(line.rstrip("\n"))

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; returns its status."""
        self.process.send_signal(number)
        return await self.end()

    async def end(self) -> int:
        """Wait for its end; returns its status."""
        async with asyncio.timeout(START_S_MAX):
            assert self.process.stdout is not None
            self.said += (await self.process.stdout.read()).decode().splitlines()
            return await self.process.wait()

    async def kill(self) -> None:
        """Make sure that it is gone."""
        if self.process.returncode is None:
            self.process.kill()
            await self.end()
