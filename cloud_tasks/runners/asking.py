"""Asking the user's program something, in a process of its own, before there are tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from cloud_tasks.core.task import Json, RunEnd, Task
from cloud_tasks.errors import RunnerError
from cloud_tasks.interfaces import RunSpec
from cloud_tasks.runners.host import Host
from cloud_tasks.runners.member import PoolMember, PoolRun
from cloud_tasks.runners.output import Output


async def ask(host: Host, data: Mapping[str, Json], output: Output) -> RunEnd:
    """Call the host's function once, in a process that is gone afterwards; returns how that ended.

    Raises:
        RunnerError: The process could not be started.
    """
    return await _Asker(host, data, output).answer


class _Asker:
    """The owner of a process that runs one thing, and its listener."""

    tasks_max: int | None = 1
    slot_request = b',"warm":1'

    def __init__(self, host: Host, data: Mapping[str, Json], output: Output) -> None:
        self.tree = host.tree
        self.oom = host.oom
        self.output = output
        self._loop = asyncio.get_running_loop()
        self._data = data
        self.answer: asyncio.Future[RunEnd] = self._loop.create_future()
        self.tree.take(PoolMember(self, self._loop))

    # What the process tells.

    def member_idle(self, member: PoolMember) -> None:
        """It is there."""
        member.take(PoolRun(self, RunSpec(Task("", self._data), 1), self, self._loop))

    def member_retired(self, member: PoolMember) -> None:
        """It has answered, or died."""

    def member_failed(self, member: PoolMember, reason: str) -> None:
        """It could not be started."""
        if not self.answer.done():
            self.answer.set_exception(RunnerError(reason))

    def member_over(self, member: PoolMember) -> None:
        """Nothing is left of it."""

    def forget(self, run: PoolRun) -> bool:
        """None waits."""
        return False

    # What the run tells.

    def started(self, pid: int | None) -> None:
        """It is about to answer."""

    def start_failed(self, reason: str) -> None:
        """Told by the process as well."""

    def progress(self, done: float, total: float | None) -> None:
        """Nobody wants to know."""

    def ended(self, end: RunEnd) -> None:
        """It has answered, or died."""
        if not self.answer.done():
            self.answer.set_result(end)

    finished = ended

    def gone(self) -> None:
        """Nothing is left of it."""
