"""S4, S21: the server decides by what was acked, and is told of it, however long it could not be."""

from __future__ import annotations

import math
from typing import Protocol

from cloud_tasks.core.task import Outcome, OutcomeKind
from fakes.history import FactKind
from simulation.backends.conductor.happenings import (
    DiskGone,
    DiskTaken,
    ResultKept,
    ResultRemoved,
    ResultTold,
)
from simulation.happenings import CallAnswered, CallIssued, QueueChanged, WorkerEnded, WorkerKilled
from simulation.history import History
from simulation.judges.books import Books
from simulation.judges.judge import Bench

TELL_S_MAX = 120.0
"""How long it may take to tell the next of the results on a disk: pauses, a call that hangs, a look."""
_FAILED, _TERMINAL = "FAILED", "FAILED_WITH_TERMINAL_ERROR"


class Quiet(Protocol):
    """Knows when nothing goes wrong any more."""

    quiet_at: float
    """When the faults stopped; infinite while they have not."""


class _Place:
    """A disk.

    Attributes:
        since: When its worker began; None while it has none.
        told_at: When the last result was removed from it.
        kept: What is on it, and since when.
    """

    __slots__ = ("kept", "since", "told_at")

    def __init__(self) -> None:
        self.told_at = 0.0
        self.since: float | None = None
        self.kept: dict[str, float] = {}


class ResultsJudge:
    """Follows each result from the ack to the server. For queues that decide about retries.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
        world: Knows when the faults stopped.
    """

    def __init__(self, bench: Bench, books: Books, world: Quiet) -> None:
        self._bench = bench
        self._books = books
        self._world = world
        self._outcomes: dict[str, Outcome | None] = {}
        self._told: set[str] = set()
        self._disks: dict[str, _Place] = {}
        self._disk_of: dict[str, str] = {}

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(CallIssued, self._on_issued)
        history.on(CallAnswered, self._on_answered)
        history.on(QueueChanged, self._on_queue)
        history.on(ResultTold, self._on_told)
        history.on(ResultKept, self._on_kept)
        history.on(ResultRemoved, self._on_removed)
        history.on(DiskTaken, self._on_taken)
        history.on(DiskGone, self._on_gone)
        history.on(WorkerEnded, self._on_over)
        history.on(WorkerKilled, self._on_over)

    def finish(self) -> None:
        """Results that wait on the disk of somebody who could tell them."""
        for disk in self._disks.values():
            self._check_waiting(disk, self._bench.now())

    # -- what is acked -----------------------------------------------------------------------------------

    def _on_issued(self, happening: CallIssued) -> None:
        if happening.operation == "ack":
            self._outcomes[happening.receipt] = happening.outcome

    def _on_answered(self, happening: CallAnswered) -> None:
        call = self._books.call
        if happening.operation != "ack" or happening.error or call is None:
            return
        disk = self._disks.get(self._disk_of.get(happening.worker, ""))
        self._bench.check(
            "S21",
            call.receipt in self._told or (disk is not None and call.receipt in disk.kept),
            "its result is taken for acked, and is neither told to the server nor on disk",
            task_id=happening.task_id,
            worker=happening.worker,
        )

    def _on_queue(self, happening: QueueChanged) -> None:
        """What becomes of a task is what the outcome of its last attempt calls for."""
        fact = happening.fact
        if fact.kind is FactKind.ACKED:
            wanted = "success"
        elif fact.kind is FactKind.NACKED and fact.reason == "retry":
            wanted = "retry"
        elif fact.kind is FactKind.DEAD_LETTERED and fact.reason in (_FAILED, _TERMINAL):
            wanted = "retry" if fact.reason == _FAILED else "failure"
        else:
            return
        acked = fact.receipt in self._outcomes
        meant = _meant(self._outcomes.get(fact.receipt)) if acked else "failure"
        self._bench.check(
            "S4",
            meant == wanted,
            "{} ({}), where the attempt came to a {}",
            fact.kind,
            fact.reason,
            meant,
            task_id=happening.task_id,
            worker=happening.worker,
        )

    # -- what waits --------------------------------------------------------------------------------------

    def _on_told(self, happening: ResultTold) -> None:
        self._told.add(happening.receipt)

    def _on_kept(self, happening: ResultKept) -> None:
        self._disks[happening.disk].kept[happening.receipt] = happening.at

    def _on_removed(self, happening: ResultRemoved) -> None:
        self._bench.check(
            "S21",
            happening.receipt in self._told,
            "a result is removed from the disk that the server was never told: {}",
            happening.receipt,
            worker=happening.worker,
        )
        disk = self._disks[happening.disk]
        self._check_waiting(disk, happening.at)
        disk.told_at = happening.at
        disk.kept.pop(happening.receipt, None)

    def _on_taken(self, happening: DiskTaken) -> None:
        self._disks.setdefault(happening.disk, _Place()).since = happening.at
        self._disk_of[happening.worker] = happening.disk

    def _on_gone(self, happening: DiskGone) -> None:
        self._disks.pop(happening.disk, None)

    def _on_over(self, happening: WorkerEnded | WorkerKilled) -> None:
        disk = self._disks.get(self._disk_of.pop(happening.worker, ""))
        if disk is not None:
            self._check_waiting(disk, happening.at)
            disk.since = None

    def _check_waiting(self, disk: _Place, now: float) -> None:
        """Once nothing goes wrong, what is on a disk is told by whoever is there."""
        if disk.since is None or not disk.kept:
            return
        oldest_at = min(disk.kept.values(), default=math.inf)
        waited_s = now - max(oldest_at, disk.since, disk.told_at, self._world.quiet_at)
        self._bench.check(
            "S21",
            waited_s <= TELL_S_MAX,
            "{} results wait on a disk for {} s, although the server can be told",
            len(disk.kept),
            waited_s,
        )


def _meant(outcome: Outcome | None) -> str:
    """What the server is to make of an outcome."""
    if outcome is not None and outcome.retry_requested:
        return "retry"
    return "success" if outcome is not None and outcome.kind is OutcomeKind.COMPLETED else "failure"
