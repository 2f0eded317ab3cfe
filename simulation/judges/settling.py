"""S9, S10, S11, S12: what is asked of the queue about a lease that is held."""

from __future__ import annotations

from cloud_tasks.core.machine import MachineSettings
from fakes.history import FactKind
from fakes.queue_options import QueueOptions
from simulation.happenings import CallIssued, QueueChanged
from simulation.history import History
from simulation.judges.books import Books
from simulation.judges.judge import TOLERANCE_S, Bench
from simulation.judges.records import Holding

SETTLEMENTS = frozenset(("ack", "nack", "dead_letter"))


class SettlingJudge:
    """Holds each call about a lease against what the worker knows of that lease.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
        queue: What the queue can do.
        settings: What every worker is told.
    """

    def __init__(self, bench: Bench, books: Books, queue: QueueOptions, settings: MachineSettings) -> None:
        self._bench = bench
        self._s4 = bench.watch("S4")
        self._s11 = bench.watch("S11")
        self._s12 = bench.watch("S12")
        self._books = books
        self._queue = queue
        self._policy = settings.retry

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(CallIssued, self._on_issued, "extend", *SETTLEMENTS)
        history.on(QueueChanged, self._on_extended, FactKind.EXTENDED)

    def finish(self) -> None:
        """Everything was said when it was seen."""

    def _on_issued(self, happening: CallIssued) -> None:
        if not happening.receipt:
            return
        holding = self._books.holding
        known = holding is not None and holding.known_at is not None and holding.worker == happening.worker
        self._s4.looks += 1
        if not known or holding is None or holding.message.task_id != happening.task_id:
            self._s4.broken(
                "{} with receipt {}, which it was never given for this task, or has settled long ago",
                happening.operation,
                happening.receipt,
                task_id=happening.task_id,
                worker=happening.worker,
            )
        if not known or holding is None:
            return
        self._s11.looks += 1
        if happening.receipt != holding.receipt:
            self._s11.broken(
                "{} with receipt {} although {} is the newest",
                happening.operation,
                happening.receipt,
                holding.receipt,
                task_id=happening.task_id,
                worker=happening.worker,
            )
        self._check_not_lost(holding, happening)
        if happening.operation == "extend":
            self._check_extend(holding, happening)
        elif happening.operation in SETTLEMENTS:
            self._check_verdict(holding, happening)

    def _check_not_lost(self, holding: Holding, happening: CallIssued) -> None:
        self._s11.looks += 1
        if holding.lost_at is not None and holding.lost_at < happening.at - TOLERANCE_S:
            self._s11.broken(
                "{} although the queue said that the lease was lost",
                happening.operation,
                task_id=happening.task_id,
                worker=happening.worker,
            )

    def _check_extend(self, holding: Holding, happening: CallIssued) -> None:
        task_id, worker, at = happening.task_id, happening.worker, happening.at
        self._bench.check(
            "S10", holding.verdict is None, "extended after it was settled", task_id=task_id, worker=worker
        )
        self._bench.check(
            "S10",
            holding.open_calls == 1,
            "extended while another call about it is under way",
            task_id=task_id,
            worker=worker,
        )
        seconds, queue = happening.seconds, self._queue
        # Of a machine that was suspended, the clock stood still.
        halted_s = 0.0 if self._books.life is None else self._books.life.halted_s(at) - holding.halted_s
        total_s = at + seconds - holding.issued_at - halted_s
        self._bench.check(
            "S10",
            seconds <= queue.lease_s_max and total_s <= queue.lease_total_s_max + self._bench.early_s,
            "an extension of {} s, and {} s in all, is more than the queue can give",
            seconds,
            total_s,
            task_id=task_id,
            worker=worker,
        )
        late_s = at - holding.known_end
        self._bench.check(
            "S10",
            late_s <= self._bench.tolerance_s or self._may_be_late(holding, at),
            "extended {} s after the lease was over, for a run that goes on",
            late_s,
            task_id=task_id,
            worker=worker,
        )

    def _may_be_late(self, holding: Holding, at: float) -> bool:
        """Whether nothing runs any more, or the worker could not know."""
        run, life = holding.run, self._books.life
        over = run is None or run.over_at is not None
        return over or (life is not None and life.halted_s(at) > holding.halted_s)

    def _check_verdict(self, holding: Holding, happening: CallIssued) -> None:
        verdict = happening.operation, happening.reason, happening.seconds
        first = holding.verdict
        if self._books.first_verdict and happening.operation == "nack":
            self._check_delay(holding, happening)
        task_id, worker = happening.task_id, happening.worker
        if happening.operation == "dead_letter":
            self._bench.check(
                "S9", happening.reason, "a dead letter does not say why", task_id=task_id, worker=worker
            )
        self._s12.looks += 1
        if first != verdict:
            self._s12.broken("settled with {} after {}", verdict, first, task_id=task_id, worker=worker)
        self._s12.looks += 1
        if holding.confirmed:
            self._s12.broken("settled again although it was confirmed", task_id=task_id, worker=worker)
        self._s12.looks += 1
        if holding.open_calls != 1:
            self._s12.broken(
                "settled while another call about it is under way", task_id=task_id, worker=worker
            )

    def _check_delay(self, holding: Holding, happening: CallIssued) -> None:
        """A retry waits as long as the backoff says, within its jitter; what was interrupted does not."""
        most_s = least_s = 0.0
        if happening.reason == "retry":
            backoff, run = self._policy.backoff, holding.run
            attempt = holding.number if run is None else run.attempt
            full_s = min(backoff.cap_s, backoff.base_s * backoff.factor ** min(attempt - 1, 60))
            most_s = min(full_s, self._queue.delay_s_max)
            least_s = min(full_s * (1 - backoff.jitter), self._queue.delay_s_max)
        elif happening.reason == "skipped":
            return
        self._bench.check(
            "S8",
            least_s - TOLERANCE_S <= happening.seconds <= most_s + TOLERANCE_S,
            "handed back for {} s, not {} to {}",
            happening.seconds,
            least_s,
            most_s,
            task_id=happening.task_id,
            worker=happening.worker,
        )

    def _on_extended(self, happening: QueueChanged) -> None:
        fact, holding = happening.fact, self._books.holding
        held_s = (fact.until or 0.0) - (fact.at if holding is None else holding.at)
        self._bench.check(
            "S10",
            held_s <= self._queue.lease_total_s_max + TOLERANCE_S,
            "held for {} s in all",
            held_s,
            task_id=happening.task_id,
            worker=happening.worker,
        )
