"""S13, L3: a worker that ends without being asked to has had its number, or is idle; and then it does end."""

from __future__ import annotations

from msgspec import Struct

from cloud_tasks.core.machine import MachineSettings
from simulation.happenings import (
    CallAnswered,
    CallIssued,
    EndHeard,
    RunGone,
    RunNotStarted,
    RunOver,
    RunRequested,
    WorkerEnded,
)
from simulation.history import History
from simulation.judges.books import Books
from simulation.judges.judge import Bench
from simulation.judges.records import Life
from simulation.judges.settling import SETTLEMENTS
from simulation.link import SLOW_S_MAX

LINGER_S = 60.0
"""A worker that may end does so after the longest pause between its receives, twice, at the latest."""
ASKED = frozenset(("shutdown", "spot_termination"))
"""Reasons of workers that were asked to end."""
BY_ITSELF = frozenset(("idle", "max_num_tasks"))
"""Reasons of workers that were not."""
_KNOWN = ASKED | BY_ITSELF


class Stay(Struct, eq=False):
    """What a worker has done so far.

    Attributes:
        taken: How many deliveries have reached it that it may have started: all but those that it has put
            with the dead letters unrun.
        started: Of how many a run was asked for.
        busy_until: When it last did something about a task; or when one that it handed back is visible again.
        idle_since: Since when it has had nothing to do and has been told that nothing is there; None while
            that is not so.
        closed_at: When it last heard what became of a delivery.
    """

    taken: int = 0
    started: int = 0
    busy_until: float = 0.0
    idle_since: float | None = None
    closed_at: float = 0.0


class LeavingJudge:
    """Watches workers that are to end after a number of tasks, or when the queue is empty.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
        settings: What every worker is told.
    """

    def __init__(self, bench: Bench, books: Books, settings: MachineSettings) -> None:
        self._bench = bench
        self._books = books
        self._tasks_max = settings.max_num_tasks
        self._idle_s = settings.idle_exit_s
        self._stays: dict[str, Stay] = {}
        idle_s = settings.idle_exit_s or 0.0
        self._early_s = bench.off_by_s(idle_s + bench.plan.worker.longest_retry_delay_s)
        self._linger_s = LINGER_S + settings.poll_wait_s + 2 * SLOW_S_MAX

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(WorkerEnded, self._on_ended)
        if self._tasks_max is None and self._idle_s is None:
            return
        history.on(CallIssued, self._on_receive, "receive")
        history.on(CallAnswered, self._on_received, "receive")
        history.on(CallIssued, self._on_settlement, *SETTLEMENTS)
        history.on(CallAnswered, self._on_answered, "extend", *SETTLEMENTS)
        history.on(RunRequested, self._on_requested)
        history.on(RunOver, self._on_run_over)
        history.on(RunGone, self._on_run_over)
        history.on(RunNotStarted, self._on_run_over)
        history.on(EndHeard, self._on_heard)

    def finish(self) -> None:
        """Everything was said when it was seen."""

    def _stay(self, worker: str) -> Stay:
        return self._stays.setdefault(worker, Stay())

    # -- what it does ------------------------------------------------------------------------------------

    def _on_receive(self, happening: CallIssued) -> None:
        if self._tasks_max is None:
            return
        left = self._tasks_max - self._stay(happening.worker).started
        self._bench.check(
            "S13",
            happening.tasks_max <= left,
            "asks for {} tasks, and is to start {} more",
            happening.tasks_max,
            left,
            worker=happening.worker,
        )

    def _on_received(self, happening: CallAnswered) -> None:
        if not happening.heard:
            return
        stay, life, call = self._stay(happening.worker), self._books.life, self._books.call
        if happening.error or call is None:  # nobody knows whether anything is there
            stay.idle_since = None
            return
        stay.taken += len(happening.leases)
        if stay.idle_since is None and life is not None and not life.occupied:
            stay.idle_since = max(call.at, stay.busy_until)

    def _on_settlement(self, happening: CallIssued) -> None:
        holding = self._books.holding
        if happening.operation != "nack":
            self._note_busy(happening.worker, happening.at)
            unrun = holding is not None and not holding.requests and self._books.first_verdict
            # Which runs are asked for is not seen of every real process.
            if happening.operation == "dead_letter" and unrun and self._bench.exact:
                self._stay(happening.worker).taken -= 1
        elif happening.reason == "retry":
            self._note_busy(happening.worker, happening.at + happening.seconds)

    def _on_answered(self, happening: CallAnswered) -> None:
        self._stay(happening.worker).closed_at = happening.at

    def _on_requested(self, happening: RunRequested) -> None:
        holding = self._books.holding
        if holding is None or holding.requests == 1:  # else a start is tried again
            stay = self._stay(happening.worker)
            stay.started += 1
            self._bench.check(
                "S13",
                self._tasks_max is None or stay.started <= self._tasks_max,
                "starts task {}, where {} are allowed",
                stay.started,
                self._tasks_max,
                task_id=happening.task_id,
                worker=happening.worker,
            )
        self._note_busy(happening.worker, happening.at)

    def _on_run_over(self, happening: RunOver | RunGone | RunNotStarted) -> None:
        self._note_busy(happening.worker, happening.at)

    def _note_busy(self, worker: str, until: float) -> None:
        stay = self._stay(worker)
        stay.idle_since = None
        stay.busy_until = max(stay.busy_until, until)

    # -- how it ends -------------------------------------------------------------------------------------

    def _on_ended(self, happening: WorkerEnded) -> None:
        if not self._bench.exact and happening.reason not in _KNOWN:
            return  # of a real process that did not say why, there is its status alone
        self._bench.check(
            "L3",
            self._may_end(happening.worker, happening.reason, happening.at),
            "a worker ended ({}), and had no reason to",
            happening.reason,
            worker=happening.worker,
        )

    def _may_end(self, worker: str, reason: str, at: float) -> bool:
        stay = self._stay(worker)
        if reason == "idle":
            if self._idle_s is None or stay.idle_since is None:
                return False
            return at - stay.idle_since >= self._idle_s - self._early_s
        if reason == "max_num_tasks":
            return self._tasks_max is not None and stay.taken >= self._tasks_max
        return reason in ASKED and self._books.lives[worker].heard_at is not None

    def _on_heard(self, happening: EndHeard) -> None:
        """It was asked to end; should it have been gone by then?"""
        stay, life = self._stay(happening.worker), self._books.lives[happening.worker]
        if _has_work(life) or life.halted_s(happening.at):
            return
        had_its_number = self._tasks_max is not None and stay.started >= self._tasks_max
        since = max(stay.busy_until, stay.closed_at)
        if not had_its_number:
            if self._idle_s is None or stay.idle_since is None:
                return
            since = max(stay.idle_since, stay.closed_at) + self._idle_s
        late_s = happening.at - since
        self._bench.check(
            "L3",
            late_s <= self._linger_s + self._early_s,
            "is there {} s after it was to end by itself",
            late_s,
            worker=happening.worker,
        )


def _has_work(life: Life) -> bool:
    """Whether there is something that keeps it from ending by itself."""
    if life.occupied:
        return True
    held = (holding for holdings in life.holdings.values() for holding in holdings)
    return any(holding.heard and holding.over is None for holding in held)
