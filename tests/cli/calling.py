"""Calls commands through `main`, as the console script does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cloud_tasks.cli import main
from cloud_tasks.core.task import Task
from fakes.queue_model import InMemoryQueue
from tests.cli.backend import MemoryCloud

JOB = ("--provider", "aws", "--job-id", "my-job", "--region", "us-east-1")


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Commands:
    def __init__(self, cloud: MemoryCloud, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.cloud = cloud
        self.folder = folder
        self._capfd = capfd

    def __call__(self, *arguments: str) -> Done:
        self._capfd.readouterr()
        try:
            status = main(arguments, open_backend=self.cloud.open)
        except SystemExit as ended:
            status = int(ended.code or 0)
        out, err = self._capfd.readouterr()
        assert "Traceback" not in out + err
        return Done(status, out, err)

    def job(self, name: str, *arguments: str) -> Done:
        """A command about `my-job`."""
        return self(name, *JOB, *arguments)

    def fill(self, queue: str, *task_ids: str) -> InMemoryQueue:
        self.cloud.create(queue)
        found = self.cloud.queues[queue]
        asyncio.run(found.send_many([Task(task_id, {"n": 1}) for task_id in task_ids]))
        return found

    def depth(self, queue: str) -> int:
        return asyncio.run(self.cloud.queues[queue].depth())["visible"]

    def ids(self, queue: str) -> list[str]:
        """The ids of all tasks in a queue, in order of arrival."""
        seen = asyncio.run(self.cloud.queues[queue].peek(1_000_000))
        return [task.task_id for task in seen if isinstance(task, Task)]

    def task_file(self, count: int, name: str = "tasks.json") -> str:
        tasks = [{"task_id": f"t{number:05}", "data": {"number": number}} for number in range(1, count + 1)]
        (self.folder / name).write_text(json.dumps(tasks), encoding="utf-8")
        return name
