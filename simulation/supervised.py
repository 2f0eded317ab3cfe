"""Supervisors: processes that run a worker for each of several queues, some of which fail now and then."""

from __future__ import annotations

import asyncio
import itertools
from functools import partial
from typing import Any

from msgspec import Struct, structs

from cloud_tasks.compose.fleet import PAUSES
from cloud_tasks.compose.fleet import Fleet as Supervisor
from cloud_tasks.shell import WorkerShell
from cloud_tasks.summary import Summary
from simulation.clocks import HostClock
from simulation.faults import share_of
from simulation.fleet import RESTART_S, SimulatedWorker
from simulation.history import EndAsked, EndHeard, RunBegan, WorkerEnded, WorkerKilled
from simulation.judges import all_judges
from simulation.judges.judge import TOLERANCE_S, Bench
from simulation.loop import SimulationLoop
from simulation.plan import RunPlan
from simulation.schedule import RandomSchedule
from simulation.streams import Streams
from simulation.verdict import Violation
from simulation.world import World

INJECTED = "injected by the simulation"
END_S = 6.0
"""From the end of the grace period to the last sign of life."""


class InjectedError(Exception):
    """What a worker fails with."""


class SupervisedPlan(Struct, frozen=True, kw_only=True):
    """What a run follows from.

    Attributes:
        queue: What each queue, its tasks and its workers follow from; of its faults only the odds.
        queues: How many queues.
        processes: How many processes, each with a worker for every queue.
        failures: How often each of these workers fails, all those that follow one another included.
        crashes: How many processes are killed.
    """

    queue: RunPlan
    queues: int = 2
    processes: int = 2
    failures: int = 3
    crashes: int = 1


class Post(World):
    """A queue, with its tasks, and with judges of its own.

    Attributes:
        bench: Where they say what they have found.
        judges: They.
        attempts: How many runs of tasks began.
    """

    def __init__(self, plan: RunPlan, loop: SimulationLoop) -> None:
        super().__init__(plan, loop=loop)
        self.fleet.restarts = False
        self.bench = Bench(plan, loop.time)
        self.judges = all_judges(self.bench, self)
        for judge in self.judges:
            judge.listen(self.history)
        self.attempts = 0
        self.history.on(RunBegan, self._count)
        self.plan_tasks()

    def _count(self, _: RunBegan) -> None:
        self.attempts += 1

    def end(self, *, settled: bool, ended: bool) -> None:
        """Have the judges say what can only be said now."""
        self.settled, self.ended = settled, ended
        for judge in self.judges:
            judge.finish()


class SupervisedShell(WorkerShell):
    """A worker whose beginning and end somebody else sees to: what becomes of it is told.

    Attributes:
        post: The queue that it is for.
        worker: Its place.
    """

    post: Post
    worker: SimulatedWorker

    def request_shutdown(self, signal_name: str) -> None:
        """See `WorkerShell`."""
        within_s = self.post.plan.worker.shutdown_grace_period_s
        self._tell(EndAsked, why="sigterm", within_s=within_s)
        self._tell(EndHeard, why="sigterm", within_s=within_s)
        super().request_shutdown(signal_name)

    def fail(self, error: Exception) -> None:
        """See `WorkerShell`: it ends at once, and hands nothing back."""
        self._tell(EndHeard, why="failure", within_s=0.0)
        super().fail(error)

    async def run(self) -> Summary:
        """See `WorkerShell`."""
        try:
            summary = await super().run()
        except Exception:
            self.worker.running = False
            self._tell(WorkerKilled)
            raise
        self.worker.running = False
        self._tell(WorkerEnded, reason=summary.reason)
        return summary

    def _tell(self, kind: Any, **more: object) -> None:
        self.post.history.tell(kind(at=self.post.loop.time(), worker=self.worker.host.name, **more))


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
        self._failures: dict[str, list[float]] = {f"queue-{at}": [] for at in range(len(posts))}
        self._posts = dict(zip(self._failures, posts, strict=True))
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
            self.late.append(Violation("S19", self._loop.time(), f"{name} failed: {error!r}"))
        self._failures[name].append(self._loop.time())

    def _check_pause(self, name: str) -> None:
        """A worker that has failed is put together again, after a pause that doubles up to a bound."""
        failures = self._failures[name]
        if not failures:
            return
        self.restarts += 1
        paused_s = self._loop.time() - failures[-1]
        most_s = min(PAUSES.cap_s, PAUSES.base_s * PAUSES.factor ** (len(failures) - 1))
        least_s = PAUSES.base_s * (1.0 - PAUSES.jitter)
        if not least_s - TOLERANCE_S <= paused_s <= most_s + TOLERANCE_S:
            told = f"{name} begins again after {paused_s} s, where {least_s} to {most_s} are meant"
            self.late.append(Violation("L4", self._loop.time(), told))


class SupervisedReport(Struct, frozen=True):
    """What came of a run.

    Attributes:
        violations: Promises that were not kept.
        attempts: How many runs of tasks began.
        restarts: How often a worker was put together again.
        crashes: How many processes were killed.
    """

    violations: tuple[Violation, ...]
    attempts: int
    restarts: int
    crashes: int


class SupervisedRun:
    """Lives through a plan.

    Args:
        plan: It.
    """

    def __init__(self, plan: SupervisedPlan) -> None:
        seed = plan.queue.seed
        self._plan = plan
        self._loop = SimulationLoop(RandomSchedule(Streams(seed).of("schedule")))
        plans = [structs.replace(plan.queue, seed=seed + at, faults=()) for at in range(plan.queues)]
        self._posts = [Post(one, self._loop) for one in plans]
        self._all: list[Process] = []
        self._processes = [self._start() for _ in range(plan.processes)]
        self._crashes = 0

    def run(self) -> SupervisedReport:
        """From the first process to the last verdict."""
        try:
            return self._run()
        finally:
            for post in self._posts:
                post.close()

    def _run(self) -> SupervisedReport:
        plan, loop = self._plan, self._loop
        self._plan_faults()
        loop.run_until(plan.queue.faults_s)
        for post in self._posts:
            post.come_to_rest()
        settled = self._until(lambda: all(post.all_settled() for post in self._posts), self._bound_s())
        for process in self._processes:
            process.terminate()
        grace_s = plan.queue.worker.shutdown_grace_period_s
        ended = self._until(lambda: all(process.over for process in self._processes), grace_s + END_S)
        loop.run_until(loop.time() + plan.queue.queue.lease_s + END_S)
        for post in self._posts:
            post.end(settled=settled, ended=ended)
        return self._report()

    def _bound_s(self) -> float:
        return max(post.liveness_bound_s() for post in self._posts)

    def _until(self, done: Any, bound_s: float) -> bool:
        limit = self._loop.time() + bound_s
        while not done():
            if self._loop.time() >= limit:
                return False
            self._loop.run_until(min(limit, self._loop.time() + 1.0))
        return True

    def _plan_faults(self) -> None:
        plan, loop = self._plan, self._loop
        for place, at, which in itertools.product(
            range(plan.processes), range(plan.queues), range(plan.failures)
        ):
            moment = plan.queue.faults_s * share_of(plan.queue.seed, "fails", place, at, which)
            loop.at(loop.world, moment, self._fail, place, f"queue-{at}")
        for which in range(plan.crashes):
            share = share_of(plan.queue.seed, "crashes", which)
            loop.at(loop.world, plan.queue.faults_s * share, self._crash, which % plan.processes)

    def _start(self) -> Process:
        self._all.append(Process(len(self._all) + 1, self._posts, self._loop))
        return self._all[-1]

    def _fail(self, place: int, name: str) -> None:
        self._processes[place].fail(name)

    def _crash(self, place: int) -> None:
        self._crashes += 1
        self._processes[place].kill()
        self._loop.at(self._loop.world, self._loop.time() + RESTART_S, self._follow, place)

    def _follow(self, place: int) -> None:
        self._processes[place] = self._start()

    def _report(self) -> SupervisedReport:
        found = [one for post in self._posts for one in post.bench.violations if INJECTED not in one.what]
        late = [one for process in self._all for one in process.late]
        restarts = sum(process.restarts for process in self._all)
        attempts = sum(post.attempts for post in self._posts)
        return SupervisedReport((*found, *late), attempts, restarts, self._crashes)
