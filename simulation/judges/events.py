"""S17: the events of a worker are a word of its grammar."""

from __future__ import annotations

from cloud_tasks.core.events import Event, FatalException, TaskEvent, WorkerStarted, WorkerStopped
from cloud_tasks.summary.builder import OUTCOMES
from simulation.happenings import CallAnswered, EventStored, RunRequested
from simulation.history import History
from simulation.judges.books import Books
from simulation.judges.judge import Bench
from simulation.judges.records import Life


class EventsJudge:
    """Reads what each worker has recorded.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
    """

    def __init__(self, bench: Bench, books: Books) -> None:
        self._bench = bench
        self._s17 = bench.watch("S17")
        self._s19 = bench.watch("S19")
        self._books = books
        self._last: dict[str, Event] = {}
        self._counts: dict[str, dict[str, int]] = {}
        self._open: dict[tuple[str, str], int] = {}
        """How often each task was delivered to each worker without an event that ends an attempt at it."""
        self._untold: dict[str, dict[str, int]] = {}
        """Of each worker, how many runs of each task were asked for that no event has ended yet."""

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(CallAnswered, self._on_received, "receive")
        history.on(RunRequested, self._on_requested)
        history.on(EventStored, self._on_stored)

    def finish(self) -> None:
        """Everything was said when it was seen."""

    def _on_received(self, happening: CallAnswered) -> None:
        for lease in happening.leases:
            whose = happening.worker, lease.task.task_id
            self._open[whose] = self._open.get(whose, 0) + 1

    def _on_requested(self, happening: RunRequested) -> None:
        holding = self._books.holding
        if holding is not None and holding.requests == 1:  # a start that failed may be tried again
            untold = self._untold.setdefault(happening.worker, {})
            untold[happening.task_id] = untold.get(happening.task_id, 0) + 1

    def _on_stored(self, happening: EventStored) -> None:
        event, worker, life = happening.event, happening.worker, self._books.life
        if self._books.repeated and life is not None:
            failures = life.events[id(event)][1]
            self._bench.check(
                "S17",
                life.store_failures > failures,
                "{} is recorded twice, and no attempt to store it had failed",
                event.event_type,
                worker=worker,
            )
            return
        last = self._last.get(worker)
        self._last[worker] = event
        self._s17.looks += 1
        if (type(event) is WorkerStarted) != (last is None) or type(last) is WorkerStopped:
            self._s17.broken(
                "{} after {}", event.event_type, None if last is None else last.event_type, worker=worker
            )
        self._s19.looks += 1
        if type(event) is FatalException:
            self._s19.broken("{}", event, worker=worker)
        if isinstance(event, TaskEvent):
            self._count(event, worker)
        elif type(event) is WorkerStopped:
            self._check_counts(event, happening)

    def _count(self, event: TaskEvent, worker: str) -> None:
        whose = worker, event.task_id
        left = self._open.pop(whose, 0) - 1
        if left:
            self._open[whose] = left
        self._s17.looks += 1
        if left < 0:
            self._s17.broken(
                "events end {} more of its attempts here than it was delivered",
                -left,
                task_id=event.task_id,
                worker=worker,
            )
        self._end_run(event, worker)
        counts = self._counts.setdefault(worker, {})
        name = OUTCOMES[type(event)]
        counts[name] = counts.get(name, 0) + 1

    def _may_be_late(self, life: Life | None, at: float) -> bool:
        """Whether the worker has left behind what was still open at the end of its time."""
        return life is None or at >= life.exit_by - self._bench.early_s

    def _end_run(self, event: TaskEvent, worker: str) -> None:
        """One run less to be told of; what was refused was not run."""
        untold = self._untold.get(worker, {})
        left = untold.get(event.task_id, 0) - 1
        if left > 0:
            untold[event.task_id] = left
        elif left == 0:
            del untold[event.task_id]

    def _check_counts(self, event: WorkerStopped, happening: EventStored) -> None:
        """What was stored before is what is counted, but for what nobody could confirm in time."""
        worker = happening.worker
        stored = self._counts.get(worker, {})
        counted = {name: number for name, number in event.counts.items() if number}
        life = self._books.life
        exact = life is None or (not life.store_failures and happening.at <= life.exit_by)
        kept = all(number <= stored.get(name, 0) for name, number in counted.items())
        self._bench.check(
            "S17",
            kept and (counted == stored or not exact),
            "it counts {}, and has recorded {}",
            counted,
            stored,
            worker=worker,
        )
        untold = self._untold.get(worker, {})
        self._bench.check(
            "S17",
            not (untold and exact and self._bench.exact) or self._may_be_late(life, happening.at),
            "it ends, and no event has ended its runs of {}",
            [*untold],
            worker=worker,
        )
