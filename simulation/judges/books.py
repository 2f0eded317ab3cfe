"""`Books`: what has been seen so far, kept once for all judges."""

from __future__ import annotations

from collections import deque

from cloud_tasks.core.events import TaskEvent
from cloud_tasks.core.policy import HAND_BACK_S_MIN
from cloud_tasks.core.task import Lease
from fakes.history import FactKind
from simulation.happenings import (
    CallAnswered,
    CallIssued,
    EndAsked,
    EndHeard,
    EventStored,
    QueueChanged,
    RunAsked,
    RunBegan,
    RunGone,
    RunNotStarted,
    RunOver,
    RunRequested,
    StoreFailed,
    WorkerBegan,
    WorkerContinued,
    WorkerEnded,
    WorkerKilled,
    WorkerStopped,
)
from simulation.history import History
from simulation.job.happenings import RunMeant
from simulation.judges.judge import TOLERANCE_S
from simulation.judges.records import CallRecord, Holding, Life, MessageRecord, RunRecord

SLOW_SHARE = 0.1
"""A call that takes a greater share of the lease than this is trouble."""
UNTIL_STOP_SHARE = 0.79
"""Of the time that is left to a worker, its runs have this share at least."""
HAND_BACK_SHARE = 0.09
"""Of that time, this share is at least between SIGKILL to its runs and its end."""
_LOST = "LeaseLostError"
SETTLED_MAX = 10_000
"""Of deliveries whose settlement was confirmed, so many are remembered; to settle another again breaks S4."""
STORED_MAX = 100_000
"""Likewise of events: one whose worker was told that it could not be stored comes again within minutes."""
_ENDS_OF_LEASES = (
    FactKind.EXPIRED,
    FactKind.ACKED,
    FactKind.NACKED,
    FactKind.DEAD_LETTERED,
    FactKind.REMOVED,
)


class Books:
    """Listens before every judge, so that each finds what the happening was about.

    Args:
        starts_max: How often a worker tries to start a run.
        settled_max: Of deliveries whose settlement was confirmed, so many are remembered.
        stored_max: Likewise, of events.

    Attributes:
        messages: Everything that was accepted, by key.
        keys: Of the message of each task; of the first, where there are several.
        twins: Tasks that are in several messages.
        current: The last delivery of each message, by key.
        lives: Every worker, by name.
        runs: Runs that are not gone, by number.
        others: The runs of each task that are not gone, on all workers.
        message: Of the happening that is told now.
        holding: Likewise.
        run: Likewise.
        life: Likewise.
        call: Likewise; of an answer, the call that it answers.
        first_verdict: Whether the call that is told now is the first settlement of its lease.
        repeated: Whether the event that is told now was stored before.
    """

    def __init__(
        self, starts_max: int, *, settled_max: int = SETTLED_MAX, stored_max: int = STORED_MAX
    ) -> None:
        self._starts_max = starts_max
        self._settled_max = settled_max
        self._stored_max = stored_max
        self.messages: dict[str, MessageRecord] = {}
        self.keys: dict[str, str] = {}
        self.twins: set[str] = set()
        self.current: dict[str, Holding] = {}
        self.lives: dict[str, Life] = {}
        self.runs: dict[int, RunRecord] = {}
        self.others: dict[str, list[RunRecord]] = {}
        self.message: MessageRecord | None = None
        self.holding: Holding | None = None
        self.run: RunRecord | None = None
        self.life: Life | None = None
        self.call: CallRecord | None = None
        self.first_verdict = self.repeated = False
        self._receipts: dict[str, Holding] = {}
        self._meant: dict[int, str] = {}
        self._settled: deque[Holding] = deque()
        self._stored: deque[tuple[Life, int]] = deque()
        self._gone: dict[int, RunRecord] = {}
        """Runs of which a worker that was stopped has yet to hear that nothing is left."""
        self._calls: dict[tuple[str, int], CallRecord] = {}

    def listen(self, history: History) -> None:
        """Ask to be told of everything that is kept."""
        history.on(QueueChanged, self._on_sent, FactKind.SENT)
        history.on(QueueChanged, self._on_delivered, FactKind.DELIVERED)
        history.on(QueueChanged, self._on_extended, FactKind.EXTENDED)
        history.on(QueueChanged, self._on_lease_over, *_ENDS_OF_LEASES)
        history.on(CallIssued, self._on_issued)
        history.on(CallAnswered, self._on_received, "receive")
        history.on(CallAnswered, self._on_answered, "extend", "ack", "nack", "dead_letter")
        history.on(RunMeant, self._on_meant)
        history.on(RunRequested, self._on_requested)
        history.on(RunNotStarted, self._on_not_started)
        history.on(RunBegan, self._on_began)
        history.on(RunAsked, self._on_asked)
        history.on(RunOver, self._on_over)
        history.on(RunGone, self._on_gone)
        history.on(EventStored, self._on_stored)
        history.on(StoreFailed, self._on_store_failed)
        history.on(WorkerBegan, self._on_worker_began)
        history.on(WorkerEnded, self._on_worker_ended)
        history.on(WorkerKilled, self._on_worker_killed)
        history.on(WorkerStopped, self._on_worker_stopped)
        history.on(WorkerContinued, self._on_worker_continued)
        history.on(EndAsked, self._on_end_asked)
        history.on(EndHeard, self._on_heard)

    def finish(self) -> None:
        """There is nothing to say."""

    # -- the queue ---------------------------------------------------------------------------------------

    def _on_sent(self, happening: QueueChanged) -> None:
        fact = happening.fact
        self.message = self.messages[fact.key] = MessageRecord(fact.key, happening.task_id, fact.at)
        self.holding = None
        if happening.task_id:
            self._note_key(happening.task_id, fact.key)

    def _note_key(self, task_id: str, key: str) -> None:
        first = self.keys.setdefault(task_id, key)
        if first != key:
            self.twins.add(task_id)

    def _on_delivered(self, happening: QueueChanged) -> None:
        fact, worker = happening.fact, happening.worker
        message = self.message = self.messages[fact.key]
        message.deliveries += 1
        message.own_deliveries = max(message.own_deliveries, message.deliveries - message.interruptions)
        message.in_flight = True
        if message.first_at is None:
            message.first_at = fact.at
        life = self.lives.get(worker)
        halted_s = 0.0 if life is None else life.halted_s(fact.at)
        until = fact.at if fact.until is None else fact.until
        holding = Holding(
            message, worker, message.deliveries, fact.at, until, halted_s, halted_s, until - fact.at
        )
        self.holding = self.current[fact.key] = self._receipts[fact.receipt] = holding

    def _on_extended(self, happening: QueueChanged) -> None:
        fact = happening.fact
        self.message = self.messages[fact.key]
        holding = self.holding = self.current.get(fact.key)
        if holding is not None and fact.until is not None:
            holding.until = fact.until
            if fact.receipt not in self._receipts:
                holding.renewed = (*holding.renewed, holding.receipt, fact.receipt)
                self._receipts[fact.receipt] = holding

    def _on_lease_over(self, happening: QueueChanged) -> None:
        fact = happening.fact
        kind = fact.kind
        message = self.message = self.messages[fact.key]
        holding = self.holding = self.current.get(fact.key)
        message.in_flight = False
        if holding is not None:
            holding.over, holding.over_at = kind, fact.at
        if kind is FactKind.EXPIRED:
            message.expiries += 1
        elif kind is FactKind.NACKED:
            message.nacks += 1
            if fact.reason != "retry" and message.interrupted_delivery != message.deliveries:
                message.interrupted_delivery = message.deliveries
                message.interruptions += 1
        else:
            message.over = kind

    # -- calls -------------------------------------------------------------------------------------------

    def _on_issued(self, happening: CallIssued) -> None:
        operation = happening.operation
        holding = self._receipts.get(happening.receipt) if happening.receipt else None
        life = self.life = self.lives.get(happening.worker)
        self.holding = holding
        halted_s = 0.0 if life is None else life.halted_s(happening.at)
        call = self.call = CallRecord(operation, happening.at, holding, happening.receipt, halted_s)
        self._calls[happening.worker, happening.number] = call
        if holding is not None:
            holding.open_calls += 1
            self.first_verdict = False
            if operation != "extend" and holding.verdict is None:
                self.first_verdict = True
                holding.verdict = operation, happening.reason, happening.seconds
                if operation == "nack":
                    self._note_hand_back(holding, retry=happening.reason == "retry")

    def _note_hand_back(self, holding: Holding, *, retry: bool) -> None:
        """If that was through no fault of its own, its worker has to know it when the task comes again."""
        message, life = holding.message, self.life
        if retry:
            message.retries += 1
            return
        if holding.run is not None and holding.run.began_at is not None:
            message.interrupted += 1
        if life is None or holding.let_go or life.holdings.get(message.key, (None,))[-1] is not holding:
            return  # nobody waited for it; or what came after it was counted without that
        known = max(life.interruptions.get(message.key, 0), holding.interruptions)
        life.interruptions[message.key] = known + 1

    def _on_received(self, happening: CallAnswered) -> None:
        call = self._find_call(happening)
        life = self.life
        if call is not None and life is not None:
            for lease in happening.leases:
                self._take_in(life, lease, call, happening)

    def _on_answered(self, happening: CallAnswered) -> None:
        call = self._find_call(happening)
        holding = self.holding
        if call is not None and holding is not None:
            self._answer(holding, call, happening)

    def _find_call(self, happening: CallAnswered) -> CallRecord | None:
        call = self.call = self._calls.pop((happening.worker, happening.number), None)
        self.life = self.lives.get(happening.worker)
        self.holding = None if call is None else call.holding
        return call

    def _take_in(self, life: Life, lease: Lease, call: CallRecord, happening: CallAnswered) -> None:
        holding = self._receipts.get(lease.receipt)
        if holding is None:
            return
        holding.issued_at = call.at
        holding.halted_s = holding.renewed_halted_s = call.halted_s
        holding.known_at = happening.at
        holding.heard = happening.heard
        holding.receipt = lease.receipt
        holding.term_s = lease.duration_s or 0.0
        holding.known_end = call.at + holding.term_s
        key = holding.message.key
        holding.interruptions = max(lease.interruptions, life.interruptions.get(key, 0))
        life.holdings.setdefault(key, []).append(holding)

    def _answer(self, holding: Holding, call: CallRecord, happening: CallAnswered) -> None:
        holding.open_calls -= 1
        error = happening.error
        if error == _LOST:
            holding.lost_at = happening.at
        elif error:
            holding.troubles += 1
            holding.failed_at = happening.at
            holding.failed_halted_s = 0.0 if self.life is None else self.life.halted_s(happening.at)
            if call.operation == "extend":
                holding.refused_at = happening.at
                holding.refused_halted_s = holding.failed_halted_s
        elif happening.at - call.at > SLOW_SHARE * holding.term_s:
            holding.troubles += 1
        if not error:
            if happening.leases:
                lease = happening.leases[0]
                holding.receipt = lease.receipt
                holding.term_s = lease.duration_s or 0.0
                holding.troubles = int(happening.at - call.at > SLOW_SHARE * holding.term_s)
                holding.extended_at, holding.end_before = happening.at, holding.known_end
                holding.refused_at = None
                holding.known_end, holding.renewed_halted_s = call.at + holding.term_s, call.halted_s
            elif call.operation != "extend" and not holding.confirmed:
                self._note_settled(holding, for_good=call.operation != "nack")
        if holding.confirmed or holding.lost_at is not None:
            self._let_go(holding)

    def _note_settled(self, holding: Holding, *, for_good: bool) -> None:
        """It is confirmed: its worker forgets what will not come again, and the books the oldest of many."""
        holding.confirmed = True
        if for_good and self.life is not None:
            self.life.interruptions.pop(holding.message.key, None)
        self._settled.append(holding)
        if len(self._settled) > self._settled_max:
            oldest = self._settled.popleft()
            for receipt in (oldest.receipt, *oldest.renewed):
                self._receipts.pop(receipt, None)
            if self.current.get(oldest.message.key) is oldest:
                del self.current[oldest.message.key]
            # It knows its delivery, too, and only the collector of garbage would find the two.
            oldest.run = None

    def _let_go(self, holding: Holding) -> None:
        life = self.lives.get(holding.worker)
        held = None if life is None else life.holdings.get(holding.message.key)
        if life is not None and held is not None and holding in held:
            held.remove(holding)
            if not held:
                del life.holdings[holding.message.key]

    # -- runs --------------------------------------------------------------------------------------------

    def _on_meant(self, happening: RunMeant) -> None:
        self._meant[happening.run] = happening.key

    def _on_requested(self, happening: RunRequested) -> None:
        life = self.life = self.lives.get(happening.worker)
        task_id = happening.task_id
        holding = None if life is None else self._wanted(life, happening)
        run = RunRecord(happening.run, task_id, happening.worker, happening.attempt, holding, happening.at)
        self.run, self.holding = run, holding
        self.runs[run.number] = run
        self.others.setdefault(task_id, []).append(run)
        if holding is not None:
            holding.run = run
            holding.requests += 1
        if life is not None:
            life.occupied += 1
            life.runs.setdefault(task_id, []).append(run)

    def _wanted(self, life: Life, asked: RunRequested) -> Holding | None:
        """For which delivery a worker asks for a run: the oldest that may have one, as far as it knows.

        What came later waits while a start that had failed is to be tried again.
        """
        key = self._meant.pop(asked.run, None) or self.keys.get(asked.task_id, "")
        waiting = newest = None
        for holding in life.holdings.get(key, ()):
            newest = holding
            if holding.verdict is None and holding.run is None and not holding.let_go:
                if holding.over is None or holding.start_again == asked.attempt:
                    return holding
                waiting = waiting or holding
        return waiting or newest

    def _on_not_started(self, happening: RunNotStarted) -> None:
        run = self._find(happening.run)
        holding = None if run is None else run.holding
        if run is not None and holding is not None:
            holding.starts_failed += 1
            holding.start_failed_at = happening.at
            again = run.term_at is None and holding.starts_failed < self._starts_max
            holding.start_again = run.attempt if again else None
            holding.run = None
        self._drop(run)

    def _on_began(self, happening: RunBegan) -> None:
        run = self._find(happening.run)
        if run is None:
            return
        run.began_at = happening.at
        if self.life is not None:
            run.halted_s = self.life.halted_s(happening.at)
        if run.holding is not None:
            run.holding.message.runs += 1

    def _on_asked(self, happening: RunAsked) -> None:
        run = self._find(happening.run)
        if run is None:
            self._recall(happening.run)
        elif happening.kill:
            run.kill_at = happening.at if run.kill_at is None else run.kill_at
        elif run.term_at is None:
            run.term_at = happening.at
            run.stopped = run.over_at is None
            run.unheard = self.life is not None and _unheard(run, self.life, happening.at)

    def _on_over(self, happening: RunOver) -> None:
        run = self._find(happening.run)
        if run is not None:
            run.over_at, run.end = happening.at, happening.end
            if run.term_at is None and self.life is not None:
                run.unheard = _unheard(run, self.life, happening.at)
            if self.life is not None:
                self.life.dying += 1

    def _on_gone(self, happening: RunGone) -> None:
        run = self._find(happening.run)
        if run is not None:
            run.gone_at = happening.at
            if self.life is not None and self.life.halted_at is not None:
                self._gone[run.number] = run
        self._drop(run)

    def _find(self, number: int) -> RunRecord | None:
        run = self.run = self.runs.get(number)
        self.holding = None if run is None else run.holding
        self.life = None if run is None else self.lives.get(run.worker)
        return run

    def _recall(self, number: int) -> None:
        """A worker that was stopped asks for the end of a run of which nothing has been left for long."""
        run = self.run = self._gone.pop(number, None)
        if run is not None:
            self.holding, self.life = run.holding, self.lives.get(run.worker)

    def _drop(self, run: RunRecord | None) -> None:
        if run is None:
            return
        del self.runs[run.number]
        _remove(self.others, run)
        if self.life is not None:
            self.life.occupied -= 1
            self.life.dying -= run.over_at is not None
            _remove(self.life.runs, run)

    # -- events and workers ------------------------------------------------------------------------------

    def _on_stored(self, happening: EventStored) -> None:
        life = self.life = self.lives.get(happening.worker)
        if life is None:
            return
        event = happening.event
        self.repeated = id(event) in life.events
        if not self.repeated:
            life.events[id(event)] = (event, life.store_failures)
            self._stored.append((life, id(event)))
            if len(self._stored) > self._stored_max:
                whose, oldest = self._stored.popleft()
                del whose.events[oldest]
            if isinstance(event, TaskEvent):
                life.told.setdefault(event.task_id, []).append((event, happening.at))

    def _on_store_failed(self, happening: StoreFailed) -> None:
        life = self.life = self.lives.get(happening.worker)
        if life is not None:
            life.store_failures += 1
            life.store_failed_at = happening.at

    def _on_worker_began(self, happening: WorkerBegan) -> None:
        self.life = self.lives[happening.worker] = Life(happening.worker, happening.at)

    def _on_worker_ended(self, happening: WorkerEnded) -> None:
        self.life = self.lives[happening.worker]
        self.life.ended_at = happening.at

    def _on_worker_killed(self, happening: WorkerKilled) -> None:
        self.life = self.lives[happening.worker]
        self.life.killed_at = happening.at

    def _on_worker_stopped(self, happening: WorkerStopped) -> None:
        life = self.life = self.lives[happening.worker]
        life.halted_at = happening.at
        if life.heard_at is not None:
            life.halts += 1
            life.suspended = life.suspended or happening.suspended

    def _on_worker_continued(self, happening: WorkerContinued) -> None:
        life = self.life = self.lives[happening.worker]
        if life.halted_at is not None:
            life.halted_before_s += happening.at - life.halted_at
        life.halted_at = None
        life.continued_at = happening.at

    def _on_end_asked(self, happening: EndAsked) -> None:
        self.life = self.lives[happening.worker]
        self.life.asked = True

    def _on_heard(self, happening: EndHeard) -> None:
        life = self.life = self.lives[happening.worker]
        again = life.signals > 0
        if happening.why == "sigterm":
            life.signals += 1
        if life.heard_at is None:
            life.heard_at, life.heard_halted_s = happening.at, life.halted_s(happening.at)
        within_s = 0.0 if again and happening.why == "sigterm" else happening.within_s
        life.stop_from = min(life.stop_from, happening.at + UNTIL_STOP_SHARE * within_s)
        life.exit_by = min(life.exit_by, happening.at + max(within_s, HAND_BACK_S_MIN))
        life.hand_back_s = min(life.hand_back_s, HAND_BACK_SHARE * max(within_s, HAND_BACK_S_MIN))


def _unheard(run: RunRecord, life: Life, at: float) -> bool:
    """Whether the worker cannot know that it began: it has not, or the worker has been stopped ever since."""
    if run.began_at is None:
        return True
    halted_s = life.halted_s(at) - run.halted_s
    return halted_s > 0 and at - run.began_at <= halted_s + TOLERANCE_S


def _remove(lists: dict[str, list[RunRecord]], run: RunRecord) -> None:
    runs = lists.get(run.task_id)
    if runs is not None:
        runs.remove(run)
        if not runs:
            del lists[run.task_id]
