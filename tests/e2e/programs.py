"""Programs of users, written to files and run as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT_S = 60.0


class Ended:
    """A program that has ended."""

    def __init__(self, directory: Path, status: int, stdout: str, stderr: str) -> None:
        self.directory = directory
        self.status = status
        self.stdout = stdout
        self.stderr = stderr

    @property
    def events(self) -> list[dict[str, Any]]:
        path = self.directory / "events.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event_type"] == kind]

    def __repr__(self) -> str:
        return f"status {self.status}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


class Running:
    """A program under way."""

    def __init__(self, directory: Path, process: subprocess.Popen[str]) -> None:
        self.directory = directory
        self.process = process

    def wait_for_file(self, name: str) -> Path:
        """Wait until the program, or a task of it, has written a file."""
        path = self.directory / name
        wait_until(lambda: path.exists() or self.process.poll() is not None)
        assert path.exists(), self.finish()
        return path

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def finish(self) -> Ended:
        stdout, stderr = self.process.communicate(timeout=LIMIT_S)
        return Ended(self.directory, self.process.returncode, stdout, stderr)


class Programs:
    """Writes and runs programs in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._processes: list[subprocess.Popen[str]] = []

    def write(self, source: str, name: str = "program.py") -> Path:
        path = self.directory / name
        path.write_text(textwrap.dedent(source))
        return path

    def tasks(self, count: int, name: str = "tasks.json", **data: object) -> Path:
        path = self.directory / name
        path.write_text(json.dumps([{"task_id": f"t{n}", "data": {"n": n, **data}} for n in range(count)]))
        return path

    def start(self, source: str, *arguments: str, env: dict[str, str] | None = None) -> Running:
        return self.launch(str(self.write(source)), *arguments, env=env)

    def launch(self, *arguments: str, env: dict[str, str] | None = None) -> Running:
        """Start the interpreter with these arguments."""
        process = subprocess.Popen(  # noqa: S603 - the program of the test
            [sys.executable, *arguments],
            cwd=self.directory,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return Running(self.directory, process)

    def run(self, source: str, *arguments: str, env: dict[str, str] | None = None) -> Ended:
        return self.start(source, *arguments, env=env).finish()

    def end(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            with process:
                pass


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    """Programs in a directory of their own; none outlives its test."""
    all_of_them = Programs(tmp_path)
    yield all_of_them
    all_of_them.end()


def wait_until(condition: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    """Wait for something that happens outside this process."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
