"""S6, S15, S16: a run ends when its time is over, and nothing of it is left; S10: none for want of trying."""

from __future__ import annotations

from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.policy import FENCE_SHARE
from simulation.happenings import RunAsked, RunGone, RunOver, WorkerEnded
from simulation.history import History
from simulation.judges.books import Books
from simulation.judges.excuses import is_longest, was_halted
from simulation.judges.judge import TOLERANCE_S, Bench
from simulation.judges.overlap import ORPHAN_S
from simulation.judges.records import Holding, Life, RunRecord


class RunsJudge:
    """Holds the signals to each run, and its end, against its deadline.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
        settings: What every worker is told.
    """

    def __init__(self, bench: Bench, books: Books, settings: MachineSettings) -> None:
        self._bench = bench
        self._s16 = bench.watch("S16")
        self._books = books
        self._max_runtime_s = settings.max_runtime_s
        self._stop_s = settings.stop_s
        self._start_s_max = settings.start_s_max
        self._extend_again_s = settings.settle_backoff.cap_s

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(RunAsked, self._on_asked)
        history.on(RunOver, self._on_over)
        history.on(RunGone, self._on_gone)
        history.on(WorkerEnded, self._on_ended)

    def finish(self) -> None:
        """Whatever is left now is left for ever."""
        for run in self._books.runs.values():
            life = self._books.lives.get(run.worker)
            left = life is None or life.over_at is not None
            self._bench.check("S15", not left, "run {} outlives its worker", run.number, **_whose(run))
            if life is not None and run.began_at is not None and run.over_at is None:
                self._check_deadline(run, life, self._bench.now())

    # -- signals -----------------------------------------------------------------------------------------

    def _on_asked(self, happening: RunAsked) -> None:
        run, life = self._books.run, self._books.life
        if run is None or life is None:
            return
        if run.over_at is not None:  # its worker has yet to hear of that
            self._note_let_go(run, happening.at)
        elif happening.kill:
            self._check_kill(run, life, happening.at)
        elif run.term_at == happening.at:
            self._check_term(run, life, happening.at)

    def _check_term(self, run: RunRecord, life: Life, at: float) -> None:
        began_at = at if run.began_at is None else run.began_at
        if run.holding is not None and self._bench.exact:
            self._check_fenced(run.holding, life, at)
        may_fence = self._note_let_go(run, at)
        kept = (
            at - began_at >= self._max_runtime_s - self._bench.early_s
            or (run.unheard and at - run.asked_at >= self._start_s_max - self._bench.early_s)
            or life.heard_at is not None
            or may_fence
        )
        self._bench.check("S16", kept, "asked to end after {} s, for no reason", at - began_at, **_whose(run))

    def _check_fenced(self, holding: Holding, life: Life, at: float) -> None:
        """A run whose lease is about to end is asked to end while it can still heed that."""
        if holding.lost_at is not None or holding.extended_at >= at - TOLERANCE_S:
            return  # nobody could know, or it was told this very moment
        ahead_s = min(2 * self._stop_s, holding.term_s * FENCE_SHARE)
        late_s = at - (holding.known_end - ahead_s) - (life.halted_s(at) - holding.renewed_halted_s)
        self._bench.check(
            "S6",
            late_s <= self._bench.tolerance_s,
            "asked to end {} s before the end of its lease, and not {} s before",
            ahead_s - late_s,
            ahead_s,
            task_id=holding.message.task_id,
            worker=holding.worker,
        )

    def _note_let_go(self, run: RunRecord, at: float) -> bool:
        """Whether a worker that ends a run has, or may have, lost its lease; notes that it gives it up."""
        may_fence, holding = self._may_fence(run, at), run.holding
        if may_fence and holding is not None and self._could_not_extend(holding, at):
            if not holding.let_go:
                self._check_insisted(holding, at)
            holding.let_go = True
        return may_fence

    def _could_not_extend(self, holding: Holding, at: float) -> bool:
        """Whether calls about it failed, or its worker was stopped when it would have made them."""
        if holding.troubles or holding.open_calls:
            return True
        life = self._books.lives.get(holding.worker)
        return life is not None and was_halted(holding, life, at)

    def _check_insisted(self, holding: Holding, at: float) -> None:
        """An extension that failed was tried again until the lease was given up."""
        life = self._books.lives.get(holding.worker)
        if holding.refused_at is None or holding.open_calls or life is None:
            return
        if holding.lost_at is not None or holding.verdict is not None:
            return
        idle_s = at - holding.refused_at - (life.halted_s(at) - holding.refused_halted_s)
        self._bench.check(
            "S10",
            idle_s <= self._extend_again_s + self._bench.tolerance_s
            or is_longest(holding, self._bench.plan.queue.lease_total_s_max - self._bench.early_s),
            "its extension failed, and was not tried again for {} s before the lease was given up",
            idle_s,
            task_id=holding.message.task_id,
            worker=holding.worker,
        )

    def _may_fence(self, run: RunRecord, at: float) -> bool:
        """Whether the lease is lost, or about to end by what the worker knew the moment before."""
        holding = run.holding
        if holding is None or holding.lost_at is not None:
            return True
        ends_at = holding.known_end
        if holding.extended_at >= at - TOLERANCE_S:
            ends_at = holding.end_before
        lease_s = ends_at - holding.issued_at
        return at >= ends_at - min(2 * self._stop_s, lease_s * FENCE_SHARE) - self._bench.early_s

    def _check_kill(self, run: RunRecord, life: Life, at: float) -> None:
        """SIGTERM comes first, and the time to heed it, unless the lease or the worker is at its end."""
        ending = life.heard_at is not None
        self._bench.check("S16", run.term_at is not None or ending, "killed without SIGTERM", **_whose(run))
        let_go = run.holding is not None and run.holding.let_go
        # A lease may come to its end while the run is being stopped for another reason.
        if run.term_at is None or ending or let_go or self._note_let_go(run, at):
            return
        self._bench.check(
            "S16",
            at - run.term_at >= self._stop_s - self._bench.early_s,
            "killed {} s after SIGTERM",
            at - run.term_at,
            **_whose(run),
        )

    # -- ends --------------------------------------------------------------------------------------------

    def _on_over(self, happening: RunOver) -> None:
        run, life = self._books.run, self._books.life
        if run is not None and life is not None:
            self._check_deadline(run, life, happening.at)

    def _check_deadline(self, run: RunRecord, life: Life, at: float) -> None:
        began_at = at if run.began_at is None else run.began_at
        halted_s = life.halted_s(at) - run.halted_s
        self._s16.looks += 1
        if at - began_at > self._max_runtime_s + self._stop_s + halted_s + ORPHAN_S + self._bench.slack_s:
            self._s16.broken(
                "ran for {} s, {} of them with its worker stopped", at - began_at, halted_s, **_whose(run)
            )

    def _on_gone(self, happening: RunGone) -> None:
        run, life = self._books.run, self._books.life
        if run is None or life is None or life.over_at is None:
            return
        self._bench.check(
            "S15",
            happening.at <= life.over_at + ORPHAN_S + self._bench.slack_s,
            "gone {} s after its worker",
            happening.at - life.over_at,
            **_whose(run),
        )

    def _on_ended(self, happening: WorkerEnded) -> None:
        life = self._books.lives[happening.worker]
        self._bench.check(
            "S15",
            not life.occupied,
            "{} runs are left when the worker ends",
            life.occupied,
            worker=happening.worker,
        )


def _whose(run: RunRecord) -> dict[str, str]:
    return {"task_id": run.task_id, "worker": run.worker}
