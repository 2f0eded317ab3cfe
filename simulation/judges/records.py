"""What the books of the judges hold: messages, deliveries, runs and workers."""

from __future__ import annotations

from cloud_tasks.core.events import Event, TaskEvent
from cloud_tasks.core.task import Outcome, RunEnd
from fakes.history import FactKind


class MessageRecord:
    """One message in the queue.

    Attributes:
        key: Identity.
        task_id: Of the task in it; "" where there is none.
        sent_at: When it was accepted.
        first_at: When it was delivered for the first time; None while it has not been.
        deliveries: How often it was delivered.
        own_deliveries: How many of them count where interruptions are counted apart, as at the last one.
        expiries: How often a lease on it ended by itself, the mistakes of the broker included.
        nacks: How often it was handed back.
        interruptions: How many deliveries were handed back through no fault of its own.
        interrupted_delivery: The number of the last of them.
        over: How it left the queue; None while it has not.
        in_flight: Whether it is leased.
        runs: How often a run of it began.
        interrupted: How many of those were handed back through no fault of its own, as their worker said at
            first, whether or not the queue still took it.
    """

    __slots__ = (
        "deliveries", "expiries", "first_at", "in_flight", "interrupted", "interrupted_delivery",
        "interruptions", "key", "nacks", "over", "own_deliveries", "runs", "sent_at", "task_id",
    )  # fmt: skip

    def __init__(self, key: str, task_id: str, sent_at: float) -> None:
        self.key = key
        self.task_id = task_id
        self.sent_at = sent_at
        self.first_at: float | None = None
        self.deliveries = self.expiries = self.nacks = self.interruptions = self.runs = 0
        self.interrupted = self.interrupted_delivery = self.own_deliveries = 0
        self.over: FactKind | None = None
        self.in_flight = False


class Holding:
    """One delivery of a message to one worker.

    Attributes:
        message: Of what.
        worker: To whom.
        number: Which delivery of the message, from 1.
        at: When, in the queue.
        until: When the lease ends, in the queue.
        over: How the lease ended in the queue; None while it lasts.
        over_at: When.
        issued_at: When the receive that brought it was issued.
        known_at: When it reached the worker; None while it has not.
        heard: Whether somebody waited for it there.
        receipt: The newest that the worker knows.
        known_end: When the lease ends, as the worker must count it.
        extended_at: When the worker was last told of an extension.
        end_before: When the lease ended, as the worker had to count it until then.
        refused_at: When it was last told that an extension failed; None since one went well, or before any.
        refused_halted_s: For how long its worker had been stopped by then.
        let_go: Whether its worker ended its run because it could not be extended and was about to end.
        lost_at: When the worker was told that the lease is not its any more; None while it was not.
        verdict: Settlement, reason and delay of the first settlement that was asked for; None before that.
        confirmed: Whether the worker was told that it is settled.
        troubles: How many calls about it failed or were slow since it was last extended.
        failed_at: When the last of those was answered.
        open_calls: How many calls about it are under way.
        run: The newest run that was asked for; None before that.
        starts_failed: How often a run of it could not be started.
        halted_s: For how long its worker had been stopped when the receive that brought it was issued.
        renewed_halted_s: Likewise, when the call was issued that it lasts since: that, or the last extension.
        term_s: How long the lease lasts from that call.
    """

    __slots__ = (
        "at", "confirmed", "end_before", "extended_at", "failed_at", "halted_s", "heard", "issued_at",
        "known_at", "known_end", "let_go", "lost_at", "message", "number", "open_calls", "over", "over_at",
        "receipt", "refused_at", "refused_halted_s", "renewed_halted_s", "run", "starts_failed", "term_s",
        "troubles", "until", "verdict", "worker",
    )  # fmt: skip

    def __init__(self, message: MessageRecord, worker: str, at: float, until: float, halted_s: float) -> None:
        self.message = message
        self.worker = worker
        self.number = message.deliveries
        self.at = at
        self.until = until
        self.over: FactKind | None = None
        self.over_at = self.issued_at = self.known_end = self.extended_at = self.end_before = 0.0
        self.failed_at = self.refused_halted_s = 0.0
        self.refused_at: float | None = None
        self.known_at: float | None = None
        self.heard = self.let_go = False
        self.receipt = ""
        self.lost_at: float | None = None
        self.verdict: tuple[str, str, float] | None = None
        self.confirmed = False
        self.troubles = self.open_calls = self.starts_failed = 0
        self.run: RunRecord | None = None
        self.halted_s = self.renewed_halted_s = halted_s
        self.term_s = until - at


class RunRecord:
    """One run.

    Attributes:
        number: Identity.
        task_id: Of its task.
        worker: Whose.
        attempt: As the task is told.
        holding: The delivery that it is for; None where none is known.
        asked_at: When the worker asked for it.
        began_at: When the function was called; None while it was not.
        over_at: When it ended; None while it has not.
        gone_at: When nothing was left of it; None while something is.
        end: How it ended.
        term_at: When it was sent SIGTERM for the first time; None while it was not.
        kill_at: Likewise, SIGKILL.
        stopped: Whether it was sent SIGTERM before it ended.
        unheard: Whether the worker could not know, at the first SIGTERM, that it had begun.
        halted_s: For how long its worker had been stopped when it began.
    """

    __slots__ = (
        "asked_at", "attempt", "began_at", "end", "gone_at", "halted_s", "holding", "kill_at",
        "number", "over_at", "stopped", "task_id", "term_at", "unheard", "worker",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917 - made in one place, and often
        self, number: int, task_id: str, worker: str, attempt: int, asked_at: float, holding: Holding | None
    ) -> None:
        self.number = number
        self.task_id = task_id
        self.worker = worker
        self.attempt = attempt
        self.asked_at = asked_at
        self.holding = holding
        self.began_at: float | None = None
        self.over_at: float | None = None
        self.gone_at: float | None = None
        self.end: RunEnd | None = None
        self.term_at: float | None = None
        self.stopped = self.unheard = False
        self.kill_at: float | None = None
        self.halted_s = 0.0


class CallRecord:
    """A call that is under way.

    Attributes:
        operation: Which.
        at: When it was issued.
        holding: About which delivery; None where it is about none that is known.
        receipt: What it shows.
        seconds: What it asks for.
        reason: Why, for what needs a reason.
        outcome: What an ack says.
        halted_s: For how long the worker had been stopped before that.
    """

    __slots__ = ("at", "halted_s", "holding", "operation", "outcome", "reason", "receipt", "seconds")

    def __init__(  # noqa: PLR0917 - made in one place, and often
        self,
        operation: str,
        at: float,
        holding: Holding | None,
        receipt: str,
        seconds: float,
        reason: str,
        outcome: Outcome | None,
        halted_s: float,
    ) -> None:
        self.operation = operation
        self.at = at
        self.holding = holding
        self.receipt = receipt
        self.seconds = seconds
        self.reason = reason
        self.outcome = outcome
        self.halted_s = halted_s


class Life:
    """One worker process.

    Attributes:
        name: Its name.
        began_at: Since when.
        ended_at: When it returned; None while it has not.
        killed_at: When it was killed; None while it was not.
        heard_at: When it first took in that it is to end; None while it has not.
        heard_halted_s: For how long it had been stopped by then.
        stop_from: When it may begin to end its runs, by all that it has heard.
        exit_by: When it has to be over, likewise.
        halted_at: Since when it is stopped; None while it is not.
        halted_before_s: For how long it was stopped before that.
        continued_at: When it last went on.
        signals: How many signals to end it has taken in.
        store_failures: How often it was told that events could not be stored.
        store_failed_at: When it was last told so.
        told: What it has stored of each task and no settlement followed from yet, and when.
        events: What it has stored, by identity, with the failures before that.
        holdings: What it was given of each message and has not settled, by key, oldest first.
        runs: The runs of each task that are not gone.
        occupied: How many runs it has asked for that are not gone.
        dying: How many of those are over.
    """

    __slots__ = (
        "began_at", "continued_at", "dying", "ended_at", "events", "exit_by", "halted_at",
        "halted_before_s", "heard_at", "heard_halted_s", "holdings", "killed_at", "name", "occupied", "runs",
        "signals", "stop_from", "store_failed_at", "store_failures", "told",
    )  # fmt: skip

    def __init__(self, name: str, began_at: float) -> None:
        self.name = name
        self.began_at = began_at
        self.ended_at: float | None = None
        self.killed_at: float | None = None
        self.heard_at: float | None = None
        self.heard_halted_s = 0.0
        self.stop_from = self.exit_by = float("inf")
        self.halted_at: float | None = None
        self.halted_before_s = 0.0
        self.continued_at = 0.0
        self.signals = self.store_failures = 0
        self.store_failed_at = 0.0
        self.told: dict[str, list[tuple[TaskEvent, float]]] = {}
        self.events: dict[int, tuple[Event, int]] = {}
        self.holdings: dict[str, list[Holding]] = {}
        self.runs: dict[str, list[RunRecord]] = {}
        self.occupied = self.dying = 0

    @property
    def over_at(self) -> float | None:
        """When it ended, whichever way; None while it has not."""
        return self.ended_at if self.killed_at is None else self.killed_at

    def halted_s(self, now: float) -> float:
        """For how long it has been stopped, in all; of what the queue tells late, `now` may be long ago."""
        if self.halted_at is None:
            return self.halted_before_s
        return self.halted_before_s + max(0.0, now - self.halted_at)
