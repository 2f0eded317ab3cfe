"""A run of supervisors, and its report."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from msgspec import Struct, structs

from simulation.fleet import RESTART_S
from simulation.loop import SimulationLoop, StandstillError
from simulation.schedule import RandomSchedule
from simulation.shares import share_of
from simulation.streams import Streams
from simulation.strikes import TIMED
from simulation.supervised.plan import SupervisedPlan
from simulation.supervised.post import Post
from simulation.supervised.process import INJECTED, Process
from simulation.verdict import Violation

END_S = 6.0
"""From the end of the grace period to the last sign of life."""
NOTICES_S = (120.0, 30.0)
"""How soon machines go that are told so, as AWS and as GCP and Azure have it."""


class SupervisedReport(Struct, frozen=True):
    """What came of a run.

    Attributes:
        violations: Promises that were not kept.
        attempts: How many runs of tasks began.
        restarts: How often a worker was put together again.
        crashes: How many processes were killed.
        notices: How many machines were told that they would go, and went.
        strikes: How many faults struck, at a time, that a service or a machine has.
    """

    violations: tuple[Violation, ...]
    attempts: int
    restarts: int
    crashes: int
    notices: int
    strikes: int


class SupervisedRun:
    """Lives through a plan.

    Args:
        plan: It.
    """

    def __init__(self, plan: SupervisedPlan) -> None:
        seed = plan.queue.seed
        self._plan = plan
        self._loop = SimulationLoop(RandomSchedule(Streams(seed).of("schedule")))
        self._posts = [
            Post(f"queue-{at}", structs.replace(plan.queue, seed=seed + at), self._loop)
            for at in range(plan.queues)
        ]
        self._all: list[Process] = []
        self._processes = [self._start() for _ in range(plan.processes)]
        self._crashes = self._notices = 0
        self._ending = False

    def run(self) -> SupervisedReport:
        """From the first process to the last verdict."""
        try:
            return self._run()
        except StandstillError as error:
            self._posts[0].bench.check("L3", False, "{}", error, worker=error.host)  # noqa: FBT003 - not kept
            return self._report()
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
        self._ending = True
        for process in self._processes:
            process.terminate()
        grace_s = plan.queue.worker.shutdown_grace_period_s
        ended = self._until(lambda: all(process.over for process in self._processes), grace_s + END_S)
        loop.run_until(loop.now + plan.queue.queue.lease_s + END_S)
        for post in self._posts:
            post.end(settled=settled, ended=ended)
        return self._report()

    def _bound_s(self) -> float:
        return max(post.liveness_bound_s() for post in self._posts)

    def _until(self, done: Callable[[], bool], bound_s: float) -> bool:
        limit = self._loop.now + bound_s
        while not done():
            if self._loop.now >= limit:
                return False
            self._loop.run_until(min(limit, self._loop.now + 1.0))
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

        for which in range(plan.notices):
            share, in_s = share_of(plan.queue.seed, "noticed", which), NOTICES_S[which % len(NOTICES_S)]
            loop.at(loop.world, plan.queue.faults_s * share, self._notice, which % plan.processes, in_s)

    def _start(self) -> Process:
        self._all.append(Process(len(self._all) + 1, self._posts, self._loop))
        return self._all[-1]

    def _fail(self, place: int, name: str) -> None:
        self._processes[place].fail(name)

    def _crash(self, place: int) -> None:
        self._crashes += 1
        self._processes[place].kill()
        self._loop.at(self._loop.world, self._loop.now + RESTART_S, self._follow, place)

    def _notice(self, place: int, in_s: float) -> None:
        """A machine is told that it goes, and goes; another takes its place."""
        self._notices += 1
        process = self._processes[place]
        process.give_notice(in_s)
        self._loop.at(self._loop.world, self._loop.now + in_s, self._go, place, process)

    def _go(self, place: int, process: Process) -> None:
        process.kill()
        if self._processes[place] is process:
            self._loop.at(self._loop.world, self._loop.now + RESTART_S, self._follow, place)

    def _follow(self, place: int) -> None:
        if not self._ending:
            self._processes[place] = self._start()

    def _report(self) -> SupervisedReport:
        found = [one for post in self._posts for one in post.bench.violations if INJECTED not in one.what]
        late = [one for process in self._all for one in process.late]
        restarts = sum(process.restarts for process in self._all)
        attempts = sum(post.attempts for post in self._posts)
        strikes = sum(fault.kind in TIMED for post in self._posts for fault in post.faults.injected)
        return SupervisedReport((*found, *late), attempts, restarts, self._crashes, self._notices, strikes)
