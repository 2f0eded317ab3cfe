"""The commands over queues that are files: `program.py FOLDER REPLY_S ARGUMENTS...`; can be sent signals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).parents[2]))

from cloud_tasks.cli import main
from cloud_tasks.compose.backends import BackendSettings
from cloud_tasks.errors import SinkUnavailableError
from cloud_tasks.interfaces import EventSink, MessageFeed, TaskQueue
from tests.loading.file_queue import FileQueue


class FileBackend:
    def __init__(self, folder: Path, reply_s: float, settings: BackendSettings) -> None:
        self._tasks = FileQueue(folder / settings.task_queue, reply_s)
        self._events = FileQueue(folder / settings.event_queue)

    async def check(self, *, tasks: bool, events: bool, create: bool) -> None:
        pass

    async def tasks(self) -> TaskQueue:
        raise SinkUnavailableError

    async def sender(self) -> FileQueue:
        return self._tasks

    async def sink(self) -> EventSink:
        raise SinkUnavailableError

    async def feed(self) -> MessageFeed:
        raise SinkUnavailableError

    async def inspector(self, which: Literal["tasks", "events"]) -> FileQueue:
        return self._tasks if which == "tasks" else self._events

    async def aclose(self) -> None:
        pass


if __name__ == "__main__":
    folder, reply_s, *arguments = sys.argv[1:]
    sys.exit(main(arguments, open_backend=lambda it: FileBackend(Path(folder), float(reply_s), it)))
