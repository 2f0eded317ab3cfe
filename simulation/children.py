"""`SimulatedRunner`: task processes that follow a script, without a process."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator

from cloud_tasks.core.task import EndKind, RunEnd, Task
from cloud_tasks.interfaces import RunListener, RunSpec
from fakes.runner import Script
from simulation.happenings import RunAsked, RunBegan, RunGone, RunNotStarted, RunOver, RunRequested
from simulation.history import History
from simulation.hosts import Host
from simulation.loop import SimulationLoop
from simulation.steps import Step

_TERMINATED = RunEnd(kind=EndKind.EXITED, exit_code=-15, signal="SIGTERM")
_KILLED = RunEnd(kind=EndKind.EXITED, exit_code=-9, signal="SIGKILL")
START_S = 0.002
"""From the request to the first line of the function."""
ORPHAN_S = 0.05
"""How long a child outlives its worker at most."""


class SimulatedRun:
    """One run of a script: nothing but timers, on a host that goes on when the worker is stopped."""

    __slots__ = (
        "_begun", "_cut_by", "_is_over", "_listener", "_runner", "_script", "_timer", "number", "spec",
    )  # fmt: skip

    def __init__(
        self, runner: SimulatedRunner, number: int, spec: RunSpec, script: Script, listener: RunListener
    ) -> None:
        self.number = number
        self.spec = spec
        self._runner = runner
        self._script = script
        self._listener = listener
        self._cut_by: RunEnd | None = None
        self._begun = self._is_over = False
        loop = runner.loop
        self._timer: Step = loop.at(runner.children, loop.now + START_S + script.starts_in_s, self._begin)

    def stop(self) -> None:
        """SIGTERM."""
        self._tell_asked(kill=False)
        if not (self._begun and self._script.ignores_stop):
            self._cut(_TERMINATED)

    def kill(self) -> None:
        """SIGKILL, to all that is left."""
        self._tell_asked(kill=True)
        if self._is_over and self.number in self._runner.runs:
            self._timer.cancel()
            self._timer = self._runner.loop.at(self._runner.children, 0.0, self._go)
        self._cut(_KILLED)

    def orphan(self) -> None:
        """The worker is no more: the process ends within a moment, and nobody is told."""
        loop = self._runner.loop
        self._timer.cancel()
        if not self._begun:
            self._never_was()
            return
        self._cut_by = _KILLED
        last = self._leave if self._is_over else self._finish
        self._timer = loop.at(self._runner.children, loop.now + ORPHAN_S, last)

    def _tell_asked(self, *, kill: bool) -> None:
        runner, task = self._runner, self.spec.task.task_id
        now, name = runner.loop.now, runner.host.name
        runner.history.tell(RunAsked(at=now, worker=name, task_id=task, run=self.number, kill=kill))

    def _begin(self) -> None:
        runner, script = self._runner, self._script
        if script.start_failure:
            self._never_was()
            runner.tell(self._listener.start_failed, script.start_failure)
            return
        self._begun = True
        now = runner.loop.now
        task = self.spec.task.task_id
        began = RunBegan(
            at=now, worker=runner.host.name, task_id=task, attempt=self.spec.attempt, run=self.number
        )
        runner.history.tell(began)
        self._timer = runner.loop.at(runner.children, now + script.duration_s, self._finish)
        runner.tell(self._listener.started, None)

    def _never_was(self) -> None:
        runner, task = self._runner, self.spec.task.task_id
        self._is_over = True
        runner.forget(self)
        now, name = runner.loop.now, runner.host.name
        runner.history.tell(RunNotStarted(at=now, worker=name, task_id=task, run=self.number))

    def _cut(self, end: RunEnd) -> None:
        if self._is_over or (self._cut_by is not None and end is not _KILLED):
            return
        self._timer.cancel()
        self._cut_by = end
        last = self._finish if self._begun else self._end_unborn
        self._timer = self._runner.loop.at(self._runner.children, 0.0, last)

    def _end_unborn(self) -> None:
        """The process ended before it came to the task's function."""
        self._never_was()
        self._runner.tell(self._listener.finished, self._cut_by)

    def _finish(self) -> None:
        self._is_over = True
        runner = self._runner
        end = self._cut_by or self._script.end
        now, name, task = runner.loop.now, runner.host.name, self.spec.task.task_id
        runner.history.tell(RunOver(at=now, worker=name, task_id=task, run=self.number, end=end))
        if self._script.lingers_s > 0 and end is not _KILLED:
            runner.tell(self._listener.ended, end)
            self._timer = runner.loop.at(runner.children, now + self._script.lingers_s, self._go)
            return
        self._leave()
        runner.tell(self._listener.finished, end)

    def _go(self) -> None:
        self._leave()
        self._runner.tell(self._listener.gone)

    def _leave(self) -> None:
        runner = self._runner
        runner.forget(self)
        gone = RunGone(
            at=runner.loop.now, worker=runner.host.name, task_id=self.spec.task.task_id, run=self.number
        )
        runner.history.tell(gone)


class SimulatedRunner:
    """A `TaskRunner` whose runs follow scripts in virtual time.

    Args:
        loop: Time.
        host: The worker.
        history: Told of each run.
        script: What the run of an attempt does on a worker of that name.
        numbers: Identities for runs, from all workers of the world.

    Attributes:
        runs: What is alive, by number.
        children: The host of the task processes.
        meant: Told beforehand who asks for a run, its number and of what, if anybody wants to know.
    """

    def __init__(
        self,
        loop: SimulationLoop,
        host: Host,
        history: History,
        script: Callable[[RunSpec, str], Script],
        numbers: Iterator[int] | None = None,
    ) -> None:
        self.loop = loop
        self.host = host
        self.history = history
        self.children = loop.add_host(f"{host.name} children")
        self.runs: dict[int, SimulatedRun] = {}
        self._script = script
        self._numbers = numbers or itertools.count(1)
        self._emptied: asyncio.Future[None] | None = None
        self.meant: Callable[[str, int, Task], None] | None = None

    async def open(self) -> None:
        """Nothing is needed."""

    def start(self, spec: RunSpec, listener: RunListener) -> SimulatedRun:
        """Start a run."""
        number = next(self._numbers)
        if self.meant is not None:
            self.meant(self.host.name, number, spec.task)
        asked = RunRequested(
            at=self.loop.now,
            worker=self.host.name,
            task_id=spec.task.task_id,
            attempt=spec.attempt,
            run=number,
        )
        self.history.tell(asked)
        run = SimulatedRun(self, number, spec, self._script(spec, self.host.name), listener)
        self.runs[number] = run
        return run

    def forget(self, run: SimulatedRun) -> None:
        """Nothing is left of it."""
        self.runs.pop(run.number, None)
        if self._emptied is not None and not self.runs and not self._emptied.done():
            self._emptied.set_result(None)

    def tell(self, what: Callable[..., None], *args: object) -> None:
        """Tell the worker, as soon as it can listen."""
        host = self.host
        if host.ready or host.stopped or not host.alive:
            self.loop.at(host, 0.0, what, *args)
        else:
            host.context.run(what, *args)

    def orphan(self) -> None:
        """The worker was killed."""
        for run in list(self.runs.values()):
            run.orphan()

    def notify(self, *, termination: bool = False, shutdown: bool = False) -> None:
        """Scripts take no notice."""

    async def aclose(self) -> None:
        """Kill what still runs, and wait until nothing is left of it."""
        for run in list(self.runs.values()):
            run.kill()
        if self.runs:
            self._emptied = self.loop.create_future()
            await self._emptied
