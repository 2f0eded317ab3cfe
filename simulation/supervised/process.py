"""`Process`: the supervisor of production, with a worker for each queue."""

from __future__ import annotations

import asyncio
from functools import partial

from cloud_tasks.compose.fleet import PAUSES
from cloud_tasks.compose.fleet import Fleet as Supervisor
from cloud_tasks.shell import WorkerShell
from simulation.clocks import HostClock
from simulation.fleet import SimulatedWorker
from simulation.judges.judge import TOLERANCE_S
from simulation.loop import SimulationLoop
from simulation.supervised.post import Post, SupervisedShell
from simulation.verdict import Violation

INJECTED = "injected by the simulation"


class InjectedError(Exception):
    """What a worker fails with."""


class Process:
    """A process with a supervisor in it.

    Args:
        number: Which.
        posts: The queues.
        loop: Time.

    Attributes:
        host: What can be killed as a whole.
        over: Whether it has come to its end.
        restarts: How often a worker was put together again.
        late: What took longer than it may.
    """

    def __init__(self, number: int, posts: list[Post], loop: SimulationLoop) -> None:
        self.host = loop.add_host(f"process-{number}")
        self.over = False
        self.restarts = 0
        self.late: list[Violation] = []
        self._loop = loop
        self._workers: dict[str, SimulatedWorker] = {}
        self._posts = {post.name: post for post in posts}
        self._failures: dict[str, list[float]] = {name: [] for name in self._posts}
        self._supervisor = Supervisor(
            {name: partial(self._make, name) for name in self._failures},
            HostClock(loop),
            on_failure=self._note_failure,
        )
        loop.start_on(self.host, self._live())

    async def _live(self) -> None:
        await self._supervisor.run()
        self.over = True

    def fail(self, name: str) -> None:
        """The worker of a queue fails, if it is at work."""
        worker = self._workers.get(name)
        if worker is not None and worker.running and worker.shell is not None:
            self._loop.at(self.host, 0.0, worker.shell.fail, InjectedError(INJECTED))

    def kill(self) -> None:
        """SIGKILL."""
        if not self.over:
            self.over = True
            self._loop.kill(self.host)
            for name, worker in self._workers.items():
                self._posts[name].fleet.kill(worker)

    def give_notice(self, in_s: float) -> None:
        """The machine goes in so many seconds; all workers on it are told."""
        for name, worker in self._workers.items():
            self._posts[name].fleet.give_notice(worker, in_s)

    def terminate(self) -> None:
        """SIGTERM."""
        if not self.over:
            self._loop.at(self.host, 0.0, self._supervisor.request_shutdown, "SIGTERM")

    async def _make(self, name: str) -> WorkerShell:
        self._check_pause(name)
        await asyncio.sleep(0)
        fleet = self._posts[name].fleet
        worker = self._workers[name] = fleet.enlist()
        shell = fleet.put_together(worker, SupervisedShell)
        shell.post, shell.worker = self._posts[name], worker
        return shell

    def _note_failure(self, name: str, error: Exception) -> None:
        if not isinstance(error, InjectedError):
            self.late.append(Violation("S19", self._loop.now, f"{name} failed: {error!r}"))
        self._failures[name].append(self._loop.now)

    def _check_pause(self, name: str) -> None:
        """A worker that has failed is put together again, after a pause that doubles up to a bound."""
        failures = self._failures[name]
        if not failures:
            return
        self.restarts += 1
        paused_s = self._loop.now - failures[-1]
        most_s = min(PAUSES.cap_s, PAUSES.base_s * PAUSES.factor ** (len(failures) - 1))
        least_s = PAUSES.base_s * (1.0 - PAUSES.jitter)
        if not least_s - TOLERANCE_S <= paused_s <= most_s + TOLERANCE_S:
            told = f"{name} begins again after {paused_s} s, where {least_s} to {most_s} are meant"
            self.late.append(Violation("L4", self._loop.now, told))
