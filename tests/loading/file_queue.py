"""A queue that is a file: it survives SIGKILL of whoever sends to it, and one can count what is in it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from cloud_tasks.core.message import decode_task, encode_task
from cloud_tasks.core.task import Task


class FileQueue:
    """A `TaskSender` and `QueueInspector`: a line per message.

    Args:
        path: The file.
        reply_s: How long the reply to a call takes after its effect.
    """

    def __init__(self, path: Path, reply_s: float = 0.0) -> None:
        self._path = path
        self._reply_s = reply_s

    def ids(self) -> list[str]:
        tasks = [decode_task(line) for line in self._lines()]
        return [task.task_id for task in tasks if isinstance(task, Task)]

    async def send(self, task: Task, delay_s: float = 0.0) -> None:
        await self.send_many([task])

    async def send_many(self, tasks: Iterable[Task]) -> None:
        data = b"".join(encode_task(task) + b"\n" for task in tasks)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)
        await asyncio.sleep(self._reply_s)

    async def depth(self) -> Mapping[str, int]:
        return {"visible": len(self._lines())}

    async def peek(self, tasks_max: int) -> list[Task | bytes]:
        decoded = ((line, decode_task(line)) for line in self._lines()[:tasks_max])
        return [task if isinstance(task, Task) else line for line, task in decoded]

    async def purge(self) -> None:
        self._path.unlink(missing_ok=True)

    async def create(self) -> None:
        pass

    async def delete(self) -> None:
        await self.purge()

    def _lines(self) -> list[bytes]:
        return self._path.read_bytes().splitlines() if self._path.exists() else []
