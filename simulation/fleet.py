"""`Fleet`: workers that begin, end, are killed, and are started again."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.task import Task
from cloud_tasks.interfaces import Clock, EventSink, RunSpec, TaskQueue
from cloud_tasks.shell import ShellSettings, WorkerShell
from fakes.runner import Script
from simulation.children import SimulatedRunner
from simulation.clocks import HostClock
from simulation.happenings import EndAsked, EndHeard, WorkerBegan, WorkerContinued, WorkerEnded, WorkerKilled
from simulation.happenings import WorkerStopped as WorkerHalted
from simulation.history import History
from simulation.hosts import Host
from simulation.loop import SimulationLoop
from simulation.machine import SimulatedMetadata

S = TypeVar("S", bound=WorkerShell)
RESTART_S = 5.0
"""From the end of a worker to the start of the next in its place."""


class Silent:
    """An observer that nobody listens to."""

    def task_started(self, task_id: str) -> None:
        """Nothing."""

    def task_progress(self, task_id: str, done: float, total: float | None) -> None:
        """Nothing."""

    def worker_message(self, text: str) -> None:
        """Nothing."""


class Dwelling(Struct, frozen=True):
    """What a worker is given.

    Attributes:
        queue: Where its tasks come from.
        sink: Where its events go.
    """

    queue: TaskQueue
    sink: EventSink


class SimulatedWorker:
    """One start of the worker: the real shell and machine on a host of its own."""

    def __init__(
        self, host: Host, clock: HostClock, runner: SimulatedRunner, metadata: SimulatedMetadata
    ) -> None:
        self.host = host
        self.clock = clock
        self.runner = runner
        self.metadata = metadata
        self.shell: WorkerShell | None = None
        self.running = True


class Fleet:
    """Keeps so many workers running, whatever becomes of each.

    Args:
        loop: Time.
        history: Told of every beginning and end.
        settings: What every worker is told.
        dwelling: Makes what a worker works with.
        script: What the run of an attempt does.
        rate: How many seconds the clock of the worker of that name shows for each true second.

    Attributes:
        workers: All that ever were.
        restarts: Whether a worker that is gone is followed by another.
        prefix: What the names of workers begin with; no two fleets of one loop have the same.
        settings: As given.
        meant: See `SimulatedRunner`.
    """

    def __init__(
        self,
        loop: SimulationLoop,
        history: History,
        settings: MachineSettings,
        dwelling: Callable[[Host, Clock], Dwelling],
        script: Callable[[RunSpec, str], Script],
        *,
        rate: Callable[[str], float],
    ) -> None:
        self.workers: list[SimulatedWorker] = []
        self.restarts = True
        self.prefix = "worker"
        self.meant: Callable[[str, int, Task], None] | None = None
        self._loop = loop
        self._history = history
        self.settings = settings
        self._rate = rate
        self._dwelling = dwelling
        self._script = script
        self._numbers = itertools.count(1)
        self._run_numbers = itertools.count(1)

    def start(self) -> SimulatedWorker:
        """Start a worker in a process of its own."""
        worker = self.enlist()
        self._loop.start_on(worker.host, self._live(worker))
        return worker

    def enlist(self) -> SimulatedWorker:
        """Begin a worker, whose shell is put together and run by whoever asks for it."""
        loop = self._loop
        number = next(self._numbers)
        host = loop.add_host(f"{self.prefix}-{number}")
        clock = HostClock(loop, offset_s=1000.0 * number, rate=self._rate(host.name))
        runner = SimulatedRunner(loop, host, self._history, self._script, self._run_numbers)
        runner.meant = self.meant
        worker = SimulatedWorker(host, clock, runner, SimulatedMetadata(loop, host, self._hear_notice))
        self.workers.append(worker)
        self._history.tell(WorkerBegan(at=loop.now, worker=host.name))
        return worker

    def put_together(self, worker: SimulatedWorker, kind: type[S]) -> S:
        """The shell of a worker."""
        host = worker.host
        dwelling = self._dwelling(host, worker.clock)
        worker.shell = shell = kind(
            self.settings,
            ShellSettings(worker_id=host.name, hostname=host.name, pid=host.number),
            queue=dwelling.queue,
            runner=worker.runner,
            sink=dwelling.sink,
            metadata=worker.metadata,
            clock=worker.clock,
            observer=Silent(),
        )
        return shell

    def kill(self, worker: SimulatedWorker) -> None:
        """SIGKILL."""
        if not worker.running:
            return
        worker.running = False
        self._loop.kill(worker.host)
        self._loop.continue_host(worker.runner.children)
        worker.runner.orphan()
        self._history.tell(WorkerKilled(at=self._loop.now, worker=worker.host.name))
        self._follow()

    def stop(self, worker: SimulatedWorker, *, suspended: bool = False) -> None:
        """SIGSTOP."""
        if worker.running and not worker.host.stopped:
            self._loop.stop_host(worker.host)
            name = worker.host.name
            self._history.tell(WorkerHalted(at=self._loop.now, worker=name, suspended=suspended))

    def suspend(self, worker: SimulatedWorker) -> None:
        """Let the machine stand still with all that is on it."""
        self.stop(worker, suspended=True)
        self._loop.stop_host(worker.runner.children)
        worker.clock.stand_still()

    def go_on(self, worker: SimulatedWorker) -> None:
        """SIGCONT."""
        if worker.running and worker.host.stopped:
            worker.clock.go_on()
            self._loop.continue_host(worker.runner.children)
            self._loop.continue_host(worker.host)
            self._history.tell(WorkerContinued(at=self._loop.now, worker=worker.host.name))

    def terminate(self, worker: SimulatedWorker) -> None:
        """SIGTERM."""
        if worker.running and worker.shell is not None:
            now = self._loop.now
            within_s = self.settings.grace_s
            self._history.tell(EndAsked(at=now, worker=worker.host.name, why="sigterm", within_s=within_s))
            self._loop.at(worker.host, now, self._hear_signal, worker.shell, worker.host.name)

    def give_notice(self, worker: SimulatedWorker, in_s: float) -> None:
        """The machine goes in so many seconds."""
        if worker.running:
            now = self._loop.now
            self._history.tell(EndAsked(at=now, worker=worker.host.name, why="notice", within_s=in_s))
            self._loop.at(worker.host, now, worker.metadata.give_notice, now + in_s)

    def _hear_signal(self, shell: WorkerShell, name: str) -> None:
        within_s = self.settings.grace_s
        self._history.tell(EndHeard(at=self._loop.now, worker=name, why="sigterm", within_s=within_s))
        shell.request_shutdown("SIGTERM")

    def _hear_notice(self, name: str, in_s: float) -> None:
        self._history.tell(EndHeard(at=self._loop.now, worker=name, why="notice", within_s=in_s))

    async def _live(self, worker: SimulatedWorker) -> None:
        summary = await self.put_together(worker, WorkerShell).run()
        worker.running = False
        self._history.tell(WorkerEnded(at=self._loop.now, worker=worker.host.name, reason=summary.reason))
        self._follow()

    def _follow(self) -> None:
        if self.restarts:
            self._loop.at(self._loop.world, self._loop.now + RESTART_S, self._start_next)

    def _start_next(self) -> None:
        if self.restarts:
            self.start()
