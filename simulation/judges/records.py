"""What the books of the judges hold: messages, deliveries, runs and workers."""

from __future__ import annotations

import math

from msgspec import Struct

from cloud_tasks.core.events import Event, TaskEvent
from cloud_tasks.core.policy import HAND_BACK_S_MIN
from cloud_tasks.core.task import RunEnd
from fakes.history import FactKind


class MessageRecord(Struct, eq=False):
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
        retries: How many deliveries were handed back to be tried again, as their workers said at first.
    """

    key: str
    task_id: str
    sent_at: float
    first_at: float | None = None
    deliveries: int = 0
    own_deliveries: int = 0
    expiries: int = 0
    nacks: int = 0
    interruptions: int = 0
    interrupted_delivery: int = 0
    over: FactKind | None = None
    in_flight: bool = False
    runs: int = 0
    interrupted: int = 0
    retries: int = 0


class Holding(Struct, eq=False):
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
        failed_halted_s: For how long its worker had been stopped by then.
        open_calls: How many calls about it are under way.
        run: The newest run that was asked for; None before that.
        requests: How often a run of it was asked for.
        starts_failed: How often a run of it could not be started.
        start_failed_at: When that was last so.
        start_again: Which attempt's start has to be tried again: one failed, there are tries left, and nobody
            had told it to end; None where there is no such.
        interruptions: How often it had been handed back through no fault of the task, as far as its worker
            had to know when it came: from the queue, and from what it had handed back itself.
        halted_s: For how long its worker had been stopped when the receive that brought it was issued.
        renewed_halted_s: Likewise, when the call was issued that it lasts since: that, or the last extension.
        term_s: How long the lease lasts from that call.
        renewed: Its receipts, where it was extended under a new one.
    """

    message: MessageRecord
    worker: str
    number: int
    at: float
    until: float
    halted_s: float
    renewed_halted_s: float
    term_s: float
    over: FactKind | None = None
    over_at: float = 0.0
    issued_at: float = 0.0
    known_at: float | None = None
    heard: bool = False
    receipt: str = ""
    known_end: float = 0.0
    extended_at: float = 0.0
    end_before: float = 0.0
    refused_at: float | None = None
    refused_halted_s: float = 0.0
    let_go: bool = False
    lost_at: float | None = None
    verdict: tuple[str, str, float] | None = None
    confirmed: bool = False
    troubles: int = 0
    failed_at: float = 0.0
    failed_halted_s: float = 0.0
    open_calls: int = 0
    run: RunRecord | None = None
    requests: int = 0
    starts_failed: int = 0
    start_failed_at: float = 0.0
    start_again: int | None = None
    interruptions: int = 0
    renewed: tuple[str, ...] = ()

    def waited_s(self, now: float, life: Life | None) -> float:
        """How long ago a call about it failed, without what its worker has been stopped for since."""
        halted_s = 0.0 if life is None else life.halted_s(now) - self.failed_halted_s
        return now - self.failed_at - halted_s


class RunRecord(Struct, eq=False):
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

    number: int
    task_id: str
    worker: str
    attempt: int
    holding: Holding | None
    asked_at: float
    began_at: float | None = None
    over_at: float | None = None
    gone_at: float | None = None
    end: RunEnd | None = None
    term_at: float | None = None
    kill_at: float | None = None
    stopped: bool = False
    unheard: bool = False
    halted_s: float = 0.0


class CallRecord(Struct, eq=False):
    """A call that is under way.

    Attributes:
        operation: Which.
        at: When it was issued.
        holding: About which delivery; None where it is about none that is known.
        receipt: What it shows.
        halted_s: For how long the worker had been stopped before that.
    """

    operation: str
    at: float
    holding: Holding | None
    receipt: str
    halted_s: float


class Life(Struct, eq=False):
    """One worker process.

    Attributes:
        name: Its name.
        began_at: Since when.
        ended_at: When it returned; None while it has not.
        killed_at: When it was killed; None while it was not.
        asked: Whether it was asked to end; a real process may hear of that before it is seen to.
        heard_at: When it first took in that it is to end; None while it has not.
        heard_halted_s: For how long it had been stopped by then.
        stop_from: When it may begin to end its runs, by all that it has heard.
        exit_by: When it has to be over, likewise.
        hand_back_s: For how long it stays at least after it has killed its runs, likewise.
        halts: How often it was stopped since it heard of its end.
        suspended: Whether its machine was suspended since then.
        halted_at: Since when it is stopped; None while it is not.
        halted_before_s: For how long it was stopped before that.
        continued_at: When it last went on.
        signals: How many signals to end it has taken in.
        store_failures: How often it was told that events could not be stored.
        store_failed_at: When it was last told so.
        told: What it has stored of each task and no settlement followed from yet, and when.
        events: What it has stored, by identity, with the failures before that.
        holdings: What it was given of each message and has not settled, by key, oldest first.
        interruptions: How often each message was handed back through no fault of its own, as far as it has
            to know, by key; without those that it has not handed back itself.
        runs: The runs of each task that are not gone.
        occupied: How many runs it has asked for that are not gone.
        dying: How many of those are over.
    """

    name: str
    began_at: float
    ended_at: float | None = None
    killed_at: float | None = None
    asked: bool = False
    heard_at: float | None = None
    heard_halted_s: float = 0.0
    stop_from: float = math.inf
    exit_by: float = math.inf
    hand_back_s: float = HAND_BACK_S_MIN
    halts: int = 0
    suspended: bool = False
    halted_at: float | None = None
    halted_before_s: float = 0.0
    continued_at: float = 0.0
    signals: int = 0
    store_failures: int = 0
    store_failed_at: float = 0.0
    told: dict[str, list[tuple[TaskEvent, float]]] = {}
    events: dict[int, tuple[Event, int]] = {}
    holdings: dict[str, list[Holding]] = {}
    interruptions: dict[str, int] = {}
    runs: dict[str, list[RunRecord]] = {}
    occupied: int = 0
    dying: int = 0

    @property
    def over_at(self) -> float | None:
        """When it ended, whichever way; None while it has not."""
        return self.ended_at if self.killed_at is None else self.killed_at

    def halted_s(self, now: float) -> float:
        """For how long it has been stopped, in all; of what the queue tells late, `now` may be long ago."""
        if self.halted_at is None:
            return self.halted_before_s
        return self.halted_before_s + max(0.0, now - self.halted_at)
