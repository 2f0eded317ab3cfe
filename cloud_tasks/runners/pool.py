"""The pool: warm processes that run task after task. Fast, and less apart than a process per task.

What a task leaves in its interpreter (modules, globals, threads) is there for the next one in the same
process, and processes that it leaves behind live until that process is replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import deque

from cloud_tasks.errors import ConfigurationError, Problem
from cloud_tasks.interfaces import RunListener, RunSpec
from cloud_tasks.runners.host import Host
from cloud_tasks.runners.member import PoolMember, PoolRun
from cloud_tasks.runners.output import Output
from cloud_tasks.runners.process import CLOSE_S_MAX
from cloud_tasks.runners.program import Program

FAILURES_MAX = 3
"""How many processes in a row may die before their first task, until a waiting run is told so."""


class PoolRunner:
    """Runs attempts in a fixed number of warm processes, which are replaced when they die or have served."""

    def __init__(
        self,
        program: Program,
        members: int,
        *,
        output: Output,
        max_tasks_per_child: int | None = None,
        max_memory_per_child_bytes: int | None = None,
        start_method: str = "forkserver",
    ) -> None:
        """Take note of what to run; `open` does the work.

        Args:
            program: The function and its settings.
            members: How many processes.
            output: Gets what tasks write to their standard streams.
            max_tasks_per_child: Replace a process after so many tasks; None: never.
            max_memory_per_child_bytes: Replace a process that is larger than this after a task; None: never.
            start_method: "forkserver" or "fork", as for `ProcessRunner`.

        Raises:
            ConfigurationError: A value that cannot be.
        """
        problems = _problems(members, max_tasks_per_child, max_memory_per_child_bytes, start_method)
        if problems:
            raise ConfigurationError(*problems)
        self._host = Host(program, start_method, members)
        self.tree = self._host.tree
        self.oom = self._host.oom
        self.output = output
        self.tasks_max = max_tasks_per_child
        mark = max_memory_per_child_bytes
        self.slot_request = b',"warm":1' + (b"" if mark is None else b',"resident":%d' % mark)
        self._members_max = members
        self._members: dict[PoolMember, None] = {}
        self._leaving: dict[PoolMember, None] = {}
        self._idle: list[PoolMember] = []
        self._waiting: deque[PoolRun] = deque()
        self._failures = 0
        self._closing = False
        self._all_over: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        """Start the template, have the program imported, and start the members.

        Raises:
            ConfigurationError: There cannot be descriptors for so many members.
            ProgramError: The program or its function cannot be used.
            RunnerError: The system refused to start the process.
        """
        await self._host.open()
        self._loop = asyncio.get_running_loop()
        while len(self._members) < self._members_max:
            self._add_member()

    def _add_member(self) -> None:
        assert self._loop is not None  # noqa: S101 - the caller has looked
        member = PoolMember(self, self._loop)
        self._members[member] = None
        self.tree.take(member)

    def start(self, spec: RunSpec, listener: RunListener) -> PoolRun:
        """Start one attempt in an idle member, or in the first that is; returns at once."""
        assert self._loop is not None, "open() comes first"  # noqa: S101 - a mistake in our own shell
        try:
            run = PoolRun(self, spec, listener, self._loop)
        except (TypeError, ValueError, RecursionError) as error:
            return self._failed(spec, listener, f"the task cannot be handed to a process: {error}")
        if self._closing:
            self._loop.call_soon(run.fail, "the runner is being closed")
        elif self._idle:
            self._idle.pop().take(run)
        else:
            self._waiting.append(run)
            self._staff()
        return run

    def _failed(self, spec: RunSpec, listener: RunListener, reason: str) -> PoolRun:
        assert self._loop is not None  # noqa: S101 - the caller has looked
        empty = RunSpec(type(spec.task)(spec.task.task_id, {}), spec.attempt)
        run = PoolRun(self, empty, listener, self._loop)
        self._loop.call_soon(run.fail, reason)
        return run

    def _staff(self) -> None:
        """Have a process for each run that waits, up to the number of members."""
        starting = sum(member.pid is None for member in self._members)
        while starting < len(self._waiting) and len(self._members) < self._members_max:
            self._add_member()
            starting += 1

    # What members tell.

    def member_idle(self, member: PoolMember) -> None:
        """Give it the next run."""
        self._failures = 0
        if self._waiting:
            member.take(self._waiting.popleft())
        else:
            self._idle.append(member)

    def member_retired(self, member: PoolMember) -> None:
        """Make room for another."""
        self._members.pop(member, None)
        self._leaving[member] = None
        if member in self._idle:
            self._idle.remove(member)
        if not self._closing:
            self._staff()

    def member_failed(self, member: PoolMember, reason: str) -> None:
        """Tell the run that has waited longest, and try again for the others."""
        self._members.pop(member, None)
        self._failures += 1
        if self._waiting:
            self._waiting.popleft().fail(reason)
        if not self._closing and self._failures < FAILURES_MAX:
            self._staff()
        elif self._failures >= FAILURES_MAX:
            self._failures = 0
            while self._waiting:
                self._waiting.popleft().fail(reason)

    def member_over(self, member: PoolMember) -> None:
        """Forget it."""
        self._members.pop(member, None)
        self._leaving.pop(member, None)
        if not self._members and not self._leaving and self._all_over is not None:
            self._all_over.set()

    def forget(self, run: PoolRun) -> bool:
        """Take back a run that waits."""
        try:
            self._waiting.remove(run)
        except ValueError:
            return False
        return True

    def notify(self, *, termination: bool = False, shutdown: bool = False) -> None:
        """Set the flags that every task sees; they stay set."""
        self._host.flags.set(termination=termination, shutdown=shutdown)

    async def aclose(self) -> None:
        """Kill what still runs, let the idle end, and end the helper processes; takes seconds at most."""
        self._closing = True
        self._all_over = asyncio.Event()
        while self._waiting:
            self._waiting.popleft().fail("the runner is being closed")
        for member in [*self._idle]:
            member.retire()
        for member in [*self._members]:
            if self.tree.forget(member):
                self.member_over(member)
        await self._end_members()
        await self._host.aclose()

    async def _end_members(self) -> None:
        assert self._all_over is not None  # noqa: S101 - the caller has made it
        for member in [*self._members]:
            member.end_with(signal.SIGKILL)
        for seconds in (1.0, CLOSE_S_MAX):
            if not self._members and not self._leaving:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_over.wait(), seconds)
            for member in [*self._members, *self._leaving]:
                member.end_with(signal.SIGKILL)


def _problems(
    members: int, tasks_max: int | None, memory_max: int | None, start_method: str
) -> list[Problem]:
    problems = []
    if members < 1:
        problems.append(Problem(f"a pool needs at least one member, not {members}"))
    if tasks_max is not None and tasks_max < 1:
        problems.append(Problem(f"a pool's processes must run at least one task each, not {tasks_max}"))
    if memory_max is not None and memory_max < 1:
        problems.append(Problem(f"a memory mark of {memory_max} bytes cannot be kept"))
    if start_method == "spawn":
        helps = (
            "`forkserver` and `fork` keep warm processes",
            "`--runner process` runs each task in a new interpreter",
        )
        problems.append(Problem("the pool has no start method `spawn`", helps=helps))
    return problems
