"""Where goes what tasks in processes of their own print."""

from __future__ import annotations

import asyncio
import sys

from cloud_tasks.console import Console, Output, Stream
from cloud_tasks.console.writer import Writer
from cloud_tasks.runners.output import Output as Taker

_LINGER_S = 5.0
"""How long the end waits for a reader that takes nothing; the tasks are settled by then."""


class OwnStreams:
    """The program's own standard streams, as they are when this is made.

    Threads write to them: where nobody reads, the event loop goes on all the same, and leases are extended.
    """

    def __init__(self) -> None:
        stdout, stderr = Output(sys.stdout), Output(sys.stderr)
        writer = Writer(stdout)
        other = writer if stdout.same_place(stderr) else Writer(stderr)
        self._writers = {"stdout": writer, "stderr": other}

    def __call__(self, task_id: str, stream: str, chunk: bytes) -> bool:
        """Take a piece; False where the next had better wait."""
        writer = self._writers[stream]
        writer.put(chunk)
        return writer.has_room

    async def aclose(self) -> None:
        """Write what is left; nothing more comes."""
        await asyncio.gather(*(writer.aclose(_LINGER_S) for writer in self._writers.values()))


def to_console(console: Console) -> Taker:
    """Have a console show it."""
    return lambda task_id, stream, chunk: console.output(task_id, Stream(stream), chunk)
