"""S13, S14, S15: no more is taken than there is room for, nothing after a notice; the end comes in time."""

from __future__ import annotations

from cloud_tasks.core.events import TaskInterrupted
from cloud_tasks.core.machine import MachineSettings
from simulation.faults import FaultClass
from simulation.happenings import CallIssued, RunRequested, WorkerEnded, WorkerKilled
from simulation.history import History
from simulation.judges import excuses
from simulation.judges.books import Books
from simulation.judges.judge import TOLERANCE_S, Bench
from simulation.judges.records import Holding, Life

CLOSE_S = 5.5
"""What the worker may take beyond its grace period, to let go of everything."""
HAND_BACK_S = 1.0
"""A worker has this much time at least, from hearing of its end, to hand back what it has."""
STAYS_S = 2 * HAND_BACK_S
"""What a worker may stay longer that stood still: to hand back, and once more."""

LINK_UNSEEN = "calls about it failed, or took long; whether it was given up for that is not seen"

STOOD_STILL = "the worker was stopped when it was to hand back"

_SLOW = (FaultClass.SINK_SLOW, FaultClass.EVENTS_SLOW)

SETTLE_S = 0.1
"""From the moment that an event is durable to the settlement, at most, where nothing is in the way."""


class EndingJudge:
    """Watches what a worker takes, and how it ends.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
        settings: What every worker is told.
    """

    def __init__(self, bench: Bench, books: Books, settings: MachineSettings) -> None:
        self._bench = bench
        self._s13 = bench.watch("S13")
        self._s15 = bench.watch("S15")
        self._books = books
        self._slots = settings.slots
        self._settle_again_s = settings.settle_backoff.cap_s

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(CallIssued, self._on_receive, "receive")
        history.on(RunRequested, self._on_requested)
        history.on(WorkerEnded, self._on_ended)
        history.on(WorkerKilled, self._on_killed)

    def finish(self) -> None:
        """Workers that should have ended and have not."""
        for life in self._books.lives.values():
            if life.over_at is None:
                self._check_exit(life, self._bench.now())

    # -- taking ------------------------------------------------------------------------------------------

    def _on_receive(self, happening: CallIssued) -> None:
        life = self._books.life
        if life is None:
            return
        self._check_open(life, happening.at, "asks for tasks")
        room = self._slots - life.occupied
        self._s13.looks += 1
        if happening.tasks_max > room:
            self._s13.broken(
                "asks for {} tasks, and {} slots are free", happening.tasks_max, room, worker=life.name
            )

    def _on_requested(self, happening: RunRequested) -> None:
        life = self._books.life
        if life is None:
            return
        self._check_open(life, happening.at, "starts a task")
        alive = life.occupied - life.dying
        self._s13.looks += 1
        if alive > self._slots:
            self._s13.broken(
                "{} runs in {} slots", alive, self._slots, task_id=happening.task_id, worker=life.name
            )
        self._s15.looks += 1
        if alive <= self._slots and life.occupied > self._slots:
            self._s15.broken(
                "a slot is used again while something is left of the run before",
                task_id=happening.task_id,
                worker=life.name,
            )

    def _check_open(self, life: Life, at: float, what: str) -> None:
        """Nothing is taken once the worker has heard, and had a moment to take it in."""
        heard_at = life.heard_at
        kept = heard_at is None or at <= max(heard_at, life.continued_at) + TOLERANCE_S
        self._s13.looks += 1
        if not kept:
            self._s13.broken("{} after it heard that it is to end", what, worker=life.name)

    # -- the end -----------------------------------------------------------------------------------------

    def _on_ended(self, happening: WorkerEnded) -> None:
        life = self._books.lives[happening.worker]
        self._check_exit(life, happening.at)
        for holdings in life.holdings.values():
            for holding in holdings:
                self._bench.cite(
                    "S14",
                    self._excuse(holding, life, happening.at),
                    "the worker ended without handing it back",
                    task_id=holding.message.task_id,
                    worker=life.name,
                )

    def _on_killed(self, happening: WorkerKilled) -> None:
        """A worker that is late must not be saved by a kill."""
        life = self._books.lives[happening.worker]
        self._check_exit(life, happening.at)

    def _check_exit(self, life: Life, at: float) -> None:
        if life.heard_at is None:
            return
        by = max(life.exit_by, life.heard_at + HAND_BACK_S) + CLOSE_S
        halted_s = life.halted_s(at) - life.heard_halted_s
        if halted_s:
            by += STAYS_S  # beyond its end, to hand back what it came to late
        late_s = at - by - halted_s
        self._bench.check(
            "S14", late_s <= self._bench.tolerance_s, "ends {} s later than it may", late_s, worker=life.name
        )

    def _excuse(  # noqa: PLR0911 - a list of excuses, the strongest first
        self, holding: Holding, life: Life, at: float
    ) -> str:
        """Why it was not handed back; "" if there is no excuse."""
        if holding.open_calls:
            return "a call about it was under way"
        if holding.over is not None or holding.until <= at:  # which the queue may tell later
            return "its lease was over"
        if not holding.heard or _is_crossed(holding, life):
            return excuses.UNWANTED
        if holding.let_go:
            return excuses.LET_GO
        if not self._bench.exact and holding.troubles:
            return LINK_UNSEEN
        if self._is_late(life, at) and (excuse := self._excuse_of_late(holding, life, at)):
            return excuse
        if not self._is_told(holding, life, at) and (life.store_failures or self._sink_is_slow()):
            return "events could not be stored in time"
        longest_s = self._bench.plan.queue.lease_total_s_max - self._bench.early_s
        if excuses.is_longest(holding, longest_s):
            return excuses.LIMIT
        if holding.known_at is not None and holding.known_at >= at - HAND_BACK_S:
            return "it came at the last moment"
        return ""

    def _is_late(self, life: Life, at: float) -> bool:
        """Whether the worker stayed for as long as it could: one that has something to settle does."""
        return at >= life.exit_by - self._bench.early_s - self._bench.slack_s

    def _excuse_of_late(self, holding: Holding, life: Life, at: float) -> str:
        """Why it was not handed back by a worker that stayed to its end."""
        if life.halted_at is not None:
            return STOOD_STILL
        if life.continued_at >= life.stop_from:
            return "" if self._left_at_once(holding, life, at) else STOOD_STILL
        if holding.verdict is None:
            return "calls about it failed, or took long" if holding.troubles else ""
        insisted = holding.waited_s(at, life) <= self._settle_again_s + self._bench.tolerance_s
        return "its settlement failed again and again" if insisted else ""

    def _left_at_once(self, holding: Holding, life: Life, at: float) -> bool:
        """Whether it came late to its end, and did not wait for as long as every plan has to hand back."""
        since = self._late_since(holding, life) if self._bench.exact else None
        return since is not None and at < since + life.hand_back_s - self._bench.early_s

    def _late_since(self, holding: Holding, life: Life) -> float | None:
        """When a worker that had been stopped had time again to hand this back; None where nobody can say."""
        run = holding.run
        if run is not None and run.kill_at is not None and run.kill_at >= life.continued_at:
            return run.kill_at
        # Who is stopped twice has used up its second, and whose clock was stopped too is not late.
        once = life.halts == 1 and not life.suspended
        missed = life.continued_at >= life.exit_by + HAND_BACK_S + self._bench.early_s
        return life.continued_at if once and missed else None

    def _is_told(self, holding: Holding, life: Life, at: float) -> bool:
        """Whether what became of it was durable in time, and the worker knew: then it settles at once."""
        by = min(at - SETTLE_S, life.exit_by) - self._bench.slack_s
        for event, stored_at in life.told.get(holding.message.task_id, ()):
            # What became of an earlier delivery of it here is another matter.
            known = max(life.store_failed_at, holding.issued_at) < stored_at < by
            if known and not (isinstance(event, TaskInterrupted) and event.reason == "lease_lost"):
                return True
        return False

    def _sink_is_slow(self) -> bool:
        plan = self._bench.plan
        return any(kind in plan.odds for kind in _SLOW) or any(fault.kind in _SLOW for fault in plan.faults)


def _is_crossed(holding: Holding, life: Life) -> bool:
    """Whether it came in the moment in which its worker heard of its end, and gave up asking."""
    if life.heard_at is None or holding.known_at is None or holding.run is not None:
        return False
    return abs(holding.known_at - life.heard_at) <= TOLERANCE_S
