"""Workers of task functions as processes, started as the guide says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

from cloud_tasks.interfaces import QueueDriver
from cloud_tasks.tasks import Config, DriverFactory, close, configure, run
from tests.e2e.programs import ROOT, wait_until

APP = "tests.e2e.guide_app"
END_S = 20.0


def new_names(*names: str) -> list[str]:
    """Names of queues that nobody else has."""
    run_id = secrets.token_hex(4)
    return [f"{name}-{run_id}" for name in names]


class Site:
    """A driver's settings, a file that tasks write to, and the workers that were started there.

    Attributes:
        directory: Where everything is.
        file: What the tasks write.
        config: Where the queues are.
        options: The same on the command line.
        workers: Those that were started.
    """

    def __init__(self, directory: Path, config: Config, *options: str) -> None:
        self.directory = directory
        self.file = directory / "notes"
        self.config = config
        self.options = options
        self.workers: list[subprocess.Popen[str]] = []
        self.environ: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(ROOT)}

    def command(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "cloud_tasks", *arguments],
            cwd=self.directory,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def worker(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start a worker."""
        number = len(self.workers)
        with (self.directory / f"worker-{number}.log").open("w") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "cloud_tasks", "worker", "--app", APP, *self.options, *arguments],
                cwd=self.directory,
                env={**self.environ, **environ},
                stdout=log,
                stderr=log,
                text=True,
            )
        self.workers.append(process)
        return process

    def log(self, number: int = 0) -> str:
        """What a worker has printed."""
        return (self.directory / f"worker-{number}.log").read_text()

    def lines(self) -> list[str]:
        """What the tasks have written, in that order."""
        return self.file.read_text().splitlines() if self.file.exists() else []

    def wait_for(self, count: int) -> list[str]:
        """Wait until so many lines are there."""
        wait_until(lambda: len(self.lines()) >= count or all(one.poll() is not None for one in self.workers))
        lines = self.lines()
        assert len(lines) >= count, f"{lines}\n{self.log()}"
        return lines

    def end(self, process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> int:
        """Ask a worker to end, and wait for it."""
        process.send_signal(number)
        return process.wait(END_S)

    def dispatch(self, work: Callable[[], Awaitable[object]]) -> None:
        """Dispatch tasks as a program does."""

        async def main() -> None:
            await work()

        configure(self.config)
        try:
            run(main())
        finally:
            configure(None)

    def ask(self, question: Callable[[QueueDriver], Awaitable[object]]) -> object:
        """Ask the driver something."""

        async def main() -> object:
            driver = DriverFactory.create(self.config.driver, self.config)
            await driver.connect()
            try:
                return await question(driver)
            finally:
                await driver.disconnect()
                await close()

        return asyncio.run(main())

    def depth(self, queue: str) -> dict[str, int]:
        """How many messages there are."""

        async def question(driver: QueueDriver) -> object:
            return dict(await driver.inspector(queue).depth())

        found = self.ask(question)
        assert isinstance(found, dict)
        return found

    def wait_for_depth(self, queue: str, **wanted: int) -> None:
        """Wait until the counts are those, as far as the driver tells them; settling takes a moment."""

        def is_so() -> bool:
            depth = self.depth(queue)
            return all(depth[name] == count for name, count in wanted.items() if name in depth)

        wait_until(is_so)

    @contextlib.contextmanager
    def open(self) -> Iterator[Site]:
        """End what is left of the workers at the end."""
        try:
            yield self
        finally:
            for process in self.workers:
                if process.poll() is None:
                    process.kill()
                process.wait(END_S)
