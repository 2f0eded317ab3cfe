"""S19: nothing is left of a worker that has ended, and no exception went unseen."""

from __future__ import annotations

from collections.abc import Callable

from simulation.history import History
from simulation.judges.books import Books
from simulation.judges.judge import Bench
from simulation.loop import SimulationLoop


class ResidueJudge:
    """Looks at the event loop when all is over.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
        loop: Where everything ran.
        left_of_job: What is left of monitors and producers that have ended.
    """

    def __init__(
        self, bench: Bench, books: Books, loop: SimulationLoop, left_of_job: Callable[[], list[str]]
    ) -> None:
        self._bench = bench
        self._books = books
        self._loop = loop
        self._left_of_job = left_of_job

    def listen(self, history: History) -> None:
        """Nothing is needed."""

    def finish(self) -> None:
        """See `Judge`."""
        self._loop.look_for_unseen()
        faults = self._loop.faults
        first = faults[0] if faults else {}
        self._bench.check(
            "S19",
            not faults,
            "{} exceptions that nobody looked at; the first: {} {!r}",
            len(faults),
            first.get("message"),
            first.get("exception"),
        )
        left_of_job = self._left_of_job()
        self._bench.check("S19", not left_of_job, "tasks are left of what has ended: {}", left_of_job)
        for worker, left in sorted(self._left().items()):
            self._bench.check(
                "S19", not left, "tasks are left of a worker that has ended: {}", left, worker=worker
            )

    def _left(self) -> dict[str, list[str]]:
        """What coroutines still wait, by the worker that has ended."""
        left: dict[str, list[str]] = {
            life.name: [] for life in self._books.lives.values() if life.ended_at is not None
        }
        for task in self._loop.pending():
            host = task.get_name().partition(":")[0]
            if host in left:
                left[host].append(getattr(task.get_coro(), "__qualname__", "?"))
        return {worker: sorted(names) for worker, names in left.items()}
