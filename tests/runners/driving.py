"""What the tests of the runners share: a listener that remembers, and ways to wait for things."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from cloud_tasks.core.task import Json, RunEnd, Task
from cloud_tasks.interfaces import RunSpec, TaskRun, TaskRunner
from cloud_tasks.runners.program import Program
from cloud_tasks.runners.worker_data import WorkerData

PATIENCE_S = 60.0
"""Far more than anything here takes, however busy the machine is."""


class Recorder:
    """Remembers what a run told, and lets tests wait for it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.pid: int | None = None
        self.reason = ""
        self.steps: list[tuple[float, float | None]] = []
        self.ends: list[RunEnd] = []
        self.changed = asyncio.Event()

    def _tell(self, word: str) -> None:
        self.told.append(word)
        self.changed.set()

    def started(self, pid: int | None) -> None:
        self.pid = pid
        self._tell("started")

    def start_failed(self, reason: str) -> None:
        self.reason = reason
        self._tell("start_failed")

    def progress(self, done: float, total: float | None) -> None:
        self.steps.append((done, total))
        self.changed.set()

    def ended(self, end: RunEnd) -> None:
        self.ends.append(end)
        self._tell("ended")

    def finished(self, end: RunEnd) -> None:
        self.ended(end)
        self.gone()

    def gone(self) -> None:
        self._tell("gone")

    async def wait(self, word: str) -> Recorder:
        """Wait until that was told (or that it could not be started)."""
        await self.until(lambda: word in self.told or "start_failed" in self.told)
        assert word in self.told, f"start failed: {self.reason}"
        return self

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    @property
    def end(self) -> RunEnd:
        assert self.told in (["started", "ended", "gone"], ["started", "ended"]), self.told
        return self.ends[0]

    @property
    def result(self) -> Json:
        return decoded(self.end)


def decoded(end: RunEnd) -> Json:
    """The result of an end, which may be raw JSON."""
    if isinstance(end.result, msgspec.Raw):
        value: Json = json.loads(bytes(end.result))
        return value
    return end.result


def start(
    runner: TaskRunner,
    data: Mapping[str, Json] | None = None,
    *,
    task_id: str = "task",
    memory_limit_bytes: int | None = None,
) -> tuple[TaskRun, Recorder]:
    recorder = Recorder()
    spec = RunSpec(Task(task_id, data or {}), 1, memory_limit_bytes=memory_limit_bytes)
    return runner.start(spec, recorder), recorder


async def finish(
    runner: TaskRunner, data: Mapping[str, Json] | None = None, *, memory_limit_bytes: int | None = None
) -> Recorder:
    """Run one task until nothing is left of it."""
    _, recorder = start(runner, data, memory_limit_bytes=memory_limit_bytes)
    return await recorder.wait("gone")


def program(function: Callable[..., object], *, success_first: bool = False) -> Program:
    return Program(function, WorkerData(), success_first=success_first)


async def until(condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Wait for something outside that tells nobody when it happens."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pids_in(path: Path) -> list[int]:
    """The process ids that tasks have written into a file, one per line."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def open_fds() -> int:
    """How many descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


def own_children() -> set[int]:
    """Processes that this one has started and not waited for, dead ones too."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                if int(parent) == os.getpid():
                    found.add(int(entry.name))
    return found


class Written:
    """Gathers what tasks write."""

    def __init__(self) -> None:
        self.chunks: list[tuple[str, str, bytes]] = []

    def __call__(self, task_id: str, stream: str, chunk: bytes) -> bool:
        self.chunks.append((task_id, stream, chunk))
        return True

    def text(self, task_id: str, stream: str) -> str:
        return b"".join(c for t, s, c in self.chunks if (t, s) == (task_id, stream)).decode()
