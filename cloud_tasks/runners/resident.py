"""The resident: one process that lives from task to task, and is there before the first.

Its function is told of more than tasks. `task_data` has one key: "task", with the data of a task; "start",
before the first task of each process; "end", after the last, where the process ends in good order.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import signal
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from cloud_tasks.core.policy import Backoff
from cloud_tasks.core.task import EndKind, Json, RunEnd, Task
from cloud_tasks.interfaces import RunListener, RunSpec
from cloud_tasks.runners.host import Host
from cloud_tasks.runners.member import PoolMember, PoolRun
from cloud_tasks.runners.output import Output

Loss: TypeAlias = Literal["died", "stopped", "full", "refused"]
"""Why a process is no more: by itself; by a signal of the worker's; because it met its memory limit.
"refused": it could not be started at all."""

END_S = 1.0
"""How long the process may take to hear of the end, and as long again to end."""
KILL_S = 1.5
"""How long to wait for the end of a process that was killed, while the runner is being closed."""


class ResidentWatcher(Protocol):
    """Who is told what becomes of the process."""

    def launching(self) -> None:
        """A process is about to be started."""
        ...

    def lost(self, why: Loss, reason: str, pause_s: float) -> None:
        """It is no more, and another takes its place after a pause; `reason` is what else is known, or ""."""
        ...


class Hooks(Struct, frozen=True):
    """What the function is told beside tasks.

    Attributes:
        start: Before the first task of each process.
        end: After the last; called with whether the worker was asked to end.
    """

    start: Mapping[str, Json]
    end: Callable[[bool], Mapping[str, Json]]


class _Phase(enum.Enum):
    """Where the process is."""

    ABSENT = "absent"
    FORKING = "forking"
    STARTING = "starting"
    """It hears of the start."""
    IDLE = "idle"
    BUSY = "busy"
    ENDING = "ending"
    """It hears of the end, or is on its way out."""


class ResidentRunner:
    """Runs attempts in a process of its own, one after another, and replaces that process when it dies.

    The first replacement comes at once. A process that dies before it has finished a task, as did the one
    before it, is replaced after a pause that grows; one that has lived longer than the longest pause begins
    anew.

    Args:
        host: The helper processes, open; others use them too, and this does not close them.
        hooks: What the function is told beside tasks.
        watcher: Told what becomes of the process.
        output: Gets what it writes to its standard streams.
        pauses: Before each replacement but the first.
    """

    tasks_max: int | None = None
    slot_request = b',"warm":1'

    def __init__(
        self, host: Host, hooks: Hooks, watcher: ResidentWatcher, *, output: Output, pauses: Backoff
    ) -> None:
        self.tree = host.tree
        self.oom = host.oom
        self.output = output
        self._flags = host.flags
        self._hooks = hooks
        self._watcher = watcher
        self._pauses = pauses
        self._member: PoolMember | None = None
        self._phase = _Phase.ABSENT
        self._loss: tuple[Loss, str] = ("died", "")
        self._waiting: deque[PoolRun] = deque()
        self._failures = 0
        self._launched_at = 0.0
        self._leaving = False
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._gone = asyncio.Event()
        self._told_end = asyncio.Event()

    async def open(self) -> None:
        """Have the process started; does not wait for it."""
        self._launch()

    def start(self, spec: RunSpec, listener: RunListener) -> PoolRun:
        """Start one attempt in the process, or in the next if there is none now; returns at once."""
        try:
            run = self._run(spec, "task", spec.task.data, listener)
        except (TypeError, ValueError, RecursionError) as error:
            run = self._run(spec, "task", {}, listener)
            self._loop.call_soon(run.fail, f"the task cannot be handed to a process: {error}")
            return run
        if self._closing or (self._leaving and self._member is None):
            self._loop.call_soon(run.fail, "the worker is about to end")
        else:
            self._waiting.append(run)
            self._go_on()
        return run

    def _run(self, spec: RunSpec, word: str, data: Mapping[str, Json], listener: RunListener) -> PoolRun:
        task = Task(spec.task.task_id, {word: dict(data)})
        spec = RunSpec(task, spec.attempt, spec.max_runtime_s, spec.memory_limit_bytes)
        return PoolRun(self, spec, listener, self._loop)

    def notify(self, *, termination: bool = False, shutdown: bool = False) -> None:
        """Set the flags that every task sees; a process that dies from now on is not replaced."""
        self._flags.set(termination=termination, shutdown=shutdown)
        self._leaving = True
        if self._member is None:
            self._fail_waiting()

    def forget(self, run: PoolRun) -> bool:
        """Take back a run that waits."""
        try:
            self._waiting.remove(run)
        except ValueError:
            return False
        return True

    def _fail_waiting(self) -> None:
        while self._waiting:
            self._waiting.popleft().fail("the worker is about to end")

    def _go_on(self) -> None:
        if self._phase is _Phase.IDLE and self._waiting and self._member is not None:
            self._phase = _Phase.BUSY
            self._member.take(self._waiting.popleft())

    # -- processes that come and go ----------------------------------------------------------------------

    def _launch(self) -> None:
        self._timer = None
        if self._closing or self._leaving:
            self._fail_waiting()
            return
        self._watcher.launching()
        self._launched_at = self._loop.time()
        self._phase = _Phase.FORKING
        self._loss = ("died", "")
        self._member = PoolMember(self, self._loop)
        self.tree.take(self._member)

    def member_idle(self, member: PoolMember) -> None:
        """It is there, has been told, or is done with a task."""
        if self._phase is _Phase.FORKING:
            self._phase = _Phase.STARTING
            self._tell(member, "start", self._hooks.start, self._started)
        elif self._phase is _Phase.BUSY:
            self._failures = 0
            self._phase = _Phase.IDLE
            self._loop.call_soon(self._go_on)

    def _tell(
        self, member: PoolMember, word: str, data: Mapping[str, Json], then: Callable[[RunEnd], None]
    ) -> None:
        member.take(self._run(RunSpec(Task("", {}), 1), word, data, _Hidden(then)))

    def _started(self, end: RunEnd) -> None:
        if self._phase is not _Phase.STARTING or self._member is None:
            return
        if end.kind is EndKind.RETURNED:
            self._phase = _Phase.IDLE
            self._go_on()
        else:
            self._loss = ("died", end.exception)
            self._member.end_with(signal.SIGKILL)

    def member_retired(self, member: PoolMember) -> None:
        """It takes no further task."""
        self._phase = _Phase.ENDING
        if not member.exited and not self._loss[1]:
            self._loss = ("stopped" if member.doomed else "full", "")

    def member_failed(self, member: PoolMember, reason: str) -> None:
        """It could not be started."""
        self._loss = ("refused", reason)

    def member_over(self, member: PoolMember) -> None:
        """Nothing is left of it: the next is started when its slot is free again."""
        if member is self._member:
            self._member = None
            self._phase = _Phase.ABSENT
            self._gone.set()
            self._told_end.set()
            self._loop.call_soon(self._replace)

    def _replace(self) -> None:
        if self._closing or self._leaving:
            self._fail_waiting()
            return
        why, reason = self._loss
        lived_s = self._loop.time() - self._launched_at
        self._failures = 1 if lived_s > self._pauses.cap_s else self._failures + 1
        at_once = self._failures == 1 and why != "refused"
        pause_s = 0.0 if at_once else self._pauses.pause_s(max(1, self._failures - 1), "resident")
        self._watcher.lost(why, reason, pause_s)
        if at_once:
            self._launch()
        else:
            self._timer = self._loop.call_later(pause_s, self._launch)

    # -- the end -----------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Let the process end in good order, or kill it where it does not; takes seconds at most."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._fail_waiting()
        member = self._member
        if member is None:
            return
        self._gone.clear()
        self._told_end.clear()
        if self.tree.forget(member):
            self.member_over(member)
        elif self._phase is _Phase.IDLE:
            await self._end_well(member)
        if self._member is not None:
            member.end_with(signal.SIGKILL)
            await _within(KILL_S, self._gone)

    async def _end_well(self, member: PoolMember) -> None:
        self._phase = _Phase.BUSY
        self._tell(member, "end", self._hooks.end(self._leaving), lambda _: self._told_end.set())
        await _within(END_S, self._told_end)
        if self._member is not None:
            member.retire()
            await _within(END_S, self._gone)


class _Hidden:
    """Listens to a run that is no task."""

    def __init__(self, then: Callable[[RunEnd], None]) -> None:
        self._then = then

    def started(self, pid: int | None) -> None:
        """Nobody wants to know."""

    def start_failed(self, reason: str) -> None:
        """The member is over, and says so itself."""

    def progress(self, done: float, total: float | None) -> None:
        """Nobody wants to know."""

    def ended(self, end: RunEnd) -> None:
        """The process ended in it, and says so itself."""

    def finished(self, end: RunEnd) -> None:
        """It has been told."""
        self._then(end)

    def gone(self) -> None:
        """The process ended in it, and says so itself."""


async def _within(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
