"""S7, S8, S9, S10: each further run, expiry, hand-back and dead letter has an excuse, within the budget."""

from __future__ import annotations

from collections.abc import Callable

from cloud_tasks.core.machine import MachineSettings
from fakes.history import Fact, FactKind
from fakes.queue_options import QueueOptions
from simulation.happenings import CallIssued, QueueChanged, RunBegan, RunRequested
from simulation.history import History
from simulation.judges import excuses, expected
from simulation.judges.books import Books
from simulation.judges.judge import Bench
from simulation.judges.records import Holding, Life, MessageRecord, RunRecord


class AttemptsJudge:
    """Counts executions against what permits them.

    Args:
        bench: Where verdicts go.
        books: What has been seen.
        settings: What every worker is told.
        queue: What the queue does by itself.
        is_malformed: Whether the message of that key holds no task.
    """

    def __init__(
        self,
        bench: Bench,
        books: Books,
        settings: MachineSettings,
        queue: QueueOptions,
        is_malformed: Callable[[str], bool],
    ) -> None:
        self._bench = bench
        self._s4 = bench.watch("S4")
        self._s7 = bench.watch("S7")
        self._s8 = bench.watch("S8")
        self._books = books
        self._policy = settings.retry
        self._max_runtime_s = settings.max_runtime_s - bench.early_s
        self._settle_again_s = settings.settle_backoff.cap_s
        self._longest_s = queue.lease_total_s_max - bench.early_s
        self._is_malformed = is_malformed
        self._by_pubsub = bench.plan.backend.name == "pubsub"
        self._by_server = bench.plan.backend.decides_retries
        self._keeps_failed = settings.retry.keep_failed and not self._by_server
        self._counts_apart = queue.counts_interruptions and not (self._by_pubsub or self._by_server)
        self._remembers = bench.exact and not self._by_server
        self._uncounted: dict[str, int] = {}

    def listen(self, history: History) -> None:
        """See `Judge`."""
        history.on(QueueChanged, self._on_delivered, FactKind.DELIVERED)
        history.on(QueueChanged, self._on_expired, FactKind.EXPIRED)
        history.on(QueueChanged, self._on_dead, FactKind.DEAD_LETTERED)
        history.on(RunRequested, self._on_requested)
        history.on(RunBegan, self._on_began)
        history.on(CallIssued, self._on_handed_back, "nack")

    def finish(self) -> None:
        """Everything was said when it was seen."""

    # -- executions --------------------------------------------------------------------------------------

    def _on_requested(self, happening: RunRequested) -> None:
        self._s4.looks += 1
        if self._books.holding is None:
            self._s4.broken(
                "a run of a task that it was not given", task_id=happening.task_id, worker=happening.worker
            )

    def _on_began(self, happening: RunBegan) -> None:
        holding, task_id = self._books.holding, happening.task_id
        if holding is None:
            return
        message = holding.message
        permitted = 1 + message.expiries + message.nacks
        self._s7.looks += 1
        if message.runs > permitted:
            self._s7.broken(
                "run {} times; {} expiries and {} hand-backs permit {}",
                message.runs,
                message.expiries,
                message.nacks,
                permitted,
                task_id=task_id,
                worker=happening.worker,
            )
        self._s4.looks += 1
        if happening.attempt > self._counted(message):
            self._s4.broken(
                "attempt {} of a task that was delivered {} times",
                happening.attempt,
                self._counted(message),
                task_id=task_id,
                worker=happening.worker,
            )
        own = self._own(holding)
        self._s8.looks += 1
        if min(happening.attempt, message.deliveries) > max(own, 1):
            self._s8.broken(
                "attempt {} of a task that came {} times, without interruptions that its worker "
                "has to know of",
                happening.attempt,
                own,
                task_id=task_id,
                worker=happening.worker,
            )
        self._check_budget(message, happening)

    def _check_budget(self, message: MessageRecord, happening: RunBegan) -> None:
        most = self._policy.attempts_max
        if most is None:
            return
        counted = message.runs - message.interrupted - self._uncounted.get(message.key, 0)
        self._bench.check(
            "S8",
            happening.attempt <= most and counted <= most,
            "attempt {}, and {} of its runs count, where {} attempts are allowed",
            happening.attempt,
            counted,
            most,
            task_id=happening.task_id,
            worker=happening.worker,
        )

    # -- the ledger --------------------------------------------------------------------------------------

    def _on_delivered(self, happening: QueueChanged) -> None:
        message = self._books.message
        if message is not None:
            permitted = 1 + message.expiries + message.nacks
            self._s7.looks += 1
            if message.deliveries > permitted:
                self._s7.broken(
                    "delivered {} times, where {} are permitted",
                    message.deliveries,
                    permitted,
                    task_id=happening.task_id,
                )

    def _on_expired(self, happening: QueueChanged) -> None:
        fact, holding = happening.fact, self._books.holding
        if fact.reason == "unfenced" or (self._by_pubsub and fact.reason == "duplicate"):
            # The count of deliveries does not have it.
            self._uncounted[fact.key] = self._uncounted.get(fact.key, 0) + 1
        if holding is not None:
            life = self._books.lives.get(holding.worker)
            excuse = excuses.of_expiry(holding, fact, life, self._longest_s)
            told = "the lease ended while its worker held it, and nothing kept the worker from extending it"
            self._bench.cite("S10", excuse, told, task_id=happening.task_id, worker=holding.worker)
            if excuse == excuses.SETTLING and not (self._by_server and holding.confirmed):
                self._check_insists(holding, life, fact.at)

    def _check_insists(self, holding: Holding, life: Life | None, at: float) -> None:
        """A settlement that failed is tried again for as long as the lease lasts, and its worker."""
        idle_s = holding.waited_s(at if life is None else min(at, life.exit_by), life)
        self._bench.check(
            "S18",
            holding.open_calls or idle_s <= self._settle_again_s + self._bench.slack_s,
            "its settlement failed, and was not tried again for {} s",
            idle_s,
            task_id=holding.message.task_id,
            worker=holding.worker,
        )

    def _on_dead(self, happening: QueueChanged) -> None:
        fact = happening.fact
        self._bench.check(
            "S9",
            self._may_die(fact),
            "put with the dead letters ({}) at delivery {}, with attempts left",
            fact.reason,
            fact.delivery_count,
            task_id=happening.task_id,
            worker=happening.worker,
        )

    def _may_die(self, fact: Fact) -> bool:
        if self._is_malformed(fact.key) or fact.reason == "max_receive_count":
            return True
        most, message, holding = self._policy.attempts_max, self._books.message, self._books.holding
        if message is None or holding is None:
            return False
        if self._by_server and fact.reason == "FAILED_WITH_TERMINAL_ERROR":
            return holding.verdict is not None and holding.verdict[0] == "ack"
        run, exact = holding.run, self._bench.exact
        has_begun = not exact or (run is not None and run.began_at is not None)
        interrupted = message.deliveries - message.retries  # at most: nobody else knows what workers meant
        if has_begun and expected.is_reached(self._policy.interruptions_max, interrupted):
            return True
        if self._keeps_failed and run is not None and self._may_have_failed(run):
            return True
        # What was not run has had its last attempt before.
        return expected.is_reached(most, self._own(holding) - (exact and run is None))

    def _may_have_failed(self, run: RunRecord) -> bool:
        heard_at = expected.end_heard_at(run, self._books.lives.get(run.worker))
        return expected.may_have_failed(run, self._policy, self._max_runtime_s, heard_at)

    def _own(self, holding: Holding) -> int:
        """How many deliveries count, without those that its worker has to know were interrupted."""
        message = holding.message
        if self._counts_apart:
            # A late word of one who had it before is counted for a delivery that was not interrupted.
            return message.own_deliveries + self._uncounted.get(message.key, 0)
        counted = self._counted(message)
        return counted - holding.interruptions if self._remembers else counted

    def _counted(self, message: MessageRecord) -> int:
        """How many deliveries a message has had as its queue counts them."""
        if self._by_pubsub:
            # What came back: a lease that is over may be extended once more, and come back again.
            return 1 + message.expiries + message.nacks
        if self._by_server:
            apart = message.interruptions + self._uncounted.get(message.key, 0)
            return 1 + message.expiries + message.nacks - apart
        return message.deliveries

    def _on_handed_back(self, happening: CallIssued) -> None:
        if happening.reason != "interrupted" or not self._books.first_verdict:
            return
        holding = self._books.holding
        if holding is not None:
            excuse = excuses.of_interruption(holding, self._books.life, exact=self._bench.exact)
            told = "handed back unfinished for no reason"
            self._bench.cite("S7", excuse, told, task_id=happening.task_id, worker=happening.worker)
