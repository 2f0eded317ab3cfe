"""Workers of queues as a user starts them: the command, its queues, and what it writes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from cloud_tasks.clock import SystemClock
from cloud_tasks.compose.transports import open_transport
from cloud_tasks.interfaces import DeadLetter
from cloud_tasks.workers import Transport, get_transport
from tests.e2e.programs import ROOT, wait_until

DEMO = ROOT / "examples" / "queue_workers"
END_S = 20.0
QUICK = {"ASYNCTASK_WORKERS_POLL_INTERVAL": "50", "ASYNCTASK_WORKERS_CHECK_CHILD_INTERVAL": "100"}


class Started:
    """The command under way; what it writes is read as it comes.

    Attributes:
        process: It.
        lines: What it has written to standard output, each with the time.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[tuple[float, str]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line.rstrip("\n")))

    def wait_for(self, text: str, count: int = 1) -> float:
        """Wait until so many lines have a text in them; returns when the last of these came."""
        wait_until(lambda: len(self.moments(text)) >= count or self.process.poll() is not None)
        moments = self.moments(text)
        assert len(moments) >= count, self.text
        return moments[count - 1]

    def moments(self, text: str) -> list[float]:
        """When lines with a text in them came."""
        return [moment for moment, line in list(self.lines) if text in line]

    @property
    def text(self) -> str:
        """What it has written so far."""
        return "".join(f"{line}\n" for _, line in list(self.lines))

    def end(self, *signals: signal.Signals) -> int:
        """Send signals, and wait for its end."""
        for number in signals:
            self.process.send_signal(number)
            time.sleep(0.2 if len(signals) > 1 else 0.0)
        status = self.process.wait(END_S)
        self._reader.join(END_S)
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(END_S)
        self._reader.join(END_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


class QueueSite:
    """A directory to work in, and the address of queues."""

    def __init__(self, directory: Path, url: str | None = None, **environ: str) -> None:
        self.directory = directory
        self.url = url or f"sqlite:///{directory / 'queues.db'}"
        self.config = str(DEMO / "workers.yaml")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ASYNCTASK")}
        self.environ: Mapping[str, str] = {
            **inherited,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{DEMO}",
            "ASYNCTASK_TRANSPORT": self.url,
            **QUICK,
            **environ,
        }

    @property
    def transport(self) -> Transport:
        """The queues, for a program."""
        return get_transport(self.url)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cloud_tasks", "workers", *arguments]

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return subprocess.run(  # noqa: S603 - our own program
            self.command(*arguments),
            cwd=self.directory,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *arguments: str, **environ: str) -> Started:
        """Start the command."""
        return Started(
            subprocess.Popen(  # noqa: S603 - our own program
                self.command(*arguments),
                cwd=self.directory,
                env={**self.environ, **environ},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )

    def dead_letters(self, queue: str) -> list[DeadLetter]:
        """What was put aside."""

        async def ask() -> list[DeadLetter]:
            driver = open_transport(self.url, SystemClock())
            await driver.connect()
            try:
                return await driver.dead_letters(queue).oldest(100)
            finally:
                await driver.disconnect()

        return asyncio.run(ask())


def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    wait_until(condition)
