"""S5, S6: who runs what at the same time."""

from __future__ import annotations

from fakes.history import FactKind
from simulation.happenings import QueueChanged, RunBegan, RunOver, RunRequested
from simulation.history import History
from simulation.judges.books import Books
from simulation.judges.judge import TOLERANCE_S, Bench
from simulation.judges.records import Holding, Life, RunRecord

ORPHAN_S = 0.1
"""How long a run may outlive its worker."""
_SETTLED = frozenset((FactKind.ACKED, FactKind.NACKED, FactKind.DEAD_LETTERED))


class OverlapJudge:
    """Looks at the runs of a task whenever one begins or ends, or its lease does.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
        stop_s: From SIGTERM to SIGKILL.
    """

    def __init__(self, bench: Bench, books: Books, stop_s: float) -> None:
        self._bench = bench
        self._s5 = bench.watch("S5")
        self._s6 = bench.watch("S6")
        self._books = books
        self._stop_s = stop_s

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(RunRequested, self._on_requested)
        history.on(RunBegan, self._on_began)
        history.on(RunOver, self._on_over)
        history.on(QueueChanged, self._on_settled, *_SETTLED)
        history.on(QueueChanged, self._on_expired, FactKind.EXPIRED)

    def finish(self) -> None:
        """Runs that never ended."""
        for run in self._books.runs.values():
            if run.over_at is None and run.began_at is not None:
                self._check_lost(run, self._bench.now())
                if run.holding is not None and run.holding.over is FactKind.EXPIRED:
                    self._check_fence(run, run.holding, self._bench.now())

    def _on_requested(self, happening: RunRequested) -> None:
        life = self._books.life
        runs = () if life is None else life.runs.get(happening.task_id, ())
        alive = len(runs) if len(runs) <= 1 else sum(_may_be_one(self._books.run, one) for one in runs)
        self._s5.looks += 1
        if alive > 1:
            self._s5.broken(
                "{} runs of it at a time", alive, task_id=happening.task_id, worker=happening.worker
            )
        holding = self._books.holding
        if holding is not None and life is not None and self._bench.exact:
            self._check_in_time(holding, life, happening.at)

    def _check_in_time(self, holding: Holding, life: Life, at: float) -> None:
        """A run is not even asked for when, by all that the worker knows, others may have the task."""
        late_s = at - holding.known_end - (life.halted_s(at) - holding.renewed_halted_s)
        self._s6.looks += 1
        if late_s > self._bench.tolerance_s:
            self._s6.broken(
                "a run is asked for {} s after its lease was over, as the worker had to know",
                late_s,
                task_id=holding.message.task_id,
                worker=life.name,
            )

    def _on_began(self, happening: RunBegan) -> None:
        run = self._books.run
        for other in self._books.others.get(happening.task_id, ()):
            if (
                run is None
                or other.worker == run.worker
                or other.began_at is None
                or other.over_at is not None
                or not _may_be_one(run, other)
            ):
                continue
            earlier = _earlier(run.holding, other.holding)
            self._bench.check(
                "S6",
                earlier is None or earlier.over is not None,
                "runs here and on {} at a time, within the earlier lease",
                other.worker,
                task_id=happening.task_id,
                worker=happening.worker,
            )
        self._s6.looks += 1

    def _on_over(self, happening: RunOver) -> None:
        run = self._books.run
        if run is not None:
            self._check_lost(run, happening.at)
            holding = run.holding
            if holding is not None and holding.over is FactKind.EXPIRED:
                self._check_fence(run, holding, happening.at)

    def _check_lost(self, run: RunRecord, over_at: float) -> None:
        """Once the worker knows that the lease is lost, the run is over within a bound."""
        holding, life = run.holding, self._books.lives.get(run.worker)
        if holding is None or holding.lost_at is None or life is None or run.began_at is None:
            return
        known_at = max(holding.lost_at, run.began_at)
        by = known_at + self._stop_s + life.halted_s(over_at) - run.halted_s + ORPHAN_S + self._bench.slack_s
        self._bench.check(
            "S6",
            over_at <= by,
            "runs on for {} s after the worker was told that the lease is lost",
            over_at - known_at,
            task_id=run.task_id,
            worker=run.worker,
        )

    def _on_settled(self, happening: QueueChanged) -> None:
        fact, holding = happening.fact, self._books.holding
        run = None if holding is None else holding.run
        if holding is None or run is None or fact.reason == "max_receive_count":  # by the queue itself
            return
        self._s6.looks += 1
        if run.began_at is not None and run.over_at is None:
            self._s6.broken(
                "{} while its run goes on", fact.kind, task_id=happening.task_id, worker=holding.worker
            )

    def _on_expired(self, happening: QueueChanged) -> None:
        holding = self._books.holding
        if holding is not None and holding.run is not None and happening.fact.reason != "duplicate":
            self._check_fence(holding.run, holding, self._bench.now())

    def _check_fence(self, run: RunRecord, holding: Holding, now: float) -> None:
        """A run is over when its lease is, unless its worker could not see to that."""
        if (
            run.began_at is None
            or holding.over_at >= (now if run.over_at is None else run.over_at) - self._bench.tolerance_s
        ):
            return
        life = self._books.lives.get(run.worker)
        self._bench.check(
            "S6",
            (run.over_at is not None and run.over_at <= run.began_at + TOLERANCE_S)
            or self._cannot_keep(run, holding, life, now if run.over_at is None else run.over_at),
            "still runs although its lease ended at {} s",
            holding.over_at,
            task_id=run.task_id,
            worker=run.worker,
        )

    def _cannot_keep(self, run: RunRecord, holding: Holding, life: Life | None, at: float) -> bool:
        """Whether the worker was stopped or killed, or the broker took the lease away, or it came late."""
        if life is None or life.over_at is not None:
            return True
        if holding.extended_at > holding.over_at:  # it was told that the lease lasts
            return True
        halted_s = life.halted_s(at) - holding.renewed_halted_s
        if (
            halted_s > 0
            and at - holding.over_at <= halted_s + 2 * self._stop_s + ORPHAN_S + self._bench.slack_s
        ):
            return True
        began_at = run.began_at or 0.0
        return holding.until > holding.over_at + TOLERANCE_S or began_at > holding.known_end


def _may_be_one(one: RunRecord | None, other: RunRecord) -> bool:
    """Whether two runs may be about one message; a task that was sent twice has several."""
    if one is None or one.holding is None or other.holding is None:
        return True
    return one.holding.message is other.holding.message


def _earlier(one: Holding | None, other: Holding | None) -> Holding | None:
    """Of two deliveries of a message the one that came first; None where none is known."""
    if one is None or other is None:
        return one or other
    return one if one.number < other.number else other
