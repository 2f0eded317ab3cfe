"""A job on machines that vanish: workers killed one after the other, the server restarted in the middle."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable

from msgspec import Struct

from cloud_tasks.summary.values import EXIT_STATUS_OF_SIGNAL
from tests.e2e import guide_app as app
from tests.e2e.programs import wait_until
from tests.e2e.workers import Site

LEASE_S = 3
CONCURRENCY = 8
_BUSY_SHARE = 0.5
"""Of the runs that are possible while workers are killed; the rest is their starts and what is run again."""


class Soaked(Struct):
    """What came of it.

    Attributes:
        tasks: How many were dispatched.
        kills: How many workers were killed.
        runs: How often each task was run to its end.
        lost: Tasks that were never run.
        unexplained: Runs before the last of a task, of workers that were not killed and while the server was
            up, and what is known of them.
        orphans: Processes of tasks that outlived their worker.
        left: What is still in the queue.
    """

    tasks: int
    kills: int
    runs: Counter[str]
    lost: list[str]
    unexplained: list[str]
    orphans: list[int]
    left: dict[str, int]

    @property
    def duplicates(self) -> int:
        """Runs more than tasks."""
        return self.runs.total() - len(self.runs)


class Soak:
    """One such job.

    Args:
        site: Where it takes place.
        queue: Its queue.
        restart: Restarts the server; None: it has none.
        workers: How many workers at a time.
    """

    def __init__(self, site: Site, queue: str, restart: Callable[[], None] | None, workers: int = 2) -> None:
        self._site = site
        self._queue = queue
        self._restart = restart
        self._count = workers
        self._killed: set[str] = set()
        self._disturbed: set[str] = set()

    def run(self, tasks: int, kill_s: float, every_s: float = 1.0) -> Soaked:
        """Dispatch tasks, kill a worker every so often for so long, and let the rest be worked off.

        Args:
            tasks: How many.
            kill_s: For how long workers are killed.
            every_s: Time between two kills.
        """
        site = self._site
        # As long as the kills last, there is work under way.
        task_s = min(0.5, kill_s * self._count * CONCURRENCY * _BUSY_SHARE / tasks)
        site.dispatch(lambda: self._fill(tasks, task_s))
        alive = [self._start() for _ in range(self._count)]
        began = time.monotonic()
        restarted = self._restart is None
        while time.monotonic() - began < kill_s:
            time.sleep(every_s)
            number = alive.pop(0)
            site.workers[number].kill()
            site.workers[number].wait()
            self._killed.add(str(number))
            alive.append(self._start())
            self._supervise(alive)
            if not restarted and time.monotonic() - began > kill_s / 2:
                restarted = True
                self._disturbed.update(map(str, alive))
                assert self._restart is not None
                self._restart()
        wait_until(lambda: self._supervise(alive) and self._all_ran(tasks), limit_s=120)
        wait_until(self._is_empty, limit_s=60)
        for number in alive:
            status = site.end(site.workers[number])
            # One that is still starting up holds nothing, and gives up: by the signal, or with its status.
            gave_up = status in {-signal.SIGTERM, EXIT_STATUS_OF_SIGNAL["SIGTERM"]} and not site.log(number)
            assert status == 0 or gave_up, (status, site.log(number))
        return self._looked_at(tasks)

    def _supervise(self, alive: list[int]) -> bool:
        """Start workers anew that ended by themselves, because they found no server when they started."""
        for place, number in enumerate(alive):
            status = self._site.workers[number].poll()
            if status is not None:
                assert status == 1, self._site.log(number)
                alive[place] = self._start()
        return True

    def _all_ran(self, tasks: int) -> bool:
        return len({line.split()[0] for line in self._site.lines()}) >= tasks

    async def _fill(self, tasks: int, task_s: float) -> None:
        for number in range(tasks):
            function = app.mark_in_pool if number % 4 == 0 else app.mark
            await function.dispatch(str(self._site.file), f"task-{number}", task_s, queue=self._queue)

    def _start(self) -> int:
        number = len(self._site.workers)
        self._site.worker(
            *("--queues", self._queue, "--concurrency", str(CONCURRENCY), "--process-pool-size", "2"),
            *("--task-defaults-visibility-timeout", str(LEASE_S)),
            SOAK_WORKER=str(number),
        )
        return number

    def _is_empty(self) -> bool:
        depth = self._site.depth(self._queue)
        return not any(depth[name] for name in ("visible", "in_flight", "delayed") if name in depth)

    def _looked_at(self, tasks: int) -> Soaked:
        lines = [line.split() for line in self._site.lines()]
        runs = Counter(name for name, _, _ in lines)
        last = {name: number for number, (name, _, _) in enumerate(lines)}
        excused = self._killed | self._disturbed
        return Soaked(
            tasks=tasks,
            kills=len(self._killed),
            runs=runs,
            lost=[name for number in range(tasks) if (name := f"task-{number}") not in runs],
            unexplained=[
                " ".join(line)
                for number, line in enumerate(lines)
                if number != last[line[0]] and line[1] not in excused
            ],
            orphans=sorted({int(pid) for _, _, pid in lines if _is_alive(int(pid))}),
            left=self._site.depth(self._queue),
        )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
