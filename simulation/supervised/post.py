"""`Post`: a queue that every process has a worker for; and that worker."""

from __future__ import annotations

from typing import Any

from cloud_tasks.shell import WorkerShell
from cloud_tasks.summary import Summary
from simulation.fleet import SimulatedWorker
from simulation.happenings import EndAsked, EndHeard, RunBegan, WorkerEnded, WorkerKilled
from simulation.judges import all_judges
from simulation.judges.judge import Bench
from simulation.loop import SimulationLoop
from simulation.plan import RunPlan
from simulation.world import World


class Post(World):
    """A queue, with its tasks, and with judges of its own.

    Attributes:
        name: Of the queue.
        bench: Where they say what they have found.
        judges: They.
        attempts: How many runs of tasks began.
    """

    def __init__(self, name: str, plan: RunPlan, loop: SimulationLoop) -> None:
        super().__init__(plan, loop=loop)
        self.name = name
        self.fleet.restarts = False
        self.fleet.prefix = f"{name}-worker"
        self.bench = Bench(plan, loop.time)
        self.judges = all_judges(self.bench, self)
        for judge in self.judges:
            judge.listen(self.history)
        self.attempts = 0
        self.history.on(RunBegan, self._count)
        self.plan_tasks()
        self.plan_strikes()

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
        self.post.history.tell(kind(at=self.post.loop.now, worker=self.worker.host.name, **more))
