"""The attempt: its states, what can happen to it, and the one table that says what follows.

`TRANSITIONS` is the whole truth: the machine looks nothing else up, the diagram in `docs/attempt.md` is
generated from it, and a pair that is not in it cannot happen (the machine says so if it does).
"""

from __future__ import annotations

import enum

from msgspec import Struct


class State(enum.IntEnum):
    """Where an attempt is."""

    LEASED = 0
    RUNNING = 1
    STOPPING = 2
    SETTLING = 3
    SETTLED = 4
    LOST = 5
    WAITING = 6


class Signal(enum.IntEnum):
    """What can happen to an attempt."""

    STARTED = 0
    START_FAILED = 1
    REFUSED = 2
    UNWANTED = 3
    ENDED = 4
    DEADLINE = 5
    INTERRUPT = 6
    KILL_DUE = 7
    RENEW_DUE = 8
    EXTENDED = 9
    EXTEND_FAILED = 10
    FENCE = 11
    LEASE_LOST = 12
    STORED = 13
    SETTLED = 14
    SETTLE_FAILED = 15
    RETRY_DUE = 16
    GONE = 17
    START_AGAIN = 18
    START_DUE = 19
    BUSY = 20


SIGNAL_MEANINGS: dict[Signal, str] = {
    Signal.STARTED: "the function is about to be called",
    Signal.START_FAILED: "the run could not be started, several times over",
    Signal.REFUSED: "the message is no task, or its attempts are used up",
    Signal.UNWANTED: "skipped, over the limit, late for its lease, or after the worker stopped taking tasks",
    Signal.ENDED: "the process has ended and said all that it will say",
    Signal.DEADLINE: "it has run for `--max-runtime`, or has not been started for very long",
    Signal.INTERRUPT: "the grace period, or the machine's time, is nearly over",
    Signal.KILL_DUE: "it was asked to end and has not",
    Signal.RENEW_DUE: "half of the lease is over",
    Signal.EXTENDED: "the queue has extended the lease",
    Signal.EXTEND_FAILED: "the queue has not extended the lease, or nobody knows",
    Signal.FENCE: "the lease is about to end and could not be renewed",
    Signal.LEASE_LOST: "the queue says that the lease is no longer ours",
    Signal.STORED: "its event is durable",
    Signal.SETTLED: "the queue has confirmed the settlement",
    Signal.SETTLE_FAILED: "the queue has not confirmed the settlement",
    Signal.RETRY_DUE: "time to try the settlement again",
    Signal.GONE: "its process group and all that it started have ended",
    Signal.START_AGAIN: "the run could not be started, and will be tried again here",
    Signal.START_DUE: "time to start it, or to try again",
    Signal.BUSY: "an older run of the same task has not gone yet",
}


class Row(Struct, frozen=True):
    """One transition.

    Attributes:
        state: Where the attempt is.
        signal: What happens.
        next: Where it goes.
        does: Names of the machine's actions, in order.
    """

    state: State
    signal: Signal
    next: State
    does: tuple[str, ...] = ()


_LEASED, _RUNNING, _STOPPING = State.LEASED, State.RUNNING, State.STOPPING
_SETTLING, _SETTLED, _LOST, _WAITING = State.SETTLING, State.SETTLED, State.LOST, State.WAITING

TRANSITIONS: tuple[Row, ...] = (
    # A lease has been taken and the run asked for.
    Row(_LEASED, Signal.STARTED, _RUNNING, ("plan_deadline",)),
    Row(_LEASED, Signal.START_AGAIN, _WAITING, ("plan_start_again",)),
    Row(_LEASED, Signal.BUSY, _WAITING, ("wait_for_older_run",)),
    Row(_LEASED, Signal.START_FAILED, _SETTLING, ("conclude_not_started", "record")),
    Row(_LEASED, Signal.REFUSED, _SETTLING, ("conclude_refused", "record")),
    Row(_LEASED, Signal.UNWANTED, _SETTLING, ("note_hand_back", "settle")),
    Row(_LEASED, Signal.ENDED, _SETTLING, ("conclude", "record")),
    Row(_LEASED, Signal.DEADLINE, _STOPPING, ("note_late_start", "stop")),
    Row(_LEASED, Signal.INTERRUPT, _STOPPING, ("note_unstarted", "stop")),
    Row(_LEASED, Signal.RENEW_DUE, _LEASED, ("extend",)),
    Row(_LEASED, Signal.EXTENDED, _LEASED, ("take_extension",)),
    Row(_LEASED, Signal.EXTEND_FAILED, _LEASED, ("plan_extend_again",)),
    Row(_LEASED, Signal.FENCE, _LOST, ("let_go", "stop_in_time")),
    Row(_LEASED, Signal.LEASE_LOST, _LOST, ("end_call", "let_go", "stop")),
    # It cannot be started yet; it is tried again here, for a while.
    Row(_WAITING, Signal.START_DUE, _LEASED, ("start",)),
    Row(_WAITING, Signal.INTERRUPT, _SETTLING, ("conclude_not_started", "record")),
    Row(_WAITING, Signal.RENEW_DUE, _WAITING, ("extend",)),
    Row(_WAITING, Signal.EXTENDED, _WAITING, ("take_extension",)),
    Row(_WAITING, Signal.EXTEND_FAILED, _WAITING, ("plan_extend_again",)),
    Row(_WAITING, Signal.FENCE, _SETTLING, ("conclude_not_started", "record")),
    Row(_WAITING, Signal.LEASE_LOST, _SETTLED, ("end_call", "free_slot", "conclude_lost", "record", "close")),
    # The user's function runs.
    Row(_RUNNING, Signal.ENDED, _SETTLING, ("conclude", "record")),
    Row(_RUNNING, Signal.DEADLINE, _STOPPING, ("note_timeout", "stop")),
    Row(_RUNNING, Signal.INTERRUPT, _STOPPING, ("note_interruption", "stop")),
    Row(_RUNNING, Signal.RENEW_DUE, _RUNNING, ("extend",)),
    Row(_RUNNING, Signal.EXTENDED, _RUNNING, ("take_extension",)),
    Row(_RUNNING, Signal.EXTEND_FAILED, _RUNNING, ("plan_extend_again",)),
    Row(_RUNNING, Signal.FENCE, _LOST, ("let_go", "stop_in_time")),
    Row(_RUNNING, Signal.LEASE_LOST, _LOST, ("end_call", "let_go", "stop")),
    # It was asked to end (SIGTERM) and will be killed if it does not.
    Row(_STOPPING, Signal.STARTED, _STOPPING),
    Row(_STOPPING, Signal.START_FAILED, _SETTLING, ("conclude_not_started", "record")),
    Row(_STOPPING, Signal.ENDED, _SETTLING, ("conclude", "record")),
    Row(_STOPPING, Signal.INTERRUPT, _STOPPING),
    Row(_STOPPING, Signal.KILL_DUE, _STOPPING, ("kill",)),
    Row(_STOPPING, Signal.RENEW_DUE, _STOPPING, ("extend",)),
    Row(_STOPPING, Signal.EXTENDED, _STOPPING, ("take_extension",)),
    Row(_STOPPING, Signal.EXTEND_FAILED, _STOPPING, ("plan_extend_again",)),
    Row(_STOPPING, Signal.FENCE, _LOST, ("let_go", "kill")),
    Row(_STOPPING, Signal.LEASE_LOST, _LOST, ("end_call", "let_go", "kill")),
    # The outcome is known: record it, and only then settle the lease.
    Row(_SETTLING, Signal.STORED, _SETTLING, ("settle",)),
    Row(_SETTLING, Signal.SETTLED, _SETTLED, ("forget", "close")),
    Row(_SETTLING, Signal.SETTLE_FAILED, _SETTLING, ("plan_settle_again",)),
    Row(_SETTLING, Signal.RETRY_DUE, _SETTLING, ("settle",)),
    Row(_SETTLING, Signal.RENEW_DUE, _SETTLING, ("extend",)),
    Row(_SETTLING, Signal.EXTENDED, _SETTLING, ("take_extension", "settle_if_waiting")),
    Row(_SETTLING, Signal.EXTEND_FAILED, _SETTLING, ("plan_extend_again", "settle_if_waiting")),
    Row(_SETTLING, Signal.LEASE_LOST, _SETTLED, ("end_call", "report_not_settled", "close")),
    Row(_SETTLING, Signal.GONE, _SETTLING, ("free_slot",)),
    # Settled; the slot is free when the process group is gone.
    Row(_SETTLED, Signal.GONE, _SETTLED, ("free_slot", "close")),
    # A lease that was given up and turns out to be extended is handed back: nobody else would get the task.
    Row(_SETTLED, Signal.STORED, _SETTLED, ("note_stored", "give_back")),
    Row(_SETTLED, Signal.EXTENDED, _SETTLED, ("note_regained", "give_back")),
    Row(_SETTLED, Signal.EXTEND_FAILED, _SETTLED, ("end_call", "close")),
    Row(_SETTLED, Signal.SETTLED, _SETTLED, ("end_call", "close")),
    Row(_SETTLED, Signal.SETTLE_FAILED, _SETTLED, ("end_call", "close")),
    Row(_SETTLED, Signal.LEASE_LOST, _SETTLED, ("end_call", "close")),
    # Somebody else has the task, or may have it: the run ends, nothing is settled.
    Row(_LOST, Signal.STARTED, _LOST),
    Row(_LOST, Signal.START_FAILED, _SETTLED, ("free_slot", "conclude_lost", "record", "close")),
    Row(_LOST, Signal.ENDED, _SETTLED, ("conclude_lost", "record", "close")),
    Row(_LOST, Signal.INTERRUPT, _LOST),
    Row(_LOST, Signal.KILL_DUE, _LOST, ("kill",)),
    Row(_LOST, Signal.EXTENDED, _STOPPING, ("regain",)),
    Row(_LOST, Signal.EXTEND_FAILED, _LOST, ("end_call",)),
    Row(_LOST, Signal.LEASE_LOST, _LOST, ("end_call",)),
)
