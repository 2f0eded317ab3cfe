"""A load in a process of its own, which can be killed: `program.py DATABASE QUEUE COUNT REPLY_S`."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from cloud_tasks.clock import SystemClock
from cloud_tasks.core.task import Task
from cloud_tasks.loading import Loader, LoadSettings, LoadSummary, TaskBook
from tests.loading.file_queue import FileQueue


async def load(database: Path, queue: FileQueue, count: int) -> LoadSummary:
    clock = SystemClock()
    with TaskBook(database, clock) as book:
        loader = Loader(
            book,
            queue,
            queue,
            LoadSettings(concurrent_calls=7, page_size=100),
            clock=clock,
            chance=random.Random(1),  # noqa: S311 - a test
            progress=lambda _: None,
        )
        return await loader.load([Task(f"t{number:05}", {"number": number}) for number in range(count)])


if __name__ == "__main__":
    asyncio.run(load(Path(sys.argv[1]), FileQueue(Path(sys.argv[2]), float(sys.argv[4])), int(sys.argv[3])))
