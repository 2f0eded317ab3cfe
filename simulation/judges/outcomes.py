"""S1, S2, S4, S9: what a lease is settled with is what the run came to, and was durable before."""

from __future__ import annotations

from cloud_tasks.core.events import TaskCompleted, TaskEvent, TaskException, TaskExited, TaskTimedOut
from cloud_tasks.core.machine import MachineSettings
from cloud_tasks.core.task import Outcome
from simulation.happenings import CallIssued, EventStored, RunOver
from simulation.history import History
from simulation.judges import expected
from simulation.judges.books import Books
from simulation.judges.judge import TOLERANCE_S, Bench
from simulation.judges.records import Holding, RunRecord
from simulation.judges.settling import SETTLEMENTS

_OF_RUNS = frozenset((TaskCompleted, TaskException, TaskExited, TaskTimedOut))
Whose = tuple[str, str]


class OutcomesJudge:
    """Matches the ends of runs with events, and events with settlements.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
        settings: What every worker is told.
    """

    def __init__(self, bench: Bench, books: Books, settings: MachineSettings) -> None:
        self._bench = bench
        self._s1 = bench.watch("S1")
        self._s4 = bench.watch("S4")
        self._s8 = bench.watch("S8")
        self._s9 = bench.watch("S9")
        self._books = books
        self._policy = settings.retry
        self._max_runtime_s = settings.max_runtime_s - bench.early_s
        self._by_server = bench.plan.backend.decides_retries
        self._keeps_dead_letters = bench.exact and not self._by_server
        self._untold: dict[Whose, list[RunRecord]] = {}

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(RunOver, self._on_over)
        history.on(EventStored, self._on_stored)
        history.on(CallIssued, self._on_settlement, *SETTLEMENTS)

    def finish(self) -> None:
        """Everything was said when it was seen."""

    def _on_over(self, happening: RunOver) -> None:
        run = self._books.run
        if run is not None:
            self._untold.setdefault((happening.worker, happening.task_id), []).append(run)

    def _on_stored(self, happening: EventStored) -> None:
        event = happening.event
        if not isinstance(event, TaskEvent) or self._books.repeated:
            return
        whose = happening.worker, event.task_id
        if type(event) in _OF_RUNS:
            self._check_end(event, whose)
        verdict = self._verdict_on(event)
        self._s8.looks += 1
        if event.retry != expected.comes_back(verdict):
            self._s8.broken(
                "attempt {}, which is to be met with {}, says retry={}",
                event.attempt,
                verdict,
                event.retry,
                task_id=event.task_id,
                worker=happening.worker,
            )

    def _check_end(self, event: TaskEvent, whose: Whose) -> None:
        """Some run of the task must have ended so, and not have been told yet; older ones were given up."""
        runs = self._untold.get(whose, [])
        fitting = [place for place, run in enumerate(runs) if self._fits(event, run)]
        if fitting and self._bench.exact:
            telling = [place for place in fitting if expected.tells_of(event, runs[place])]
            self._check_tells(event, whose, runs[fitting[0]], kept=bool(telling))
            del runs[(telling or fitting)[0]]
        elif fitting:
            del runs[: fitting[0] + 1]
        if not runs:
            self._untold.pop(whose, None)
        self._bench.check(
            "S2" if type(event) is TaskCompleted else "S4",
            fitting,
            "{.event_type} is recorded, and no run has ended so",
            event,
            task_id=event.task_id,
            worker=whose[0],
        )

    def _fits(self, event: TaskEvent, run: RunRecord) -> bool:
        if not self._bench.exact:
            return run.end is not None and expected.may_end_so(event, run.end)
        heard_at = expected.end_heard_at(run, self._books.lives.get(run.worker))
        return expected.may_be_told_so(event, run, self._max_runtime_s, heard_at)

    def _check_tells(self, event: TaskEvent, whose: Whose, run: RunRecord, *, kept: bool) -> None:
        self._s4.looks += 1
        if not kept:
            self._s4.broken(
                "{0.event_type} of attempt {0.attempt} says what no such run came to; "
                "{1.end} of attempt {1.attempt} is not told yet",
                event,
                run,
                task_id=event.task_id,
                worker=whose[0],
            )

    def _on_settlement(self, happening: CallIssued) -> None:
        holding = self._books.holding
        if holding is None or not self._books.first_verdict:
            return
        verdict = happening.reason if happening.operation == "nack" else happening.operation
        if verdict in (expected.ACK, expected.RETRY):
            self._check_run_over(holding, verdict)
        if verdict == expected.INTERRUPTED and self._is_untouched(holding):
            self._bench.check("S1", True, "")  # noqa: FBT003 - looked at, and nothing to say
            return
        if verdict == "skipped":
            return
        self._claim(holding, verdict, happening.outcome)

    def _is_untouched(self, holding: Holding) -> bool:
        """Whether no run of it was ever asked for, so that there is nothing to record."""
        whose = holding.worker, holding.message.task_id
        return (
            holding.run is None
            and not holding.starts_failed
            and (
                holding.message.task_id in self._books.twins
                or not self._fitting(whose, expected.INTERRUPTED, None)
            )
        )

    def _check_run_over(self, holding: Holding, verdict: str) -> None:
        run = holding.run
        kept = run is not None and run.over_at is not None
        self._s4.looks += 1
        if not kept:
            self._s4.broken(
                "settled with {} while no run of this delivery has ended",
                verdict,
                task_id=holding.message.task_id,
                worker=holding.worker,
            )

    def _claim(self, holding: Holding, verdict: str, outcome: Outcome | None) -> None:
        task_id = holding.message.task_id
        whose = holding.worker, task_id
        event = self._fitting(whose, verdict, outcome)
        if event is None and verdict == expected.INTERRUPTED and holding.let_go:
            # It was told for lost, and its last extension was confirmed after that: it may be handed back.
            event = self._fitting(whose, expected.NOTHING, outcome)
        self._s1.looks += 1
        if event is None:
            self._s1.broken(
                "{} although no such outcome is durable", verdict, task_id=task_id, worker=whose[0]
            )
            self._check_verdict(whose, verdict)
            return
        if verdict == expected.INTERRUPTED:
            self._check_may_come_again(holding, event)
        self._note_acted_upon(whose, event)
        self._s9.looks += 1

    def _check_may_come_again(self, holding: Holding, event: TaskEvent) -> None:
        """What a worker interrupts because it is to end comes again only so often."""
        run = holding.run
        has_begun = run is not None and run.began_at is not None and not run.unheard and not _at_once(run)
        if has_begun and expected.is_for_the_end(event) and self._keeps_dead_letters:
            self._bench.check(
                "S9",
                not expected.is_reached(self._policy.interruptions_max, holding.interruptions + 1),
                "handed back although it had been interrupted {} times before",
                holding.interruptions,
                task_id=holding.message.task_id,
                worker=holding.worker,
            )

    def _note_acted_upon(self, whose: Whose, event: TaskEvent) -> None:
        told = self._books.lives[whose[0]].told
        left = [entry for entry in told.pop(whose[1]) if entry[0] is not event]
        if left:
            told[whose[1]] = left

    def _told(self, whose: Whose) -> list[tuple[TaskEvent, float]]:
        """What is durable of a task, and was not acted upon yet."""
        life = self._books.lives.get(whose[0])
        return [] if life is None else life.told.get(whose[1], [])

    def _fitting(self, whose: Whose, verdict: str, outcome: Outcome | None) -> TaskEvent | None:
        for event, _ in self._told(whose):
            if self._verdict_on(event) == verdict and self._agree(event, outcome):
                return event
        return None

    def _verdict_on(self, event: TaskEvent) -> str:
        return expected.verdict_on(event, self._policy, by_server=self._by_server)

    def _agree(self, event: TaskEvent, outcome: Outcome | None) -> bool:
        """Whether an ack tells the queue what the event tells everybody, and what it decides by."""
        if outcome is None:
            return True
        if self._by_server and outcome.retry_requested != expected.wants_retry(event, self._policy):
            return False
        return outcome.kind is expected.kind_of(event) and outcome.elapsed_s == event.elapsed_time

    def _check_verdict(self, whose: Whose, verdict: str) -> None:
        """Where something else is durable, the verdict is wrong, not only early."""
        events = self._told(whose)
        if events:
            last = events[-1][0]
            right = self._verdict_on(last)
            self._bench.check(
                "S9" if right != verdict else "S4",
                False,  # noqa: FBT003 - nothing fitted
                "{} although {} calls for {}",
                verdict,
                last.event_type,
                right,
                task_id=whose[1],
                worker=whose[0],
            )


def _at_once(run: RunRecord) -> bool:
    """Whether it was told to end in the moment in which it began, of which its worker may not have heard."""
    if run.began_at is None or run.term_at is None:
        return False
    return run.term_at - run.began_at <= TOLERANCE_S
