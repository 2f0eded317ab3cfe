"""S1, S3, S9, S17, S19, L1: what a monitor has written down is what workers have told, once and in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from cloud_tasks.core.events import (
    EventRecord,
    KeepAlive,
    SpotTermination,
    TaskDeadLettered,
    TaskInterrupted,
)
from cloud_tasks.task_db import Machine, read_report
from fakes.history import FactKind
from simulation.happenings import QueueChanged
from simulation.history import History
from simulation.job.happenings import EventAccepted, EventMoved, MonitorEnded, MonitorFailed
from simulation.judges.applied import Model
from simulation.judges.database import EventRow, Reader, TaskRow
from simulation.judges.judge import Bench

_SETTLED = frozenset((FactKind.ACKED, FactKind.DEAD_LETTERED))
_OVER = _SETTLED | {FactKind.REMOVED}


class FollowingJudge:
    """Holds the task database, and the file of events, against the history.

    Args:
        bench: Where verdicts go.
        database: The task database.
        output: The file of events; None where there is none.
        followed: Whether the event queue was emptied in time, and the monitor ended when it was asked to.
    """

    def __init__(
        self, bench: Bench, database: Path, output: Path | None, followed: Callable[[], bool]
    ) -> None:
        self._bench = bench
        self._database = database
        self._reader = Reader(database)
        self._output = output
        self._followed = followed
        self._told: dict[str, EventRecord] = {}
        self._bodies: dict[str, str] = {}
        self._over: dict[str, set[FactKind]] = {}
        self._interrupted: set[str] = set()
        self._heard: dict[str, datetime] = {}
        self._gone: set[str] = set()
        self._delivered: Counter[str] = Counter()

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(EventAccepted, self._on_accepted)
        history.on(EventMoved, self._on_moved)
        history.on(QueueChanged, self._on_over, *_OVER)
        history.on(MonitorEnded, self._on_ended)
        history.on(MonitorFailed, self._on_failed)

    def _on_accepted(self, happening: EventAccepted) -> None:
        body = happening.body.decode()
        self._bodies[happening.key] = body
        record = happening.record
        at, name = datetime.fromisoformat(record.timestamp), record.hostname
        self._heard[name] = max(self._heard.get(name, at), at)
        if not isinstance(record.event, KeepAlive):
            self._told[body] = record
        if isinstance(record.event, SpotTermination):
            self._gone.add(name)
        if isinstance(record.event, TaskDeadLettered) and record.event.elapsed_time > 0:
            self._interrupted.add(record.event.task_id)

    def _on_moved(self, happening: EventMoved) -> None:
        kind = happening.fact.kind
        if kind is FactKind.DELIVERED:
            self._delivered[self._bodies[happening.original]] += 1
        elif kind is FactKind.ACKED:
            body = self._bodies[happening.original]
            self._bench.check(
                "S1",
                body not in self._told or self._reader.holds(body),
                "removed from the event queue before it was in the database: {}",
                body,
            )

    def _on_over(self, happening: QueueChanged) -> None:
        fact = happening.fact
        by_itself = fact.reason == "max_receive_count"
        end = FactKind.REMOVED if by_itself else fact.kind
        self._over.setdefault(happening.task_id, set()).add(end)

    def _on_ended(self, happening: MonitorEnded) -> None:
        tasks = self._reader.tasks()
        finished = sum(task.is_final for task in tasks.values())
        self._bench.check(
            "S17",
            (happening.total, happening.finished) == (len(tasks), finished),
            "it counts {} tasks, {} of them finished, and its database {} and {}",
            happening.total,
            happening.finished,
            len(tasks),
            finished,
            worker=happening.worker,
        )
        self._bench.check(
            "S17",
            happening.asked or happening.total == happening.finished > 0,
            "it ended by itself when {} of {} tasks were finished",
            happening.finished,
            happening.total,
            worker=happening.worker,
        )

    def _on_failed(self, happening: MonitorFailed) -> None:
        self._bench.check("S19", False, "{}", happening.error, worker=happening.worker)  # noqa: FBT003

    # -- when all is over --------------------------------------------------------------------------------

    def finish(self) -> None:
        """Compare the database with what was told, and with what became of the messages."""
        bench = self._bench
        bench.check("L1", self._followed(), "events are left in their queue, or the monitor has not ended")
        rows, tasks = self._reader.events(), self._reader.tasks()
        model = Model(bench.plan.workload.tasks)
        effects = self._check_log(rows, model)
        for task_id, row in tasks.items():
            self._check_task(task_id, row, model)
        self._check_messages(tasks)
        self._check_report(tasks, effects)
        self._check_output(rows)

    def _check_log(self, rows: list[EventRow], model: Model) -> Counter[str]:
        """Each event once, with the effect that it has at its place; what comes again is told apart."""
        bench, seen, effects = self._bench, Counter[str](), Counter[str]()
        for row in rows:
            record = self._told.get(row.body)
            bench.check("S17", record is not None, "stored, and nobody has told it: {}", row.body)
            if record is None:
                continue
            seen[row.body] += 1
            expected = "duplicate" if seen[row.body] > 1 else model.effect(record)
            effects[expected] += 1
            bench.check(
                "S17",
                row.effect == expected,
                "counted as {} where it is {}: {}",
                row.effect,
                expected,
                row.body,
            )
        for body in self._told:
            most = self._delivered[body]
            bench.check(
                "S17",
                1 <= seen[body] <= most or not self._followed(),
                "stored {} times after {} deliveries: {}",
                seen[body],
                most,
                body,
            )
        return effects

    def _check_task(self, task_id: str, row: TaskRow, model: Model) -> None:
        known = model.known.get(task_id)
        is_right = (
            row.status in ("pending", "in_queue_original")
            if known is None
            else (row.status, row.attempt) == (known.status, known.attempt)
        )
        self._bench.check(
            "S17", is_right, "the database says {}, and its events {}", row, known, task_id=task_id
        )

    def _check_messages(self, tasks: dict[str, TaskRow]) -> None:
        """What workers have settled is finished in the database, and put aside only where they did."""
        for task_id, row in tasks.items():
            ends = self._over.get(task_id, set())
            self._bench.check(
                "S17",
                row.is_final or not ends & _SETTLED or not self._followed(),
                "its message has left the queue, and in the database it is {}",
                row.status,
                task_id=task_id,
            )
            self._bench.check(
                "S9",
                row.status != "dead_lettered"
                or ends & {FactKind.DEAD_LETTERED, FactKind.REMOVED}
                # One that was interrupted too often, and could not be put aside in time, may run once more.
                or task_id in self._interrupted,
                "the database says that it was put aside, and it was not",
                task_id=task_id,
            )

    def _check_report(self, tasks: dict[str, TaskRow], effects: Counter[str]) -> None:
        """The report counts what is there."""
        report = read_report(self._database)
        statuses = Counter(row.status for row in tasks.values())
        reasons = Counter(
            record.event.reason for record in self._told.values() if isinstance(record.event, TaskInterrupted)
        )
        snapshot = report.snapshot
        told = snapshot.total, Counter(snapshot.statuses), Counter(snapshot.effects)
        self._bench.check(
            "S17",
            told == (len(tasks), statuses, effects),
            "the report says {}, and the database holds {}, {}",
            snapshot,
            statuses,
            effects,
        )
        self._bench.check(
            "S17",
            Counter(report.interrupted) == reasons or not self._followed(),
            "the report counts {} interruptions, and workers have told of {}",
            report.interrupted,
            reasons,
        )

        self._check_machines({one.hostname: one for one in snapshot.machines})

    def _check_machines(self, known: Mapping[str, Machine]) -> None:
        """Each machine was heard of when it last told something, and is to go if it has told so."""
        told = {name: datetime.fromisoformat(one.last_heard) for name, one in known.items()}
        self._bench.check(
            "S17",
            not self._followed()
            or (told == self._heard and self._gone == {one for one in known if known[one].terminated_at}),
            "the report says of machines {}, and they were last heard of at {}, and are to go: {}",
            known,
            self._heard,
            self._gone,
        )

    def _check_output(self, rows: list[EventRow]) -> None:
        """Each event of the database is in the file, once and in order."""
        if self._output is None:
            return
        lines = self._output.read_text(encoding="utf-8").splitlines() if self._output.exists() else []
        expected = [*dict.fromkeys(row.body for row in rows)]
        self._bench.check(
            "S19",
            lines == expected,
            "the file holds {} events, and the database {}; they first differ at {}",
            len(lines),
            len(expected),
            _first_difference(lines, expected),
        )


def _first_difference(lines: list[str], expected: list[str]) -> int:
    pairs = enumerate(zip(lines, expected, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(lines), len(expected)))
