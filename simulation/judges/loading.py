"""S3 for producers: what is said to be in the queue was accepted there, and twice only with an excuse."""

from __future__ import annotations

from pathlib import Path

from simulation.history import History
from simulation.job.happenings import ProducerEnded, ProducerKilled, SendAnswered, TaskSent
from simulation.judges.database import Reader
from simulation.judges.judge import Bench

KILLED = "the producer was killed before it could write down that it was sent"
UNKNOWN = "the producer was told nothing good of the call that sent it"
GAVE_UP = "the producer had given up"
Call = tuple[str, int]


class LoadingJudge:
    """Follows every sending of every task.

    Args:
        bench: Where verdicts go.
        database: The task database.
    """

    def __init__(self, bench: Bench, database: Path) -> None:
        self._bench = bench
        self._reader = Reader(database)
        self._sent: dict[str, Call] = {}
        self._answers: dict[Call, str] = {}
        self._over: dict[str, str] = {}
        self._done = False

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(TaskSent, self._on_sent)
        history.on(SendAnswered, self._on_answered)
        history.on(ProducerKilled, self._on_killed)
        history.on(ProducerEnded, self._on_ended)

    def _on_sent(self, happening: TaskSent) -> None:
        """A call of a producer that is gone may come to the queue when the next one has sent it long ago."""
        task_id = happening.task_id
        before = self._sent.get(task_id)
        self._sent[task_id] = happening.worker, happening.call
        if before is not None:
            self._bench.cite(
                "S3",
                self._excuse(before) or self._over.get(happening.worker, ""),
                "sent a second time, and nothing had gone wrong with the first",
                task_id=task_id,
                worker=happening.worker,
            )

    def _excuse(self, call: Call) -> str:
        """Why a task that was sent so may be sent again; "" if there is no excuse."""
        if self._answers.get(call):
            return UNKNOWN
        return self._over.get(call[0], "")

    def _on_answered(self, happening: SendAnswered) -> None:
        self._answers[happening.worker, happening.call] = happening.error

    def _on_killed(self, happening: ProducerKilled) -> None:
        self._over[happening.worker] = KILLED

    def _on_ended(self, happening: ProducerEnded) -> None:
        if happening.error or happening.unsent:
            self._over[happening.worker] = GAVE_UP
            return
        self._done = True
        self._check_sent()

    def _check_sent(self) -> None:
        """What is said to be in the queue was accepted there."""
        for task_id, row in self._reader.tasks().items():
            self._bench.check(
                "S3",
                task_id in self._sent or row.status == "pending",
                "{} in the database, and the queue has never accepted it",
                row.status,
                task_id=task_id,
            )

    def finish(self) -> None:
        """Every task was sent, and the database says so."""
        self._check_sent()
        tasks, planned = self._reader.tasks(), self._bench.plan.workload.tasks
        pending = sum(row.status == "pending" for row in tasks.values())
        self._bench.check("L2", self._done, "not every task was sent, although the faults have stopped")
        self._bench.check(
            "S3",
            not self._done or (len(tasks) == planned and not pending and len(self._sent) == planned),
            "{} tasks were to be sent; the database holds {}, {} of them pending, and {} were accepted",
            planned,
            len(tasks),
            pending,
            len(self._sent),
        )
